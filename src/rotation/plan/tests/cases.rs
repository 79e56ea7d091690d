//! What was once wrong, told one by one.

use super::run::{Run, Target};
use super::script::{Fault, Op, Where};
use super::setting::{ConsumerSetting, Make, Manner, Setting};
use super::world::{Life, OLD};
use crate::inventory::Role;
use crate::rotation::facts::Effect;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Step, lost_mint, plan};
use crate::rotation::words::{Cause, Kind, Mode, Status};
use keywheel_contract::Strength;
use keywheel_schedules::Span;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// A run of this setting that has come to this phase.
pub(super) fn at(setting: &Setting, phase: Phase) -> Run {
    let mut run = Run::new(setting, plan);
    until(&mut run, phase);
    run
}

pub(super) fn until(run: &mut Run, phase: Phase) {
    for _ in 0..200 {
        if run.phase() == phase {
            return;
        }
        run.turn(Fault::None, 0, 1).unwrap();
    }
    panic!("{phase} is not reached from {}", run.phase());
}

pub(super) fn play(run: &mut Run, script: &[Op]) {
    run.play(script).unwrap();
}

pub(super) fn ends(mut run: Run, phase: Phase) -> Run {
    run.calm(7).unwrap();
    assert_eq!(run.phase(), phase);
    run
}

/// The next effect of this kind meets this fault.
pub(super) fn strike(run: &mut Run, kind: Kind, fault: Fault) {
    run.strike = Some((Target::Effect(kind), fault));
    for _ in 0..50 {
        if tries(run, kind) > 0 {
            run.strike = None;
            return;
        }
        run.turn(Fault::None, 0, 1).unwrap();
    }
    panic!("{} is never tried, in {}", kind.word(), run.phase());
}

fn two_consumers(make: Make) -> Setting {
    let consumers = vec![ConsumerSetting::plain(); 2];
    Setting {
        consumers,
        ..Setting::plain(make)
    }
}

/// An issuer that can only revoke, so that `revoking` follows `overlapping` at once.
fn irreversible() -> Setting {
    Setting {
        reversible: false,
        ..Setting::plain(Make::Overlap)
    }
}

pub(super) fn tries(run: &Run, kind: Kind) -> usize {
    run.journal
        .facts
        .effects
        .iter()
        .filter(|effect| effect.kind == kind)
        .count()
}

#[test]
fn answers_within_one_instant_are_asked_for_once() {
    let mut run = Run::new(&two_consumers(Make::Overlap), plan);
    run.calm(0).unwrap();
    assert_eq!(run.phase(), Phase::Completed);
}

#[test]
fn a_consumer_of_a_place_outside_the_plan_is_not_asked_without_end() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Publishing);
    play(&mut run, &[Op::AddConsumer]);
    let today = run.journal.facts.today.as_mut().unwrap();
    Arc::make_mut(today)
        .consumers
        .get_mut("added")
        .unwrap()
        .reads = Some("elsewhere:path".to_owned());
    until(&mut run, Phase::Verifying);
    let before_ms = run.world.now_ms;
    play(&mut run, &[Op::Turns(40)]);
    assert!(run.world.now_ms > before_ms + 5_000);
}

#[test]
fn a_pause_holds_the_revoke_intent() {
    let mut run = at(&irreversible(), Phase::Overlapping);
    play(&mut run, &[Op::Pause, Op::Turns(20)]);
    assert_eq!(tries(&run, Kind::Revoke), 0);
    run.journal.facts.paused_by = None;
    until(&mut run, Phase::Revoking);
    play(&mut run, &[Op::Pause, Op::Turns(20)]);
    assert_eq!(tries(&run, Kind::Revoke), 0);
    ends(run, Phase::Completed);
}

#[test]
fn a_pause_does_not_hold_reenable() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Observing);
    play(&mut run, &[Op::Pause, Op::Reenable, Op::Turns(4)]);
    assert!(run.world.is_alive(OLD));
}

#[test]
fn a_pause_does_not_hold_the_watch_over_consumers() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Observing);
    let back = Op::Move {
        consumer: 0,
        instance: 0,
        to: Where::Old,
    };
    play(&mut run, &[Op::Pause, back, Op::Turns(8)]);
    assert!(run.world.is_alive(OLD));
}

