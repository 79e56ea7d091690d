//! Emergency with an accepted outage: the leaked credential is ended first, everything else follows. It only
//! goes forward.

use super::progress::Progress;
use super::{Order, Step};
use crate::rotation::facts::Facts;
use crate::rotation::phase::{Event, Phase};
use crate::rotation::words::{Kind, Look};
use keywheel_contract::{ChosenBy, IssuerCapabilities, Style};

/// Why ending the leaked credential first would leave consumers without one for longer than a moment.
/// `has_next`: the value that is to follow is sealed already.
pub fn long_outage(can: &IssuerCapabilities, has_next: bool) -> Option<&'static str> {
    match can.style {
        Style::Generated => Some(
            "consumers honour the value themselves, so that nobody can end it before the new one is there",
        ),
        Style::InPlace => Some(
            "its issuer holds one value, so that ending the old one and making the new one are one step",
        ),
        _ if !can.reversible && !can.revokes => {
            Some("its issuer has no way to end the leaked one from here")
        }
        _ if can.chosen_by == ChosenBy::Person && !has_next => {
            Some("a person has to make the new one, and there is no spare")
        }
        _ => None,
    }
}

/// By whichever door the request came: without an accepted outage nothing is ended, and a person decides.
/// Where one value is replaced already there is nothing left to refuse.
pub(super) fn refused(facts: &Facts) -> Option<Step> {
    let too_late = facts.phase == Phase::Confirming
        || super::is_past_return(facts)
        || super::in_critical_section(facts);
    if too_late || facts.phase == Phase::Restoring || facts.phase.is_terminal() {
        return None;
    }
    let why = facts.outage_not_accepted()?;
    let id = &facts.plan.id;
    Some(Step::Block {
        question: format!(
            "is the outage of `contain` accepted? {why}; nothing is ended, the credential in use works"
        ),
        next_command: format!(
            "keywheel rotate-now {id} --mode contain --accept-outage --reason \"…\"   \
             (without an outage: --mode cutover)"
        ),
        until_ms: facts.now_ms + super::LOOK_AGAIN_MS,
    })
}

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
    if !facts.is_contained() || !busy {
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
