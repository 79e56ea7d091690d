//! What happens in a case: turns of the engine with their faults, moves of consumers, words of a person.

use crate::rotation::words::{Kind, Mode};

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Refused: it did not take effect.
    Unavailable,
    Throttled,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    /// It waits for a person in the outside system.
    Approval,
    /// No answer, and it never lands.
    Lost,
    /// No answer, and it took effect.
    Landed,
    /// No answer, and it takes effect so many milliseconds after it was sent.
    Late(i64),
    /// The process dies before the call is sent.
    Died,
    /// The process dies after the call took effect.
    DiedLanded,
    /// The process dies, and the call takes effect so many milliseconds after it was sent.
    DiedLate(i64),
}

impl Fault {
    pub(super) fn kills(self) -> bool {
        matches!(self, Self::Died | Self::DiedLanded | Self::DiedLate(_))
    }

    pub(super) fn times_out(self) -> bool {
        matches!(self, Self::Lost | Self::Landed | Self::Late(_))
    }
}

/// What an instance comes to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// What its destination serves.
    Served,
    Old,
    New,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// The engine sleeps until it wants to wake, then takes a turn; one of its calls meets the fault.
    Turn {
        fault: Fault,
        nth: usize,
        latency_ms: i64,
    },
    /// The next call of this kind meets the fault, whenever that is.
    Strike(Kind, Fault),
    /// So many turns without any fault.
    Turns(u8),
    /// Time passes.
    Pass(i64),
    /// One instance of a consumer changes what it holds.
    Move {
        consumer: usize,
        instance: usize,
        to: Where,
    },
    /// A consumer stops answering, or answers again.
    Silence(usize, bool),
    /// A consumer answers that it cannot tell, or can again.
    Unclear(usize, bool),
    /// A consumer is gone for good: it cannot be told and does not answer.
    Gone(usize),
    /// A person types.
    Rollback,
    Retry,
    Reenable,
    Pause,
    Resume,
    Vouch {
        consumer: usize,
        for_ms: i64,
    },
    Provide,
    /// A person in the outside system decides over every change that waits.
    Decide(bool),
    /// A leak is reported.
    Emergency(Mode),
    /// A consumer is added to the inventory, or the whole entry is taken out of it.
    AddConsumer,
    Retire,
}
