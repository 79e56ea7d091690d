//! Issuers that hold one value, and values that a person brings: nobody else can do what is left to do.

use super::cases::{at, ends, play, strike, tries, until};
use super::run::{Run, Target};
use super::script::{Fault, Op};
use super::setting::{Make, Setting, StoreSetting};
use crate::inventory::VerifySpec;
use crate::rotation::OLD_REVOKED;
use crate::rotation::facts::{Effect, Evidence, Facts, Probe};
use crate::rotation::gate;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Order, Step, can_turn_back, lost_mint, plan, settle_key};
use crate::rotation::words::{Cause, Kind, Look, Status};
use keywheel_contract::Style;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

#[test]
fn stores_are_looked_at_just_before_the_one_value_is_replaced() {
    let staging = StoreSetting {
        stages: true,
        ..StoreSetting::plain()
    };
    let setting = Setting {
        stores: vec![StoreSetting::plain(), staging],
        ..Setting::plain(Make::InPlace)
    };
    let mut run = at(&setting, Phase::Minting);
    play(&mut run, &[Op::Pass(HOUR_MS)]);
    while tries(&run, Kind::Apply) == 0 {
        play(&mut run, &[Op::Turns(1)]);
    }
    let facts = &run.journal.facts;
    let apply = facts
        .effects
        .iter()
        .find(|effect| effect.kind == Kind::Apply)
        .unwrap();
    let seen = facts
        .probe(Look::Inspect, &Setting::destination(0))
        .unwrap();
    assert!(apply.created_ms - seen.at_ms <= 30_000);
    assert!(
        facts
            .applied(Kind::Stage, &Setting::destination(1))
            .is_some()
    );
}

#[test]
fn a_store_that_refuses_before_the_one_value_is_replaced_turns_the_run_back() {
    let staging = StoreSetting {
        stages: true,
        ..StoreSetting::plain()
    };
    let setting = Setting {
        stores: vec![staging],
        ..Setting::plain(Make::InPlace)
    };
    let mut run = at(&setting, Phase::Minting);
    strike(&mut run, Kind::Stage, Fault::Denied);
    let run = ends(run, Phase::RolledBack);
    assert_eq!(tries(&run, Kind::Apply), 0);
}

#[test]
fn a_store_that_refuses_while_consumers_are_locked_out_is_tried_on() {
    let mut run = at(&Setting::plain(Make::InPlace), Phase::Minting);
    run.strike = Some((Target::Effect(Kind::Publish), Fault::Denied));
    play(&mut run, &[Op::Turns(60)]);
    assert!(tries(&run, Kind::Publish) > 8);
    match plan(&run.journal.facts) {
        Step::Wait { waiting, .. } => {
            assert!(waiting[0].name.contains("consumers are locked out"));
            assert_eq!(waiting[0].next_command, "keywheel retry test/example");
        }
        step => assert!(matches!(step, Step::Act(_)), "{step:?}"),
    }
    run.strike = None;
    ends(run, Phase::Completed);
}

#[test]
fn a_provided_value_that_was_given_up_is_ended_by_hand() {
    let setting = Setting {
        reversible: false,
        revokes: false,
        ..Setting::plain(Make::Assisted)
    };
    let mut run = at(&setting, Phase::Minting);
    play(&mut run, &[Op::Provide]);
    until(&mut run, Phase::Overlapping);
    play(&mut run, &[Op::Rollback, Op::Turns(20)]);
    match plan(&run.journal.facts) {
        Step::Block { question, .. } => assert!(question.contains("--new-revoked"), "{question}"),
        step => panic!("{step:?}"),
    }
    ends(run, Phase::RolledBack);
}

#[test]
fn what_a_person_said_of_an_earlier_credential_is_not_said_of_this_one() {
    let setting = Setting {
        reversible: false,
        revokes: false,
        ..Setting::plain(Make::Assisted)
    };
    let mut run = at(&setting, Phase::Minting);
    run.journal.vouch(OLD_REVOKED, 30 * 24 * HOUR_MS);
    play(&mut run, &[Op::Provide]);
    until(&mut run, Phase::Confirming);
    let asks = matches!(plan(&run.journal.facts), Step::Block { .. } | Step::Act(_));
    assert!(asks);
    play(&mut run, &[Op::Turns(10)]);
    assert_eq!(run.phase(), Phase::Confirming);
}

/// Facts of a run whose issuer made the candidate in the place of the value in use.
fn made_in_place() -> Facts {
    let run = at(&Setting::plain(Make::Overlap), Phase::Testing);
    let mut facts = run.journal.facts.clone();
    let issuer = &mut Arc::make_mut(&mut facts.can).issuer;
    (issuer.style, issuer.idempotent_mint) = (Style::InPlace, true);
    facts
}

fn mint(facts: &mut Facts) -> &mut Effect {
    let mut effects = facts.effects.iter_mut();
    effects.find(|effect| effect.kind == Kind::Mint).unwrap()
}

#[test]
fn what_its_issuer_made_in_place_is_not_gone_back_from() {
    let mut facts = made_in_place();
    assert!(can_turn_back(&facts).is_err());
    for status in [Status::Failed, Status::Absent] {
        mint(&mut facts).status = status;
        assert!(can_turn_back(&facts).is_ok(), "{status:?}");
    }
}