#[test]
fn the_candidate_is_not_destroyed_on_evidence_of_hours_ago() {
    let mut run = at(&two_consumers(Make::Overlap), Phase::Verifying);
    play(
        &mut run,
        &[Op::Silence(1, true), Op::Rollback, Op::Turns(8)],
    );
    assert_eq!(run.phase(), Phase::Restoring);
    let forth = Op::Move {
        consumer: 0,
        instance: 0,
        to: Where::New,
    };
    play(
        &mut run,
        &[
            Op::Pass(2 * HOUR_MS),
            forth,
            Op::Silence(1, false),
            Op::Turns(8),
        ],
    );
    assert_eq!(tries(&run, Kind::DestroyCandidate), 0);
    ends(run, Phase::RolledBack);
}

#[test]
fn a_candidate_whose_apply_got_lost_is_ended_on_the_way_back() {
    let setting = Setting {
        tests: false,
        ..Setting::plain(Make::Chosen)
    };
    let mut run = at(&setting, Phase::Minting);
    strike(&mut run, Kind::Apply, Fault::Landed);
    play(&mut run, &[Op::Rollback]);
    ends(run, Phase::RolledBack);
}

#[test]
fn a_candidate_that_a_person_provided_is_ended_on_the_way_back() {
    let mut run = at(&Setting::plain(Make::Assisted), Phase::Minting);
    play(&mut run, &[Op::Provide, Op::Turns(2), Op::Rollback]);
    let run = ends(run, Phase::RolledBack);
    assert_eq!(run.world.issuer["new1"].life, Life::Dead);
}

#[test]
fn rollback_before_the_first_revoke_intent_goes_back() {
    let mut run = at(&irreversible(), Phase::Overlapping);
    play(&mut run, &[Op::Silence(0, true), Op::Turns(2)]);
    assert_eq!(run.phase(), Phase::Revoking);
    play(&mut run, &[Op::Rollback]);
    ends(run, Phase::RolledBack);
}

#[test]
fn reenable_before_the_first_revoke_intent_holds_the_old_credential() {
    let setting = Setting {
        undo: Span::seconds(60),
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Observing);
    play(
        &mut run,
        &[Op::Silence(0, true), Op::Pass(60_000), Op::Turns(1)],
    );
    assert_eq!(run.phase(), Phase::Revoking);
    play(&mut run, &[Op::Reenable, Op::Turns(2)]);
    assert_eq!(run.phase(), Phase::Verifying);
    assert!(run.world.is_alive(OLD));
    ends(run, Phase::Completed);
}

#[test]
fn rollback_in_confirming_is_refused() {
    let mut run = at(&Setting::plain(Make::InPlaceReuse), Phase::Confirming);
    play(&mut run, &[Op::Rollback, Op::Turns(2)]);
    run.journal.retry();
    ends(run, Phase::Completed);
}

#[test]
fn reenable_in_contain_is_not_heard() {
    let setting = Setting {
        mode: Mode::Contain,
        cause: Cause::Emergency,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = Run::new(&setting, plan);
    strike(&mut run, Kind::DisableCredential, Fault::None);
    play(&mut run, &[Op::Reenable]);
    ends(run, Phase::Completed);
}

#[test]
fn a_late_try_to_revoke_takes_the_gate_again() {
    let mut run = at(&irreversible(), Phase::Overlapping);
    strike(&mut run, Kind::Revoke, Fault::Unavailable);
    let back = Op::Move {
        consumer: 0,
        instance: 0,
        to: Where::Old,
    };
    play(&mut run, &[Op::Pass(2 * HOUR_MS), back, Op::Turns(8)]);
    assert!(run.world.is_alive(OLD));
    assert_eq!(run.phase(), Phase::Revoking);
    ends(run, Phase::Completed);
}

#[test]
fn contain_in_disabling_does_not_wait_for_a_consumer() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Overlapping);
    play(&mut run, &[Op::Silence(0, true), Op::Turns(3)]);
    assert_eq!(run.phase(), Phase::Disabling);
    play(&mut run, &[Op::Emergency(Mode::Contain), Op::Turns(3)]);
    assert!(!run.world.is_alive(OLD));
}

