//! Its issuer has to see somebody use the new credential, and a use of ours is none.

use super::calls::LAG_MS;
use super::cases::{at, ends, play, tries, until};
use super::run::Run;
use super::script::{Fault, Op};
use super::setting::{ConsumerSetting, Make, Setting};
use crate::rotation::NEW_USED;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Order, Step, plan, seen_in_use};
use crate::rotation::words::{Kind, Look, Mode};
use keywheel_schedules::Span;
use std::sync::Arc;

/// Nobody is listed, so that nothing else holds the end up.
fn asked(last_use: bool, sessions: bool) -> Setting {
    Setting {
        last_use,
        sessions,
        new_used: true,
        consumers: Vec::new(),
        ..Setting::plain(Make::Overlap)
    }
}

fn is_held(run: &mut Run) -> String {
    let until_ms = run.world.now_ms + 1_800_000;
    while run.world.now_ms < until_ms {
        play(run, &[Op::Turns(1)]);
    }
    for kind in [Kind::DisableCredential, Kind::Revoke] {
        assert_eq!(tries(run, kind), 0, "{kind:?}");
    }
    assert_eq!(run.phase(), Phase::Overlapping);
    format!("{:?}", plan(&run.journal.facts))
}

fn reads(run: &Run) -> bool {
    let step = plan(&run.journal.facts);
    matches!(step, Step::Act(orders) if orders.contains(&Order::NewUse))
}

#[test]
fn nothing_is_ended_before_somebody_else_is_logged_in_with_the_new_one() {
    let mut run = at(&asked(false, true), Phase::Overlapping);
    let told = is_held(&mut run);
    assert!(told.contains("nobody but keywheel"), "{told}");
    run.world.newcomers = vec!["orders".to_owned()];
    let told = ends(run, Phase::Completed);
    let seen = seen_in_use(&told.journal.facts).unwrap();
    assert_eq!(seen, "logged in with it: 10.0.0.9 (a consumer)");
}

/// The figure shows our test all the time, by a clock that is four minutes ahead.
#[test]
fn our_own_test_is_no_use() {
    let mut run = at(&asked(true, false), Phase::Overlapping);
    let told = is_held(&mut run);
    assert!(told.contains("may be our own test"), "{told}");
    run.world.newcomers = vec!["orders".to_owned()];
    let run = ends(run, Phase::Completed);
    let seen = seen_in_use(&run.journal.facts).unwrap();
    assert!(seen.starts_with("used at "), "{seen}");
}

/// Somebody who comes at once is shown only when it cannot be us.
#[test]
fn a_figure_counts_when_it_is_later_than_we_could_be() {
    let mut run = at(&asked(true, false), Phase::Overlapping);
    run.world.newcomers = vec!["orders".to_owned()];
    while tries(&run, Kind::DisableCredential) == 0 {
        play(&mut run, &[Op::Turns(1)]);
    }
    let facts = &run.journal.facts;
    let waited_ms = run.world.now_ms - facts.published_ms.unwrap();
    // Its unit and what clocks differ, less what this one is ahead; and what it lags.
    let least_ms = 60_000 + facts.pace.clocks_ms - 240_000 + LAG_MS;
    assert!(waited_ms >= least_ms, "{waited_ms}");
    ends(run, Phase::Completed);
}

/// Who came and went was seen, and our own later tests take nothing of that away.
#[test]
fn what_was_seen_once_stays_seen() {
    let setting = Setting {
        overlap: Span::days(1),
        ..asked(true, true)
    };
    let mut run = at(&setting, Phase::Overlapping);
    run.world.newcomers = vec!["nightly".to_owned()];
    play(&mut run, &[Op::Turns(4)]);
    run.world.newcomers.clear();
    assert!(seen_in_use(&run.journal.facts).is_some());
    until(&mut run, Phase::Observing);
    ends(run, Phase::Completed);
}

/// A reading that fails shows nothing, and is taken again.
#[test]
fn a_reading_that_fails_is_taken_again() {
    let mut run = at(&asked(false, true), Phase::Overlapping);
    run.world.newcomers = vec!["orders".to_owned()];
    let failures = |run: &Run| {
        let read = run.journal.facts.probe(Look::NewUse, "");
        read.map_or(0, |probe| probe.failures)
    };
    while failures(&run) == 0 {
        run.turn(Fault::Unavailable, 0, 1).unwrap();
        assert!(seen_in_use(&run.journal.facts).is_none());
    }
    ends(run, Phase::Completed);
}