#[test]
fn what_an_issuer_says_for_good_of_its_mint_is_told_to_a_person() {
    let mut facts = made_in_place();
    facts.phase = Phase::Minting;
    let lost = mint(&mut facts);
    lost.status = Status::Intent;
    let target = settle_key(lost);
    facts.now_ms += HOUR_MS;
    let says = |result: &str, at_ms| Probe {
        look: Look::Settle,
        target: target.clone(),
        result: result.to_owned(),
        detail: "it was given up".to_owned(),
        at_ms,
        failures: 1,
    };
    facts.probes = vec![says("invalid", facts.now_ms)];
    match plan(&facts) {
        Step::Block { question, .. } => assert!(question.contains("given up"), "{question}"),
        step => panic!("{step:?}"),
    }
    assert!(lost_mint(&facts).is_some());
    // A person had it looked at again; or it only says that it is not through.
    facts.retried_ms = facts.now_ms;
    assert!(!matches!(plan(&facts), Step::Block { .. }));
    facts.retried_ms = 0;
    facts.probes = vec![says("unknown_outcome", facts.now_ms)];
    match plan(&facts) {
        Step::Wait { waiting, .. } => assert_eq!(waiting[0].name, "mint: it was given up"),
        step => panic!("{step:?}"),
    }
    assert!(lost_mint(&facts).is_none());
}

/// Two spares, the older one dead; the inventory wants one to be ready.
fn with_spares(cause: Cause) -> Run {
    let setting = Setting {
        cause,
        ..Setting::plain(Make::Assisted)
    };
    let mut run = Run::new(&setting, plan);
    let alive = run.world.make_by_hand();
    let facts = &mut run.journal.facts;
    facts.spares = vec!["dead".to_owned(), alive];
    let mut definition = (*facts.plan).clone();
    definition.issuer.standby = 1;
    facts.plan = Arc::new(definition);
    run
}

#[test]
fn an_emergency_takes_a_spare_that_works_and_asks_nobody() {
    let mut run = with_spares(Cause::Emergency);
    let alive = run.journal.facts.spares[1].clone();
    until(&mut run, Phase::Testing);
    assert_eq!(run.journal.facts.candidate_ref(), Some(alive.as_str()));
    ends(run, Phase::Completed);
}

#[test]
fn the_schedule_leaves_as_many_spares_as_are_wanted() {
    let mut run = with_spares(Cause::Scheduled);
    until(&mut run, Phase::Minting);
    play(&mut run, &[Op::Turns(10)]);
    // The dead one was more than is wanted; the other one stays.
    assert_eq!(run.phase(), Phase::Minting);
    assert_eq!(run.journal.facts.spares.len(), 1);
    assert!(run.asks_for_a_value());
}

/// One spare that cannot be judged holds up neither the others nor the person who could make a new one.
#[test]
fn a_spare_that_cannot_be_judged_makes_room() {
    let mut run = with_spares(Cause::Emergency);
    until(&mut run, Phase::Minting);
    let facts = &mut run.journal.facts;
    let [first, second] = ["first", "second"].map(str::to_owned);
    facts.spares = vec![first.clone(), second.clone()];
    let failed = |spare: &str, failures| Probe {
        look: Look::TakeSpare,
        target: spare.to_owned(),
        result: "unavailable".to_owned(),
        detail: "the issuer cannot tell now".to_owned(),
        at_ms: facts.now_ms,
        failures,
    };
    let (one, many) = (failed(&first, 1), failed(&first, facts.pace.attempts));
    let other = failed(&second, facts.pace.attempts);
    facts.probes = vec![one];
    match plan(facts) {
        Step::Act(orders) => assert_eq!(orders, [Order::TakeSpare { spare: second }]),
        step => panic!("{step:?}"),
    }
    facts.probes = vec![many, other];
    match plan(facts) {
        Step::Wait { waiting, .. } => assert!(waiting[0].name.ends_with("a new value")),
        step => panic!("{step:?}"),
    }
}

/// Who attests cannot be asked again: an old value that it showed does not grow stale beside the proofs of others.
#[test]
fn what_an_attesting_instance_showed_last_stands() {
    let run = at(&Setting::plain(Make::Overlap), Phase::Overlapping);
    let mut facts = run.journal.facts;
    let mut definition = (*facts.plan).clone();
    for consumer in definition.consumers.values_mut() {
        consumer.verify = VerifySpec::Attest;
    }
    facts.plan = Arc::new(definition);
    facts.today = None;
    facts.now_ms += 86_400_000;
    let now_ms = facts.now_ms;
    let candidate = facts.candidate.as_ref().unwrap().id.clone();
    for one in &mut facts.evidence {
        (one.at_ms, one.holding) = (now_ms, candidate.clone());
    }
    let missing =
        |facts: &Facts| gate::missing(facts, &gate::required(facts), &candidate, |_| now_ms - 1);
    assert_eq!(missing(&facts), []);
    let showed_old = Evidence {
        instance: "another".to_owned(),
        holding: facts.old.as_ref().unwrap().id.clone(),
        at_ms: facts.published_ms.unwrap() + 1,
        ..facts.evidence[0].clone()
    };
    facts.evidence.push(showed_old);
    let held_up = missing(&facts);
    assert_eq!(held_up.len(), 1);
    assert!(held_up[0].elsewhere, "{held_up:?}");
    let last = facts.evidence.len() - 1;
    facts.evidence[last].holding = candidate.clone();
    assert_eq!(missing(&facts), []);
}