#[test]
fn in_place_nobody_waits_for_a_canary() {
    let canary = ConsumerSetting {
        canary: true,
        manner: Manner::Never,
        ..ConsumerSetting::plain()
    };
    let consumers = vec![canary, ConsumerSetting::plain()];
    let mut run = at(
        &Setting {
            consumers,
            ..Setting::plain(Make::InPlace)
        },
        Phase::Publishing,
    );
    strike(&mut run, Kind::Notify, Fault::None);
    assert_eq!(tries(&run, Kind::Notify), 2);
    ends(run, Phase::Completed);
}

#[test]
fn a_consumer_that_is_gone_and_vouched_for_does_not_block() {
    let mut run = at(&two_consumers(Make::Overlap), Phase::Publishing);
    play(
        &mut run,
        &[
            Op::Gone(1),
            Op::Vouch {
                consumer: 1,
                for_ms: 24 * HOUR_MS,
            },
        ],
    );
    ends(run, Phase::Completed);
}

#[test]
fn a_value_that_cannot_be_chosen_is_tried_with_back_off() {
    let mut run = Run::new(&Setting::plain(Make::Chosen), plan);
    run.strike = Some((Target::Propose, Fault::Unavailable));
    play(&mut run, &[Op::Turns(30)]);
    assert!(run.world.now_ms > super::journal::START_MS + 60_000);
    assert_eq!(run.phase(), Phase::RolledBack);
}

#[test]
fn an_answer_that_cannot_tell_is_no_relapse() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Overlapping);
    play(&mut run, &[Op::Unclear(0, true), Op::Turns(6)]);
    assert_eq!(run.phase(), Phase::Disabling);
    ends(run, Phase::Completed);
}

#[test]
fn a_disabling_whose_outcome_nobody_can_tell_is_brought_back() {
    let setting = Setting {
        tests: false,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Overlapping);
    strike(&mut run, Kind::DisableCredential, Fault::Landed);
    play(&mut run, &[Op::Rollback]);
    ends(run, Phase::RolledBack);
}

#[test]
fn a_disabling_that_nobody_can_tell_is_brought_back_after_a_refused_try_too() {
    let setting = Setting {
        tests: false,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Overlapping);
    strike(&mut run, Kind::DisableCredential, Fault::DiedLanded);
    let refused = Op::Strike(Kind::DisableCredential, Fault::Unavailable);
    play(&mut run, &[refused, Op::Turns(4), Op::Rollback]);
    assert_eq!(tries(&run, Kind::DisableCredential), 2);
    ends(run, Phase::RolledBack);
}

#[test]
fn a_disabling_after_a_relapse_that_nobody_can_tell_is_brought_back_again() {
    let setting = Setting {
        tests: false,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Observing);
    let back = Op::Move {
        consumer: 0,
        instance: 0,
        to: Where::Old,
    };
    play(&mut run, &[back, Op::Turns(4)]);
    assert!(run.world.is_alive(OLD));
    run.world.reload("app0");
    let lost = Op::Strike(Kind::DisableCredential, Fault::DiedLanded);
    play(&mut run, &[lost]);
    for _ in 0..40 {
        if tries(&run, Kind::DisableCredential) == 2 {
            break;
        }
        play(&mut run, &[Op::Turns(1)]);
    }
    assert!(!run.world.is_alive(OLD));
    play(&mut run, &[Op::Rollback]);
    ends(run, Phase::RolledBack);
}

#[test]
fn a_reading_that_began_before_the_call_landed_proves_no_absence() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Publishing);
    strike(&mut run, Kind::Publish, Fault::DiedLate(24_990));
    play(&mut run, &[Op::Pass(24_000)]);
    play(
        &mut run,
        &[Op::Turn {
            fault: Fault::None,
            nth: 0,
            latency_ms: 5_000,
        }],
    );
    let publish = run
        .journal
        .facts
        .effects
        .iter()
        .find(|effect| effect.kind == Kind::Publish);
    assert_ne!(publish.unwrap().status, Status::Absent);
    ends(run, Phase::Completed);
}

