//! Other rotations of the same secret: an older one that still ends its credential, or the one that follows.

use crate::journal::rotations::{self, Run};
use crate::journal::{Result, Tx, ledger};
use crate::rotation::facts::{Newer, Others};
use crate::rotation::phase::Phase;

/// What the planner has to know of them. Read anew for every step: whoever comes second must see the intents of
/// the first, and the first must see the second before it commits another one.
pub(super) async fn others(tx: &mut Tx, run: &Run) -> Result<Others> {
    let mut others = Others::default();
    match run.phase {
        Phase::Planned | Phase::Preflight => {
            others.in_doubt =
                ledger::in_doubt_elsewhere(tx, &run.secret_id, run.id.as_str()).await?;
        }
        Phase::Revoking | Phase::Confirming => {
            let newer = rotations::newer(tx, &run.secret_id, run.created_ms, run.id.as_str());
            others.newer = of_phases(&newer.await?);
        }
        _ => {}
    }
    Ok(others)
}

fn of_phases(newer: &[Phase]) -> Newer {
    let mut left = newer
        .iter()
        .filter(|phase| !matches!(phase, Phase::Cancelled | Phase::RolledBack))
        .peekable();
    if left.peek().is_none() {
        return Newer::None;
    }
    match left.any(|phase| *phase == Phase::Completed) {
        true => Newer::Completed,
        false => Newer::UnderWay,
    }
}
