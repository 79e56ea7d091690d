//! Issuers that hold one value, and values that a person brings: nobody else can do what is left to do.

use super::cases::{at, ends, play, strike, tries, until};
use super::run::Target;
use super::script::{Fault, Op};
use super::setting::{Make, Setting, StoreSetting};
use crate::rotation::OLD_REVOKED;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Step, plan};
use crate::rotation::words::{Kind, Look};

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
