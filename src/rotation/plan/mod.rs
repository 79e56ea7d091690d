//! Every decision about a rotation, pure: facts in, one step out.
//!
//! The planner runs inside the transaction that commits what it decides, so that an intent and the evidence
//! that allows it are one. It is asked again after every step and after every crash; there is no second path.

mod backward;
mod contain;
mod ending;
mod forward;
mod progress;
mod settle;
mod silence;
#[cfg(test)]
mod tests;
mod used;

use super::facts::{Effect, Facts};
use super::phase::{Event, Phase};
use super::words::{Cause, Kind, Status, Wish};
use keywheel_contract::Style;
use keywheel_schedules::{Gate, Opening};
use serde::{Deserialize, Serialize};

pub use contain::long_outage;
pub use ending::last_version;
pub(crate) use settle::settle_key;
pub use settle::{lost_mint, may_have_landed, shown_ms};
pub(crate) use silence::{NAMED, SEEN, UseFigure};
pub(crate) use used::{NewUse, seen_in_use};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Move to the phase that the table gives for this event.
    Advance(Event),
    /// Go the way back, for this reason.
    TurnBack {
        /// A sentence for people.
        reason: String,
    },
    /// Call out. Effects among the orders have their intents committed first.
    Act(Vec<Order>),
    /// Nothing to do before this moment.
    Wait {
        /// Epoch milliseconds.
        until_ms: i64,
        /// For what.
        waiting: Vec<Waiting>,
    },
    /// A person has to decide.
    Block {
        /// One question.
        question: String,
        /// What to type next.
        next_command: String,
        /// Looks again by itself at this moment.
        until_ms: i64,
    },
}

/// One call to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Read a destination: version, token, value.
    Inspect {
        /// Its name.
        destination: String,
    },
    /// Ask the issuer which credential the old value is.
    Identify,
    /// Choose a new value; changes nothing outside.
    Propose,
    /// Try a spare, and have it be the candidate where it works.
    TakeSpare {
        /// Our id of it.
        spare: String,
    },
    /// An effect; its intent is committed before the call.
    Perform {
        /// What.
        kind: Kind,
        /// To what.
        target: String,
        /// Which try.
        attempt: i64,
    },
    /// Find out what became of an effect whose answer is missing.
    Settle {
        /// What.
        kind: Kind,
        /// To what.
        target: String,
        /// Which try.
        attempt: i64,
    },
    /// Use the candidate as a consumer would.
    TestCandidate,
    /// Use the old credential as a consumer would.
    TestOld,
    /// The same, hoping to be refused, with a look at the candidate beside it.
    RefusedOld,
    /// Read back what a destination serves.
    ReadBack {
        /// Its name.
        destination: String,
    },
    /// Ask a consumer what it holds.
    Observe {
        /// Its name.
        consumer: String,
    },
    /// Ask the issuer when the old credential was last used.
    LastUse,
    /// Ask the issuer whom it refused since the old credential is disabled.
    RefusedUses,
    /// Ask the issuer who used the candidate.
    NewUse,
}

/// What a rotation waits for; `waiting_for` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// `consumer`, `window`, `overlap`, `new_use`, `quiet`, `undo`, `retry`, `outcome`, `person`, `pause`, `provider`.
    pub kind: String,
    /// Of what.
    pub name: String,
    /// Since when, epoch milliseconds.
    pub since_ms: i64,
    /// Until when at the latest, where that is known.
    pub until_ms: Option<i64>,
    /// What a person can type about it.
    pub next_command: String,
}

/// A blocked rotation looks again by itself this often: a consumer that comes back unblocks it.
const LOOK_AGAIN_MS: i64 = 300_000;

/// The next step.
pub fn plan(facts: &Facts) -> Step {
    if let Some(step) = settle::in_doubt(facts) {
        return step;
    }
    if let Some(step) = wished(facts) {
        return step;
    }
    if let Some(step) = contain::refused(facts) {
        return step;
    }
    if let Some(step) = paused(facts) {
        return step;
    }
    let step = match facts.phase {
        Phase::Planned => Step::Advance(Event::PlanKept),
        Phase::Preflight => forward::preflight(facts),
        Phase::Minting => forward::minting(facts),
        Phase::Testing => forward::testing(facts),
        Phase::Publishing => forward::publishing(facts),
        Phase::Notifying => forward::notifying(facts),
        Phase::Verifying => forward::verifying(facts),
        Phase::Overlapping => ending::overlapping(facts),
        Phase::Disabling if facts.is_contained() => contain::disabling(facts),
        Phase::Disabling => ending::disabling(facts),
        Phase::Observing => ending::observing(facts),
        Phase::Revoking => ending::revoking(facts),
        Phase::Confirming => ending::confirming(facts),
        Phase::Restoring => backward::restoring(facts),
        Phase::Completed | Phase::RolledBack | Phase::Cancelled => Step::Wait {
            until_ms: i64::MAX,
            waiting: Vec::new(),
        },
    };
    contain::beside(facts, step)
}

/// Whether the way back is open.
///
/// # Errors
/// Why it is not, as a sentence for people.
pub fn can_turn_back(facts: &Facts) -> Result<(), &'static str> {
    if facts.phase.is_terminal() {
        return Err("it has ended");
    }
    if facts.phase == Phase::Confirming || is_past_return(facts) {
        return Err("the old credential is being ended for good; only forward is left");
    }
    if facts.is_contained() {
        return Err("a contained credential is never put back; only forward is left");
    }
    if facts.old.is_none() && facts.any_intent(Kind::Publish) {
        return Err("there is no earlier value to go back to");
    }
    if may_be_applied(facts) && !facts.can.issuer.reuse {
        return Err("the issuer does not take an old value again");
    }
    Ok(())
}

