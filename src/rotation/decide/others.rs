//! Other rotations of the same secret: an older one that still ends its credential, or the one that follows.

use crate::journal::rotations::{self, Run};
use crate::journal::{Bundle, Part, Result, Told, Tx, ledger};
use crate::rotation::facts::{Newer, Others};
use crate::rotation::phase::Phase;

/// What the planner has to know of them. Read anew for every step: whoever comes second must see the intents of
/// the first, and the first must see the second before it commits another one.
pub(super) async fn others(tx: &mut Tx, run: &Run) -> Result<Others> {
    let mut bundle = Bundle::default();
    let asked = Asked::of(run, &mut bundle);
    asked.told(&tx.together(&bundle).await?)
}

/// What is asked about them, which depends on the phase.
pub(super) enum Asked {
    Nothing,
    InDoubt(Part<String>),
    Newer(Part<Phase>),
}

impl Asked {
    pub(super) fn of(run: &Run, bundle: &mut Bundle) -> Self {
        let (secret, id) = (run.secret_id.as_str(), run.id.as_str());
        match run.phase {
            Phase::Planned | Phase::Preflight => {
                Self::InDoubt(bundle.add(ledger::in_doubt_elsewhere(secret, id)))
            }
            // Until it gives that up, an exclusive one is the newest.
            Phase::Revoking | Phase::Confirming if !run.exclusive => {
                Self::Newer(bundle.add(rotations::newer(secret, run.created_ms, id)))
            }
            _ => Self::Nothing,
        }
    }

    pub(super) fn told(&self, told: &Told) -> Result<Others> {
        let mut others = Others::default();
        match self {
            Self::Nothing => {}
            Self::InDoubt(targets) => others.in_doubt = told.all(targets)?.into_iter().collect(),
            Self::Newer(phases) => others.newer = of_phases(&told.all(phases)?),
        }
        Ok(others)
    }
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
