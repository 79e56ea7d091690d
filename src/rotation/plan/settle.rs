//! Effects in doubt: an intent without an outcome is settled by reading the outside system, before anything
//! else is planned.

use super::{Order, Step, Waiting};
use crate::rotation::facts::{Effect, Facts, Probe, backoff_ms};
use crate::rotation::words::{Look, Status};

/// What to do about effects whose outcome is not known; `None` where there are none.
///
/// The planner is never asked while a call is under way, so that an intent seen here was left by a crash, a
/// lost lease or a lost answer. *Absent* is concluded only after the call's deadline and a grace, for a
/// request that was sent may still land: until then the reading is repeated, nothing is re-sent.
pub(super) fn in_doubt(facts: &Facts) -> Option<Step> {
    let open: Vec<&Effect> = facts
        .effects
        .iter()
        .filter(|effect| matches!(effect.status, Status::Intent | Status::Pending))
        .collect();
    let first = open.first()?;
    let orders: Vec<Order> = open
        .iter()
        .filter(|effect| facts.now_ms >= due_ms(facts, effect))
        .map(|effect| Order::Settle {
            kind: effect.kind,
            target: effect.target.clone(),
            attempt: effect.attempt,
        })
        .collect();
    if !orders.is_empty() {
        return Some(Step::Act(orders));
    }
    let until_ms = open
        .iter()
        .map(|effect| due_ms(facts, effect))
        .min()
        .unwrap_or(facts.now_ms);
    let waiting = Waiting {
        kind: if first.status == Status::Pending {
            "person"
        } else {
            "outcome"
        }
        .to_owned(),
        name: format!("{} {}", first.kind.word(), first.target),
        since_ms: first.created_ms,
        until_ms: Some(until_ms),
        next_command: String::new(),
    };
    Some(Step::Wait {
        until_ms,
        waiting: vec![waiting],
    })
}

/// When it may be looked up next. A reading that began before the call can no longer land, and ended after,
/// would pass for a proof of absence: none begins shortly before that moment.
fn due_ms(facts: &Facts, effect: &Effect) -> i64 {
    let landed_ms = effect.deadline_ms + facts.pace.grace_ms;
    let due_ms = match facts.probe(Look::Settle, &settle_key(effect)) {
        None => facts.now_ms,
        Some(probe) if probe.result == "absent" => landed_ms,
        Some(probe) => retry_ms(facts, probe).max(facts.now_ms),
    };
    match effect.kind.is_harmless() || due_ms + facts.pace.call_ms < landed_ms {
        true => due_ms,
        false => due_ms.max(landed_ms),
    }
}

fn retry_ms(facts: &Facts, probe: &Probe) -> i64 {
    probe.at_ms + backoff_ms(&facts.pace, probe.failures.max(1), &probe.target)
}

/// The name under which the looking up of one try is recorded.
pub(crate) fn settle_key(effect: &Effect) -> String {
    format!(
        "{} {} {}",
        effect.kind.word(),
        effect.target,
        effect.attempt
    )
}
