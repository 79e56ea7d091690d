//! Other rotations of the same secret: an older one that still ends its credential, or the one that follows.

use super::advance::LOOK_BACK;
use crate::journal::rotations::{self, Run};
use crate::journal::{Result, Tx, ledger};
use crate::rotation::facts::{Newer, Others};
use crate::rotation::phase::Phase;
use crate::rotation::words::Status;

/// What the planner has to know of them. Read anew for every step: whoever comes second must see the intents of
/// the first, and the first must see the second before it commits another one.
pub(super) async fn others(tx: &mut Tx, run: &Run) -> Result<Others> {
    let mut others = Others::default();
    match run.phase {
        Phase::Planned | Phase::Preflight => in_doubt(tx, run, &mut others).await?,
        Phase::Revoking | Phase::Confirming => others.newer = newer(tx, run).await?,
        _ => {}
    }
    Ok(others)
}

async fn in_doubt(tx: &mut Tx, run: &Run, others: &mut Others) -> Result<()> {
    for other in rotations::unfinished(tx, &run.secret_id).await? {
        if other.id == run.id {
            continue;
        }
        let effects = ledger::effects(tx, other.id.as_str()).await?;
        let open = effects
            .into_iter()
            .filter(|effect| matches!(effect.status, Status::Intent | Status::Pending));
        others.in_doubt.extend(open.map(|effect| effect.target));
    }
    Ok(())
}

async fn newer(tx: &mut Tx, run: &Run) -> Result<Newer> {
    let all = rotations::newest(tx, &run.secret_id, LOOK_BACK).await?;
    let after = |other: &&Run| {
        (other.created_ms, other.id.as_str()) > (run.created_ms, run.id.as_str())
            && !matches!(other.phase, Phase::Cancelled | Phase::RolledBack)
    };
    let newer: Vec<&Run> = all.iter().filter(after).collect();
    Ok(
        match newer.iter().any(|other| other.phase == Phase::Completed) {
            true => Newer::Completed,
            false if newer.is_empty() => Newer::None,
            false => Newer::UnderWay,
        },
    )
}
