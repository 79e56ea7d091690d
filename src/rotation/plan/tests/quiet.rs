//! Nobody may use the old credential any more, as far as its issuer can say.

use super::cases::{at, ends, play, tries, until};
use super::run::Run;
use super::script::Op;
use super::setting::{Make, Setting};
use crate::rotation::OLD_UNUSED;
use crate::rotation::facts::Waiver;
use crate::rotation::phase::Phase;
use crate::rotation::plan::plan;
use crate::rotation::words::Kind;
use keywheel_schedules::Span;

#[test]
fn a_figure_of_last_use_that_lags_is_waited_for() {
    let quiet = Span::seconds(60);
    let setting = Setting {
        last_use: true,
        quiet,
        ..Setting::plain(Make::Overlap)
    };
    ends(at(&setting, Phase::Overlapping), Phase::Completed);
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
