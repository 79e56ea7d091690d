//! A credential that took over may be ended by somebody else: then the other one is not ended too.

use super::cases::{at, ends, play, tries, until};
use super::rules::FRESH_MS;
use super::run::Run;
use super::script::Op;
use super::setting::{Make, Setting};
use super::world::OLD;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Step, plan};
use crate::rotation::words::Kind;

fn irreversible() -> Setting {
    Setting {
        reversible: false,
        ..Setting::plain(Make::Overlap)
    }
}

/// Somebody puts an old list of accepted keys back; the last time that anybody tried it is some while ago.
fn take_away(run: &mut Run, credential: &str) {
    run.world.taken_away.insert(credential.to_owned());
    play(run, &[Op::Pass(FRESH_MS + 1)]);
}

fn give_back(run: &mut Run) {
    run.world.taken_away.clear();
}

fn new(run: &Run) -> String {
    run.journal.facts.candidate_ref().unwrap().to_owned()
}

/// What a person is asked.
fn question(run: &Run) -> String {
    match plan(&run.journal.facts) {
        Step::Block { question, .. } => question,
        other => panic!("nobody is asked: {other:?}"),
    }
}

#[test]
fn nothing_is_ended_where_the_new_credential_is_refused_meanwhile() {
    let endings = [
        (Setting::plain(Make::Overlap), Kind::DisableCredential),
        (irreversible(), Kind::Revoke),
    ];
    for (setting, kind) in endings {
        let mut run = at(&setting, Phase::Overlapping);
        let heir = new(&run);
        take_away(&mut run, &heir);
        play(&mut run, &[Op::Turns(30)]);
        assert_eq!(tries(&run, kind), 0);
        assert!(run.world.is_alive(OLD));
        assert!(question(&run).contains("does not any more"));
        give_back(&mut run);
        ends(run, Phase::Completed);
    }
}

#[test]
fn what_is_disabled_comes_back_where_the_new_credential_is_refused() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Observing);
    assert!(!run.world.is_alive(OLD));
    let heir = new(&run);
    take_away(&mut run, &heir);
    play(&mut run, &[Op::Turns(30)]);
    assert!(run.world.is_alive(OLD));
    assert_eq!(tries(&run, Kind::Revoke), 0);
    assert!(question(&run).contains("keywheel rollback"));
    give_back(&mut run);
    ends(run, Phase::Completed);
}

/// What is mended is noticed at once by whoever says so, also where something is disabled and was brought back before.
#[test]
fn a_retry_asks_the_issuer_again() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Observing);
    let heir = new(&run);
    take_away(&mut run, &heir);
    play(&mut run, &[Op::Turns(30)]);
    give_back(&mut run);
    until(&mut run, Phase::Observing);
    take_away(&mut run, &heir);
    play(&mut run, &[Op::Turns(10)]);
    assert!(question(&run).contains("keywheel reenable"));
    give_back(&mut run);
    let mended_ms = run.world.now_ms;
    play(&mut run, &[Op::Pass(1_000), Op::Retry, Op::Turns(2)]);
    assert!(!matches!(plan(&run.journal.facts), Step::Block { .. }));
    assert!(run.world.now_ms < mended_ms + 60_000);
    ends(run, Phase::Completed);
}

/// Between the last look of the undo period and the end for good.
#[test]
fn what_is_disabled_comes_back_also_at_the_point_of_no_return() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Revoking);
    let heir = new(&run);
    take_away(&mut run, &heir);
    play(&mut run, &[Op::Turns(30)]);
    assert_eq!(tries(&run, Kind::Revoke), 0);
    assert!(run.world.is_alive(OLD));
    give_back(&mut run);
    ends(run, Phase::Completed);
}

/// On the way back it is the old one that takes over.
#[test]
fn the_new_one_is_kept_where_the_old_one_is_refused_meanwhile() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Verifying);
    play(&mut run, &[Op::Silence(0, true), Op::Rollback]);
    until(&mut run, Phase::Restoring);
    play(&mut run, &[Op::Turns(12)]);
    take_away(&mut run, OLD);
    play(
        &mut run,
        &[Op::Pass(1_000_000), Op::Silence(0, false), Op::Turns(30)],
    );
    assert_eq!(tries(&run, Kind::DestroyCandidate), 0);
    give_back(&mut run);
    ends(run, Phase::RolledBack);
}
