//! Where a rotation is: the phases, the events that move it, and the one table of every legal move.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a rotation is. The order of the variants is the order of a normal run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The plan is kept and shown.
    Planned,
    /// Looking before anything changes.
    Preflight,
    /// The issuer makes the candidate.
    Minting,
    /// The candidate is tried.
    Testing,
    /// Every destination comes to serve the candidate.
    Publishing,
    /// Consumers are told, in order.
    Notifying,
    /// Every consumer is proven on the candidate.
    Verifying,
    /// Both are valid for a while longer.
    Overlapping,
    /// The old credential is ended reversibly.
    Disabling,
    /// The time in which that can be undone.
    Observing,
    /// The old credential is ended for good: the point of no return.
    Revoking,
    /// The old credential is refused, the new one works.
    Confirming,
    /// The way back.
    Restoring,
    /// Ended: the candidate is in use, the old credential is not.
    Completed,
    /// Ended: the old credential is in use, the candidate is not.
    RolledBack,
    /// Ended before anything changed.
    Cancelled,
}

/// Every phase, in order.
pub const PHASES: [Phase; 16] = [
    Phase::Planned,
    Phase::Preflight,
    Phase::Minting,
    Phase::Testing,
    Phase::Publishing,
    Phase::Notifying,
    Phase::Verifying,
    Phase::Overlapping,
    Phase::Disabling,
    Phase::Observing,
    Phase::Revoking,
    Phase::Confirming,
    Phase::Restoring,
    Phase::Completed,
    Phase::RolledBack,
    Phase::Cancelled,
];

impl Phase {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Preflight => "preflight",
            Self::Minting => "minting",
            Self::Testing => "testing",
            Self::Publishing => "publishing",
            Self::Notifying => "notifying",
            Self::Verifying => "verifying",
            Self::Overlapping => "overlapping",
            Self::Disabling => "disabling",
            Self::Observing => "observing",
            Self::Revoking => "revoking",
            Self::Confirming => "confirming",
            Self::Restoring => "restoring",
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        PHASES.into_iter().find(|phase| phase.word() == word)
    }

    /// Nothing leaves these.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::RolledBack | Self::Cancelled)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What moves a rotation from one phase to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The plan is in the journal.
    PlanKept,
    /// Everything looked right.
    PreflightPassed,
    /// The leaked credential is to be ended before anything else.
    ContainFirst,
    /// The leaked credential was ended, or is being retried on the side.
    Contained,
    /// The candidate exists, its value is sealed.
    Minted,
    /// The candidate works.
    Tested,
    /// Every destination serves it.
    Published,
    /// Every consumer was told.
    Notified,
    /// Every consumer is proven, and there is an old credential to end.
    Verified,
    /// Every consumer is proven or reported, and nothing remains to be ended later.
    NothingToEnd,
    /// Overlap and quiet are over.
    OverlapOver,
    /// A consumer was seen going back.
    Relapsed,
    /// The old credential is disabled.
    Disabled,
    /// There is no way to disable it reversibly.
    NotReversible,
    /// The undo period is over.
    Observed,
    /// The old credential works again.
    Reenabled,
    /// The old credential is ended for good.
    Revoked,
    /// It is refused, and the new one works.
    Confirmed,
    /// Somebody or something asked for the way back.
    TurnBack,
    /// Everything is as it was, and the candidate is gone.
    Restored,
    /// Nothing was changed yet, and nothing will be.
    Cancel,
}

/// Every event, for tests that walk the whole table.
pub const EVENTS: [Event; 21] = [
    Event::PlanKept,
    Event::PreflightPassed,
    Event::ContainFirst,
    Event::Contained,
    Event::Minted,
    Event::Tested,
    Event::Published,
    Event::Notified,
    Event::Verified,
    Event::NothingToEnd,
    Event::OverlapOver,
    Event::Relapsed,
    Event::Disabled,
    Event::NotReversible,
    Event::Observed,
    Event::Reenabled,
    Event::Revoked,
    Event::Confirmed,
    Event::TurnBack,
    Event::Restored,
    Event::Cancel,
];

/// An event that the table does not allow in this phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {event:?} is not allowed in phase {phase}")]
pub struct Illegal {
    /// The phase.
    pub phase: Phase,
    /// The event.
    pub event: Event,
}

/// The whole table of moves. Nothing else changes a phase.
///
/// # Errors
/// The move is not in the table.
pub fn next(phase: Phase, event: Event) -> Result<Phase, Illegal> {
    use Phase::{
        Cancelled, Completed, Confirming, Disabling, Minting, Notifying, Observing, Overlapping,
        Planned, Preflight, Publishing, Restoring, Revoking, RolledBack, Testing, Verifying,
    };
    let to = match (phase, event) {
        (Planned, Event::PlanKept) => Preflight,
        (Planned | Preflight, Event::Cancel) => Cancelled,
        (Preflight, Event::PreflightPassed) => Minting,
        (
            Preflight | Minting | Testing | Publishing | Notifying | Verifying | Overlapping
            | Observing,
            Event::ContainFirst,
        ) => Disabling,
        (Disabling, Event::Contained) => Minting,
        (Minting, Event::Minted) => Testing,
        (Testing, Event::Tested) => Publishing,
        (Publishing, Event::Published) => Notifying,
        (Notifying, Event::Notified) => Verifying,
        (Verifying, Event::Verified) => Overlapping,
        (Verifying, Event::NothingToEnd) => Confirming,
        (Overlapping, Event::OverlapOver) => Disabling,
        (Overlapping | Disabling | Observing | Revoking, Event::Relapsed) => Verifying,
        (Disabling, Event::Disabled) => Observing,
        (Disabling, Event::NotReversible) => Revoking,
        (Observing, Event::Observed) => Revoking,
        (Disabling | Observing, Event::Reenabled) => Verifying,
        (Revoking, Event::Revoked) => Confirming,
        (Confirming, Event::Confirmed) => Completed,
        (
            Minting | Testing | Publishing | Notifying | Verifying | Overlapping | Disabling
            | Observing,
            Event::TurnBack,
        ) => Restoring,
        (Restoring, Event::Restored) => RolledBack,
        _ => return Err(Illegal { phase, event }),
    };
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::{EVENTS, Event, PHASES, Phase, next};

    #[test]
    fn nothing_leaves_a_terminal_phase_and_every_other_phase_has_a_way_on() {
        for phase in PHASES {
            let ways = EVENTS
                .iter()
                .filter(|event| next(phase, **event).is_ok())
                .count();
            assert_eq!(ways == 0, phase.is_terminal(), "{phase}");
        }
    }

    #[test]
    fn there_is_no_way_back_from_the_point_of_no_return() {
        for phase in [Phase::Revoking, Phase::Confirming] {
            assert!(next(phase, Event::TurnBack).is_err());
            assert!(next(phase, Event::Reenabled).is_err());
        }
    }

    #[test]
    fn words_read_back() {
        for phase in PHASES {
            assert_eq!(Phase::from_word(phase.word()), Some(phase));
        }
    }
}