/// Nobody is asked before the overlap is over and the time to prove after it; then a person may say that nobody has to.
#[test]
fn a_person_is_asked_in_time_and_may_vouch() {
    let setting = Setting {
        overlap: Span::seconds(7_200),
        ..asked(false, true)
    };
    let mut run = at(&setting, Phase::Overlapping);
    let since_ms = run.world.now_ms;
    let asks = |run: &Run| matches!(plan(&run.journal.facts), Step::Block { .. });
    while !asks(&run) {
        play(&mut run, &[Op::Turns(1)]);
        assert!(run.world.now_ms < since_ms + 12_000_000, "nobody is asked");
    }
    assert!(run.world.now_ms >= since_ms + 7_200_000 + 3_600_000);
    let told = format!("{:?}", plan(&run.journal.facts));
    assert!(
        told.contains("keywheel vouch test/example --new-used"),
        "{told}"
    );
    run.journal.vouch(NEW_USED, 86_400_000);
    until(&mut run, Phase::Observing);
    ends(run, Phase::Completed);
}

/// A word about the credential of the rotation before is none about this one's.
#[test]
fn a_waiver_from_before_the_publish_does_not_count() {
    let mut run = at(&asked(false, true), Phase::Testing);
    run.journal.vouch(NEW_USED, 30 * 86_400_000);
    play(&mut run, &[Op::Pass(1_000)]);
    until(&mut run, Phase::Overlapping);
    is_held(&mut run);
}

/// An emergency that may wait for evidence waits for this too; one that may not ends the leaked one first.
#[test]
fn cutover_asks_for_it_and_contain_does_not() {
    let emergency = |mode| Op::Emergency(mode);
    let mut run = at(&asked(false, true), Phase::Overlapping);
    play(&mut run, &[emergency(Mode::Cutover)]);
    is_held(&mut run);
    play(&mut run, &[emergency(Mode::Contain), Op::Turns(4)]);
    assert!(tries(&run, Kind::DisableCredential) > 0);
    ends(run, Phase::Completed);
}

/// Asked for by an edit while the old one is disabled already: we try the new one no more until somebody else is seen.
#[test]
fn an_edit_that_asks_for_it_counts_before_the_next_end() {
    let setting = Setting {
        new_used: false,
        ..asked(true, false)
    };
    let mut run = at(&setting, Phase::Observing);
    let today = run.journal.facts.today.as_mut().unwrap();
    Arc::make_mut(today).new_used = true;
    until(&mut run, Phase::Revoking);
    let tried_ms = run.world.tried_ms;
    play(&mut run, &[Op::Turns(40)]);
    assert_eq!(tries(&run, Kind::Revoke), 0);
    assert_eq!(run.world.tried_ms, tried_ms);
    run.world.newcomers = vec!["orders".to_owned()];
    ends(run, Phase::Completed);
}

/// An edit that takes it out of the entry lowers what the plan asks for: that takes a waiver.
#[test]
fn an_edit_does_not_take_it_away() {
    let mut run = at(&asked(false, true), Phase::Overlapping);
    let today = run.journal.facts.today.as_mut().unwrap();
    Arc::make_mut(today).new_used = false;
    is_held(&mut run);
}

#[test]
fn an_issuer_that_cannot_tell_is_found_before_anything_changes() {
    let mut run = Run::new(&asked(false, false), plan);
    let definition = Arc::make_mut(&mut run.journal.facts.plan);
    definition.new_used = true;
    play(&mut run, &[Op::Turns(6)]);
    assert_eq!(run.phase(), Phase::Preflight);
    let told = format!("{:?}", plan(&run.journal.facts));
    assert!(told.contains("cannot say who uses a credential"), "{told}");
    assert!(run.journal.facts.effects.is_empty());
}

/// Asked again in a while, at once after `retry`, and no more once it is seen.
#[test]
fn it_is_read_now_and_then() {
    let mut run = at(&asked(false, true), Phase::Overlapping);
    assert!(!reads(&run));
    run.journal.facts.now_ms += 1;
    run.journal.retry();
    assert!(reads(&run));
    run.world.newcomers = vec!["orders".to_owned()];
    play(&mut run, &[Op::Turns(2)]);
    assert!(!reads(&run));
}

/// Consumers prove what they hold beside it, and hold it up as before.
#[test]
fn it_comes_on_top_of_every_proof() {
    let setting = Setting {
        consumers: vec![ConsumerSetting::plain()],
        ..asked(false, true)
    };
    let mut run = at(&setting, Phase::Overlapping);
    play(&mut run, &[Op::Silence(0, true), Op::Turns(20)]);
    assert!(seen_in_use(&run.journal.facts).is_some());
    assert_eq!(tries(&run, Kind::DisableCredential), 0);
    ends(run, Phase::Completed);
}
