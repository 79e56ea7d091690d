//! Stores whose readers see a write later, and issuers whose lists show a mint later.

use super::cases::{at, ends, play, strike, tries};
use super::run::Run;
use super::script::{Fault, Op};
use super::setting::{Make, Setting};
use crate::rotation::facts::Probe;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Step, plan};
use crate::rotation::words::{Kind, Look, Status};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// A candidate is published, and was read back twenty times in vain.
fn unseen(result: &str, converges_in: Duration) -> Run {
    let mut run = at(&Setting::plain(Make::Overlap), Phase::Publishing);
    let name = Setting::destination(0);
    while run.journal.facts.applied(Kind::Publish, &name).is_none() {
        play(&mut run, &[Op::Turns(1)]);
    }
    let facts = &mut run.journal.facts;
    let can = Arc::make_mut(&mut facts.can);
    can.stores.get_mut(&name).unwrap().converges_in = converges_in;
    facts.probes.retain(|probe| probe.look != Look::Served);
    facts.probes.push(Probe {
        look: Look::Served,
        target: name,
        result: result.to_owned(),
        detail: "it does not show the new version yet".to_owned(),
        at_ms: facts.now_ms,
        failures: 20,
    });
    run
}

#[test]
fn readers_that_lag_are_waited_for_as_long_as_the_store_says() {
    let waits = |run: &Run| matches!(plan(&run.journal.facts), Step::Wait { .. });
    let asks = |run: &Run| matches!(plan(&run.journal.facts), Step::Block { .. });
    assert!(waits(&unseen("stale", HOUR)));
    assert!(asks(&unseen("stale", Duration::ZERO)));
    assert!(asks(&unseen("denied", HOUR)));
    // Later than that, a person is asked.
    let mut late = unseen("stale", HOUR);
    let facts = &mut late.journal.facts;
    facts.now_ms += 3_600_001;
    facts.probes.last_mut().unwrap().at_ms = facts.now_ms;
    assert!(asks(&late));
}

/// Whoever looks it up is not who made it, and has only what the issuer declares.
#[test]
fn a_mint_that_no_list_shows_yet_is_not_taken_for_not_made() {
    let setting = Setting {
        lists_after: HOUR,
        ..Setting::plain(Make::Overlap)
    };
    let mut run = at(&setting, Phase::Preflight);
    strike(&mut run, Kind::Mint, Fault::DiedLanded);
    let made_ms = run.world.now_ms;
    play(&mut run, &[Op::Turns(1)]);
    let seen = |run: &Run| run.journal.facts.effect(Kind::Mint, "").unwrap().status;
    assert_eq!((seen(&run), tries(&run, Kind::Mint)), (Status::Intent, 1));
    play(&mut run, &[Op::Turns(2)]);
    assert!(run.world.now_ms >= made_ms + 3_600_000);
    assert_eq!(seen(&run), Status::Orphaned);
    let run = ends(run, Phase::Completed);
    assert_eq!(tries(&run, Kind::RevokeOrphan), 1);
}
