//! Nobody may use the old credential any more, as far as its issuer can say.

use super::cases::{at, ends, play, tries, until};
use super::run::Run;
use super::script::{Fault, Op};
use super::setting::{Make, Setting};
use crate::rotation::OLD_UNUSED;
use crate::rotation::facts::Waiver;
use crate::rotation::phase::Phase;
use crate::rotation::plan::plan;
use crate::rotation::words::Kind;
use keywheel_schedules::Span;

/// How long after the last proof the old credential was disabled. Milliseconds.
fn disabled_after_ms(run: &mut Run) -> i64 {
    for _ in 0..400 {
        if tries(run, Kind::DisableCredential) > 0 {
            return run.world.now_ms - run.journal.facts.proven_ms.unwrap();
        }
        play(run, &[Op::Turns(1)]);
    }
    panic!("it is not disabled, but {}", run.phase());
}

#[test]
fn a_figure_of_last_use_that_lags_is_waited_for() {
    let quiet = Span::seconds(60);
    let setting = Setting {
        last_use: true,
        quiet,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Overlapping);
    // The figure is complete up to five minutes ago.
    assert!(disabled_after_ms(&mut run) >= 360_000);
    ends(run, Phase::Completed);
}

fn with_sessions(quiet: Span) -> Run {
    let setting = Setting {
        sessions: true,
        quiet,
        ..Setting::plain(Make::Overlap)
    };
    at(&setting, Phase::Overlapping)
}

/// A list of sessions tells of one moment: one empty list is no silence.
#[test]
fn a_list_of_sessions_is_watched_for_as_long_as_it_has_to_be_quiet() {
    let mut run = with_sessions(Span::seconds(600));
    assert!(disabled_after_ms(&mut run) >= 600_000);
    ends(run, Phase::Completed);
}

/// Somebody who came and went counts, also where the reading after that failed.
#[test]
fn a_reading_that_fails_takes_away_nothing_that_was_seen() {
    let mut run = with_sessions(Span::seconds(600));
    run.world.strangers = vec!["10.0.0.9 (hourly)".to_owned()];
    play(&mut run, &[Op::Turns(4)]);
    let seen_ms = run.world.now_ms;
    run.world.strangers.clear();
    run.turn(Fault::Unavailable, 0, 1).unwrap();
    disabled_after_ms(&mut run);
    assert!(run.world.now_ms >= seen_ms + 600_000);
    ends(run, Phase::Completed);
}

/// Without a `quiet` nobody is waited for, but whoever is logged in is not thrown out.
#[test]
fn whoever_is_logged_in_is_waited_for_also_without_quiet() {
    let mut run = with_sessions(Span::ZERO);
    run.world.strangers = vec!["10.0.0.9 (reports)".to_owned()];
    play(&mut run, &[Op::Turns(40)]);
    assert_eq!(tries(&run, Kind::DisableCredential), 0);
    run.world.strangers.clear();
    ends(run, Phase::Completed);
}

#[test]
fn whoever_is_logged_in_with_the_old_credential_is_named_and_waited_for() {
    let setting = Setting {
        sessions: true,
        quiet: Span::seconds(60),
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Overlapping);
    run.world.strangers = vec!["10.0.0.9 (reports)".to_owned()];
    play(&mut run, &[Op::Turns(200)]);
    assert_eq!(run.phase(), Phase::Overlapping);
    let facts = &run.journal.facts;
    let told = format!("{:?}", plan(facts));
    assert!(told.contains("by 10.0.0.9 (reports)"), "{told}");
    run.world.strangers.clear();
    until(&mut run, Phase::Observing);
    // Comes back by a door that disabling does not close; the end waits for it too.
    run.world.strangers = vec!["10.0.0.9 (reports)".to_owned()];
    until(&mut run, Phase::Revoking);
    play(&mut run, &[Op::Turns(40)]);
    assert_eq!(tries(&run, Kind::Revoke), 0);
    run.journal.facts.waivers.push(Waiver {
        subject: OLD_UNUSED.to_owned(),
        actor: "example".to_owned(),
        reason: "reports may fail".to_owned(),
        created_ms: run.world.now_ms,
        until_ms: run.world.now_ms + 86_400_000,
    });
    ends(run, Phase::Completed);
}

#[test]
fn whoever_is_refused_with_the_disabled_credential_is_named() {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Observing);
    run.world.strangers = vec!["10.0.0.9".to_owned()];
    let tells = |run: &mut Run| {
        play(run, &[Op::Turns(1)]);
        assert_eq!(run.phase(), Phase::Observing);
        format!("{:?}", plan(&run.journal.facts)).contains("refused with it: 10.0.0.9")
    };
    assert!((0..6).any(|_| tells(&mut run)));
    ends(run, Phase::Completed);
}
