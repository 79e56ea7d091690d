//! Wrong planners: each must be caught by the rule that is about its fault, or the rules are worth nothing.

use super::properties::{any_case, runner};
use super::rules::Violation;
use super::run::{Planner, Run};
use super::setting::Make;
use crate::rotation::NEW_REVOKED;
use crate::rotation::facts::{Facts, Waiver};
use crate::rotation::phase::{Event, Phase};
use crate::rotation::plan::{Order, Step, plan};
use crate::rotation::words::{Kind, Look, Status};
use proptest::test_runner::{TestCaseError, TestError};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// How many cases a wrong planner is given to be found out.
const CASES: u32 = 1_500;

/// Plays cases until a rule is broken, and says which; other rules may be broken on the way.
fn broken_rules(
    make: Make,
    prepare: impl Fn(&mut Run),
    planner: Planner,
    expected: &str,
) -> Vec<String> {
    let seen = RefCell::new(Vec::new());
    let mut runner = runner(CASES, 0);
    let outcome = runner.run(&any_case(make), |case| {
        let mut run = Run::new(&case.setting, planner);
        prepare(&mut run);
        let played = run
            .play(&case.script)
            .and_then(|()| run.calm(case.latency_ms));
        let Err(Violation { rule, detail }) = played else {
            return Ok(());
        };
        if rule == expected {
            return Err(TestCaseError::fail(detail));
        }
        seen.borrow_mut().push(format!("{rule}: {detail}"));
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(..)) => vec![expected.to_owned()],
        Err(TestError::Abort(why)) => vec![why.to_string()],
        Ok(()) => seen.into_inner(),
    }
}

#[track_caller]
fn caught(make: Make, planner: Planner, expected: &str) {
    let rules = broken_rules(make, |_| {}, planner, expected);
    assert_eq!(rules, [expected], "not caught by `{expected}`");
}

/// Facts with which a gate is open that is closed.
fn with(facts: &Facts, change: impl FnOnce(&mut Facts)) -> Step {
    let mut facts = facts.clone();
    change(&mut facts);
    plan(&facts)
}

fn ends_old(phase: Phase) -> bool {
    matches!(phase, Phase::Disabling | Phase::Revoking)
}

fn nobody(facts: &mut Facts) {
    Arc::make_mut(&mut facts.plan).consumers.clear();
    facts.today = None;
}

#[test]
fn no_gate() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            if ends_old(facts.phase) {
                nobody(facts);
            }
        })
    }
    for make in [Make::Overlap, Make::Assisted, Make::Previous] {
        caught(make, planner, "evidence");
    }
}

#[test]
fn gate_not_taken_again() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            if ends_old(facts.phase) {
                let now_ms = facts.now_ms;
                facts.phase_since_ms = facts.phase_since_ms.min(now_ms - 1);
                facts.evidence.iter_mut().for_each(|one| one.at_ms = now_ms);
            }
        })
    }
    for make in [Make::Overlap, Make::TwoSlots, Make::Generated] {
        caught(make, planner, "evidence");
    }
}

#[test]
fn evidence_age_ignored() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| facts.pace.fresh_ms = 1_000_000_000)
    }
    for make in [Make::Overlap, Make::Alternating] {
        caught(make, planner, "evidence");
    }
}

#[test]
fn evidence_made_up() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let candidate = facts
                .candidate
                .as_ref()
                .map(|one| one.id.clone())
                .unwrap_or_default();
            if ends_old(facts.phase) {
                facts
                    .evidence
                    .iter_mut()
                    .for_each(|one| one.holding.clone_from(&candidate));
            }
        })
    }
    caught(Make::Overlap, planner, "evidence");
}

/// Evidence is all a planner has. Where it lies, the truth still tells.
#[test]
fn evidence_that_lies() {
    let flatter = |run: &mut Run| run.world.flatters = true;
    assert_eq!(
        broken_rules(Make::Overlap, flatter, plan, "in use"),
        ["in use"]
    );
}