#[test]
fn an_issuer_presents_the_old_value_again_before_the_candidate_ends() {
    let setting = Setting {
        activates: true,
        ..Setting::plain(Make::Chosen)
    };
    let mut run = at(&setting, Phase::Observing);
    assert_eq!(run.world.presents, "new1");
    play(&mut run, &[Op::Rollback]);
    let run = ends(run, Phase::RolledBack);
    assert_eq!(run.world.presents, OLD);
    // Before anybody is told to stop taking the candidate.
    let effects = &run.journal.facts.effects;
    let begun = |kind, target| {
        let of = |effect: &Effect| effect.kind == kind && effect.target == target;
        effects.iter().position(of).unwrap()
    };
    let store = &run.journal.facts.plan.destinations[0].name();
    assert!(begun(Kind::Activate, OLD) < begun(Kind::Republish, store));
}

#[test]
fn weak_evidence_is_none() {
    let weak = ConsumerSetting {
        strongest: Some(Strength::Restarted),
        ..ConsumerSetting::plain()
    };
    let setting = Setting {
        consumers: vec![weak],
        ..Setting::plain(Make::Overlap)
    };
    let mut run = Run::new(&setting, plan);
    play(&mut run, &[Op::Turns(60)]);
    assert_eq!(run.phase(), Phase::Preflight);
}

#[test]
fn a_mint_that_nobody_can_look_up_is_asked_about_once_it_can_no_longer_land() {
    let mut run = Run::new(&Setting::plain(Make::Unfindable), plan);
    play(&mut run, &[Op::Strike(Kind::Mint, Fault::DiedLanded)]);
    until(&mut run, Phase::Minting);
    while lost_mint(&run.journal.facts).is_none() {
        assert!(!matches!(plan(&run.journal.facts), Step::Block { .. }));
        play(&mut run, &[Op::Turns(1)]);
    }
    let Step::Block { next_command, .. } = plan(&run.journal.facts) else {
        panic!("nobody is asked");
    };
    assert!(next_command.contains("--absent"), "{next_command}");
    play(&mut run, &[Op::Turns(5)]);
    assert_eq!(tries(&run, Kind::Mint), 1);
    let run = ends(run, Phase::Completed);
    assert_eq!(
        (tries(&run, Kind::Mint), tries(&run, Kind::RevokeOrphan)),
        (2, 1)
    );
}

#[test]
fn each_group_has_its_own_time_to_prove() {
    let late = ConsumerSetting {
        manner: Manner::After(3 * HOUR_MS / 2),
        ..ConsumerSetting::plain()
    };
    let canary = ConsumerSetting {
        canary: true,
        ..late.clone()
    };
    let slow = ConsumerSetting {
        role: Some(Role::Presents),
        ..late.clone()
    };
    let setting = Setting {
        consumers: vec![canary, late, slow],
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Notifying);
    for _ in 0..2_000 {
        if run.phase() != Phase::Notifying {
            break;
        }
        // Each is late, and none so late that anybody is asked.
        assert!(!matches!(plan(&run.journal.facts), Step::Block { .. }));
        play(&mut run, &[Op::Turns(1)]);
    }
    assert_eq!(run.phase(), Phase::Verifying);
    assert!(run.world.now_ms - run.journal.facts.phase_since_ms < HOUR_MS);
}

#[test]
fn a_window_is_not_waited_for_where_the_credential_in_use_ends_before() {
    let setting = Setting {
        windowed: true,
        cause: Cause::Scheduled,
        ..Setting::plain(Make::Overlap)
    };
    // It opens in eight hours, and proving, overlap and undo take three.
    let mut run = at(&setting, Phase::Minting);
    for (hours, waits) in [(None, true), (Some(12), true), (Some(9), false)] {
        let facts = &mut run.journal.facts;
        let ends_ms = hours.map(|hours| facts.now_ms + hours * HOUR_MS);
        facts.old.as_mut().unwrap().expires_ms = ends_ms;
        let step = plan(facts);
        assert_eq!(matches!(step, Step::Wait { .. }), waits, "{hours:?}");
    }
}
