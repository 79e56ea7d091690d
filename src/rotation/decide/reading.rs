//! What a reading is called in the journal, and how what was seen is kept.

use crate::rotation::facts::Evidence;
use crate::rotation::plan::Order;
use crate::rotation::words::Look;
use keywheel_contract::{Error, ErrorKind, Holding, Observation};

/// The reading that an order is, and where.
pub(super) fn name_of(order: &Order) -> (Look, &str) {
    match order {
        Order::Inspect { destination } => (Look::Inspect, destination),
        Order::Identify => (Look::Identify, ""),
        Order::Propose => (Look::Propose, ""),
        Order::TakeSpare { spare } => (Look::TakeSpare, spare),
        Order::TestCandidate => (Look::TestCandidate, ""),
        Order::TestOld => (Look::TestOld, ""),
        Order::RefusedOld => (Look::RefusedOld, ""),
        Order::ReadBack { destination } => (Look::Served, destination),
        Order::Observe { consumer } => (Look::Observe, consumer),
        Order::LastUse => (Look::LastUse, ""),
        Order::RefusedUses => (Look::RefusedUses, ""),
        Order::NewUse => (Look::NewUse, ""),
        Order::Perform { target, .. } | Order::Settle { target, .. } => (Look::Settle, target),
    }
}

/// A consumer that cannot be asked is asked again, whatever the reason.
pub(super) fn stable_word(error: &Error, look: Look) -> &'static str {
    match (&error.kind, look) {
        (_, Look::Observe) => "unanswered",
        (ErrorKind::UnknownOutcome | ErrorKind::Conflict { .. }, _) => "unavailable",
        _ => error.word(),
    }
}

/// Dated by when it was seen, never later than now.
pub(super) fn evidence_of(consumer: &str, seen: &Observation, now_ms: i64) -> Evidence {
    let holding = match &seen.holding {
        Holding::Credential(id) => id.as_str().to_owned(),
        Holding::Other => "other".to_owned(),
        Holding::Unknown => "unknown".to_owned(),
    };
    Evidence {
        consumer: consumer.to_owned(),
        instance: seen.instance.clone(),
        holding,
        strength: seen.strength,
        at_ms: seen.seen_at_ms.map_or(now_ms, |at| at.min(now_ms)),
        detail: seen.detail.clone(),
    }
}