#[test]
fn heir_not_tried_again() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let now_ms = facts.now_ms;
            let tried = |look| matches!(look, Look::TestCandidate | Look::TestOld);
            let probes = facts.probes.iter_mut().filter(|one| tried(one.look));
            probes.for_each(|one| one.at_ms = now_ms);
        })
    }
    for make in [Make::Overlap, Make::TwoSlots] {
        caught(make, planner, "heir");
    }
}

#[test]
fn new_use_not_asked_for() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let today = facts.today.iter_mut();
            let all = today.chain([&mut facts.plan]);
            all.for_each(|one| Arc::make_mut(one).new_used = false);
        })
    }
    for make in [Make::Overlap, Make::Alternating] {
        caught(make, planner, "new use");
    }
}

#[test]
fn our_own_use_taken_for_anothers() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| facts.pace.clocks_ms = -1_000_000_000)
    }
    caught(Make::Overlap, planner, "new use");
}

#[test]
fn clocks_taken_for_the_same() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| facts.pace.clocks_ms = 0)
    }
    caught(Make::Overlap, planner, "new use");
}

#[test]
fn one_instance_is_enough() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let today = facts
                .today
                .iter_mut()
                .flat_map(|definition| Arc::make_mut(definition).consumers.values_mut());
            Arc::make_mut(&mut facts.plan)
                .consumers
                .values_mut()
                .chain(today)
                .for_each(|spec| spec.instances = 1);
            let mut seen = std::collections::BTreeSet::new();
            facts
                .evidence
                .retain(|one| seen.insert(one.consumer.clone()));
        })
    }
    caught(Make::Overlap, planner, "evidence");
}

#[test]
fn candidate_destroyed_before_consumers_are_back() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            if facts.phase == Phase::Restoring {
                nobody(facts);
            }
        })
    }
    for make in [Make::Overlap, Make::Chosen, Make::TwoSlots] {
        caught(make, planner, "evidence");
    }
}

#[test]
fn candidate_destroyed_before_the_old_value_is_back() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            if facts.phase == Phase::Restoring {
                nobody(facts);
                Arc::make_mut(&mut facts.plan).destinations.truncate(1);
            }
        })
    }
    caught(Make::Overlap, planner, "pointer");
}

#[test]
fn intent_missing() {
    let forget = |run: &mut Run| run.forgetful = true;
    assert_eq!(
        broken_rules(Make::Overlap, forget, plan, "intent first"),
        ["intent first"]
    );
}

#[test]
fn absence_concluded_at_once() {
    let hurry = |run: &mut Run| run.journal.hasty = true;
    assert_eq!(
        broken_rules(Make::Overlap, hurry, plan, "absent"),
        ["absent"]
    );
}

/// What the list of an issuer shows late is taken for not made: nobody ends it.
#[test]
fn lag_of_lists_ignored() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            Arc::make_mut(&mut facts.can).issuer.lists_after = Duration::ZERO
        })
    }
    let trust = |run: &mut Run| run.journal.trusts_lists = true;
    for make in [Make::Overlap, Make::TwoSlots] {
        let rules = broken_rules(make, trust, planner, "end");
        assert_eq!(rules, ["end"], "no orphan was noticed");
    }
}

#[test]
fn doubt_taken_for_failure() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let open = facts
                .effects
                .iter_mut()
                .filter(|effect| effect.status == Status::Intent);
            open.for_each(|effect| effect.status = Status::Absent);
        })
    }
    caught(Make::Chosen, planner, "settle first");
}

#[test]
fn applied_effect_repeated() {
    fn planner(facts: &Facts) -> Step {
        match plan(facts) {
            Step::Advance(Event::Published) if facts.effects.len() < 20 => {
                let target = facts.plan.destinations[0].name();
                let last = facts
                    .effect(Kind::Publish, &target)
                    .map_or(0, |effect| effect.attempt);
                Step::Act(vec![Order::Perform {
                    kind: Kind::Publish,
                    target,
                    attempt: last + 1,
                }])
            }
            step => step,
        }
    }
    caught(Make::Overlap, planner, "once");
}