fn wished(facts: &Facts) -> Option<Step> {
    let before_changes = matches!(facts.phase, Phase::Planned | Phase::Preflight);
    match facts.wish {
        Wish::Rollback if facts.phase == Phase::Restoring => None,
        Wish::Rollback if before_changes => Some(Step::Advance(Event::Cancel)),
        // Nothing is ended for good yet: back to where both are valid, and from there the way back.
        Wish::Rollback | Wish::Reenable
            if facts.phase == Phase::Revoking && can_turn_back(facts).is_ok() =>
        {
            Some(Step::Advance(Event::Relapsed))
        }
        Wish::Rollback if can_turn_back(facts).is_ok() => Some(Step::TurnBack {
            reason: "a person asked for it".to_owned(),
        }),
        // A contained credential is never put back, and before the mint there is nothing to verify.
        Wish::Reenable if facts.is_contained() => None,
        Wish::Reenable if matches!(facts.phase, Phase::Disabling | Phase::Observing) => {
            Some(Step::Advance(Event::Reenabled))
        }
        Wish::Rollback | Wish::Reenable | Wish::Held | Wish::None => None,
    }
}

/// Whether the first intent to end the old credential for good was committed.
fn is_past_return(facts: &Facts) -> bool {
    facts.effects.iter().any(|effect| effect.kind.is_final())
}

/// A pause stops new forward effects only.
fn paused(facts: &Facts) -> Option<Step> {
    let by = facts.paused_by.as_ref()?;
    let goes_on = match facts.phase {
        Phase::Restoring | Phase::Confirming => true,
        // Consumers are watched on: what that leads to is bringing back, or is held in the next phase.
        Phase::Observing => true,
        Phase::Verifying => !ending::outstanding(facts).is_empty(),
        Phase::Revoking => is_past_return(facts),
        _ => in_critical_section(facts),
    } || facts.is_contained();
    if goes_on {
        return None;
    }
    let waiting = Waiting {
        kind: "pause".to_owned(),
        name: by.clone(),
        since_ms: facts.phase_since_ms,
        until_ms: None,
        next_command: format!("keywheel resume {}", facts.plan.id),
    };
    Some(Step::Wait {
        until_ms: facts.now_ms + LOOK_AGAIN_MS,
        waiting: vec![waiting],
    })
}

/// From `apply` to the last `notify` of an issuer that holds one value, consumers are locked out: no pause,
/// no window and no question stops it there.
fn in_critical_section(facts: &Facts) -> bool {
    may_be_applied(facts) && facts.phase < Phase::Verifying
}

/// Whether an issuer that holds one value may have taken the candidate, so that the old one is dead. One that chooses
/// the value takes it when it makes it.
fn may_be_applied(facts: &Facts) -> bool {
    let applied = |effect: &Effect| match effect.status {
        Status::Failed => false,
        // Concluded from a candidate that is dead, where the issuer can be asked; of a mint, said by a person.
        Status::Absent => effect.kind == Kind::Apply && !facts.can.issuer.tests,
        Status::Intent | Status::Pending | Status::Applied | Status::Orphaned => true,
    };
    let mut tries = facts
        .effects
        .iter()
        .filter(|effect| matches!(effect.kind, Kind::Apply | Kind::Mint));
    facts.style() == Style::InPlace && tries.any(applied)
}

/// Whether whatever fails now is tried until it works: inside the critical section, unless the way back is
/// open and the candidate was not shown to anybody.
fn never_gives_up(facts: &Facts) -> bool {
    let turns_back = facts.phase <= Phase::Testing && can_turn_back(facts).is_ok();
    in_critical_section(facts) && !turns_back
}

/// The wait for a window, where one binds this rotation now. People and emergencies do not wait.
fn closed(facts: &Facts, gate: Gate) -> Option<Step> {
    if facts.cause != Cause::Scheduled || in_critical_section(facts) {
        return None;
    }
    match facts.plan.timing.open(gate, facts.now_ms) {
        Opening::Now => None,
        Opening::At { at_ms, .. } if gate == Gate::Start && runs_out(facts, at_ms) => None,
        Opening::At { at_ms, reason } => {
            let waiting = Waiting {
                kind: "window".to_owned(),
                name: reason,
                since_ms: facts.phase_since_ms,
                until_ms: Some(at_ms),
                next_command: format!(
                    "keywheel rotate-now {} --reason \"do not wait\"",
                    facts.plan.id
                ),
            };
            Some(Step::Wait {
                until_ms: at_ms,
                waiting: vec![waiting],
            })
        }
    }
}

/// Whether the credential in use ends by itself too soon to wait until then.
fn runs_out(facts: &Facts, until_ms: i64) -> bool {
    let ends_ms = facts.old.as_ref().and_then(|old| old.expires_ms);
    ends_ms.is_some_and(|ends_ms| facts.plan.timing.cannot_wait(until_ms, ends_ms))
}

fn blocked(facts: &Facts, question: &str) -> Step {
    let id = &facts.plan.id;
    Step::Block {
        question: question.to_owned(),
        next_command: format!("keywheel retry {id}"),
        until_ms: facts.now_ms + LOOK_AGAIN_MS,
    }
}
