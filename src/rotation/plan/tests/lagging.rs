//! Stores whose readers see a write later.

use super::cases::{at, play};
use super::run::Run;
use super::script::Op;
use super::setting::{Make, Setting};
use crate::rotation::facts::Probe;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Step, plan};
use crate::rotation::words::{Kind, Look};
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
