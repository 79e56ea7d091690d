//! Emergency with an accepted outage: the leaked credential is ended first, everything else follows. It only
//! goes forward.

use super::progress::Progress;
use super::{Order, Step};
use crate::rotation::facts::Facts;
use crate::rotation::phase::{Event, Phase};
use crate::rotation::words::{Kind, Look, Mode};

/// Ends the leaked credential. Where the issuer does not answer, the rotation goes on making a new one and
/// keeps trying on the side.
pub(super) fn disabling(facts: &Facts) -> Step {
    let on = match facts.proven_ms {
        Some(_) => Event::NotReversible,
        None => Event::Contained,
    };
    let mut progress = Progress::new(facts);
    end_leaked(facts, &mut progress);
    match progress.or(on) {
        Step::Act(orders) => Step::Act(orders),
        _ => Step::Advance(on),
    }
}

/// Adds the ending of the leaked credential to whatever else is done now.
pub(super) fn beside(facts: &Facts, step: Step) -> Step {
    let busy = facts.phase >= Phase::Minting && facts.phase <= Phase::Overlapping;
    if facts.mode != Mode::Contain || !busy {
        return step;
    }
    let mut progress = Progress::new(facts);
    end_leaked(facts, &mut progress);
    match (progress.or(Event::Contained), step) {
        (Step::Act(mut orders), Step::Act(more)) => {
            orders.extend(more);
            Step::Act(orders)
        }
        (Step::Act(orders), Step::Wait { .. } | Step::Block { .. }) => Step::Act(orders),
        (Step::Wait { until_ms: soon, .. }, Step::Wait { until_ms, waiting }) => Step::Wait {
            until_ms: until_ms.min(soon),
            waiting,
        },
        (_, step) => step,
    }
}

fn end_leaked(facts: &Facts, progress: &mut Progress<'_>) {
    let Some(old) = facts.old_ref() else { return };
    let kind = match (facts.can.issuer.reversible, facts.can.issuer.revokes) {
        (true, _) => Kind::DisableCredential,
        (false, true) => Kind::Revoke,
        (false, false) => return,
    };
    if progress.effect_forever(kind, old) && facts.can.issuer.tests && facts.refused_ms.is_none() {
        progress.look_forever(Look::RefusedOld, "", 0, || Order::RefusedOld);
    }
}