#[test]
fn way_back_after_the_point_of_no_return() {
    fn planner(facts: &Facts) -> Step {
        let begun = facts.effects.iter().any(|effect| effect.kind.is_final());
        match facts.phase {
            Phase::Revoking if begun && facts.wish == crate::rotation::words::Wish::Rollback => {
                Step::Advance(Event::Relapsed)
            }
            Phase::Verifying if begun => Step::TurnBack {
                reason: String::new(),
            },
            _ => plan(facts),
        }
    }
    caught(Make::Overlap, planner, "forward only");
}

#[test]
fn a_question_while_consumers_are_locked_out() {
    fn planner(facts: &Facts) -> Step {
        match plan(facts) {
            Step::Wait { until_ms, .. } if facts.phase == Phase::Publishing => Step::Block {
                question: "what now?".to_owned(),
                next_command: String::new(),
                until_ms,
            },
            step => step,
        }
    }
    caught(Make::InPlace, planner, "locked out");
}

#[test]
fn outage_taken_for_accepted() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| facts.accept_outage = true)
    }
    for make in [Make::Assisted, Make::Generated] {
        caught(make, planner, "outage");
    }
}

#[test]
fn provided_value_left_behind() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            facts.waivers.push(Waiver {
                subject: NEW_REVOKED.to_owned(),
                actor: String::new(),
                reason: String::new(),
                created_ms: facts.now_ms,
                until_ms: i64::MAX,
            });
        })
    }
    caught(Make::Assisted, planner, "end");
}

#[test]
fn pause_ignored() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| facts.paused_by = None)
    }
    for make in [Make::Overlap, Make::Generated] {
        caught(make, planner, "pause");
    }
}

#[test]
fn presenters_told_too_early() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let today = facts
                .today
                .iter_mut()
                .flat_map(|definition| Arc::make_mut(definition).consumers.values_mut());
            Arc::make_mut(&mut facts.plan)
                .consumers
                .values_mut()
                .chain(today)
                .for_each(|spec| spec.role = None);
        })
    }
    caught(Make::Previous, planner, "order of notices");
}

#[test]
fn canary_ignored() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            let today = facts
                .today
                .iter_mut()
                .flat_map(|definition| Arc::make_mut(definition).consumers.values_mut());
            Arc::make_mut(&mut facts.plan)
                .consumers
                .values_mut()
                .chain(today)
                .for_each(|spec| spec.canary = false);
        })
    }
    caught(Make::Overlap, planner, "order of notices");
}

#[test]
fn phase_skipped() {
    fn planner(facts: &Facts) -> Step {
        match facts.phase {
            Phase::Testing => Step::Advance(Event::Published),
            _ => plan(facts),
        }
    }
    caught(Make::Overlap, planner, "moves");
}

#[test]
fn orphans_left() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            facts
                .effects
                .iter_mut()
                .for_each(|effect| effect.result.orphans.clear())
        })
    }
    caught(Make::Overlap, planner, "end");
}

#[test]
fn observes_without_end() {
    fn planner(facts: &Facts) -> Step {
        with(facts, |facts| {
            facts.probes.retain(|probe| probe.look != Look::Observe)
        })
    }
    caught(Make::Overlap, planner, "spin");
}

#[test]
fn waits_for_ever() {
    fn planner(facts: &Facts) -> Step {
        match plan(facts) {
            Step::Act(_) if facts.phase == Phase::Overlapping => Step::Wait {
                until_ms: facts.now_ms + 60_000,
                waiting: Vec::new(),
            },
            Step::Advance(Event::OverlapOver) => Step::Wait {
                until_ms: facts.now_ms + 60_000,
                waiting: Vec::new(),
            },
            step => step,
        }
    }
    caught(Make::Overlap, planner, "ends");
}
