//! Effects in doubt: an intent without an outcome is settled by reading the outside system, before anything
//! else is planned.

use super::{Order, Step, Waiting};
use crate::rotation::facts::{Effect, Facts, Probe, backoff_ms};
use crate::rotation::words::{Kind, Look, Status};
use keywheel_contract::Find;

/// What to do about effects whose outcome is not known; `None` where there are none.
///
/// The planner is never asked while a call is under way, so that an intent seen here was left by a crash, a
/// lost lease or a lost answer. *Absent* is concluded only after the call's deadline and a grace, for a
/// request that was sent may still land, and where an issuer's list is late that much later: until then the
/// reading is repeated, nothing is re-sent.
pub(super) fn in_doubt(facts: &Facts) -> Option<Step> {
    let open: Vec<&Effect> = facts
        .effects
        .iter()
        .filter(|effect| matches!(effect.status, Status::Intent | Status::Pending))
        .collect();
    let first = open.first()?;
    if let Some(lost) = open.iter().find(|effect| nobody_knows(facts, effect)) {
        return Some(ask_a_person(facts, lost));
    }
    if let Some(refused) = open.iter().find_map(|effect| refusal(facts, effect)) {
        return Some(tell_a_person(facts, refused));
    }
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
    let seen = facts.probe(Look::Settle, &settle_key(first));
    let seen = seen.map_or("", |probe| probe.detail.as_str());
    let name = format!("{} {}", first.kind.word(), first.target);
    // What a person has to do lies outside: only the system that waits for them says where.
    let (kind, name) = match first.status {
        Status::Pending => ("person", format!("{name}: {}", first.result.detail)),
        _ if seen.is_empty() => ("outcome", name),
        _ => ("outcome", format!("{}: {seen}", name.trim_end())),
    };
    let waiting = Waiting {
        kind: kind.to_owned(),
        name,
        since_ms: first.created_ms,
        until_ms: Some(until_ms),
        next_command: format!("keywheel show {}", facts.plan.id),
    };
    Some(Step::Wait {
        until_ms,
        waiting: vec![waiting],
    })
}

/// Whether only a person can find out what became of it: the issuer neither names what it made nor makes it once.
fn nobody_knows(facts: &Facts, effect: &Effect) -> bool {
    let can = &facts.can.issuer;
    effect.kind == Kind::Mint && can.find == Find::None && !can.idempotent_mint
}

/// What an issuer that makes one credential per tag says for good when it is asked again; for a while, and until a
/// person wants it to be asked once more.
fn refusal<'f>(facts: &'f Facts, effect: &Effect) -> Option<&'f Probe> {
    let asked = effect.kind == Kind::Mint
        && facts.can.issuer.idempotent_mint
        && facts.now_ms >= landed_ms(facts, effect);
    let seen = facts.probe(Look::Settle, &settle_key(effect));
    seen.filter(|probe| {
        let since_ms = facts.retried_ms.max(facts.now_ms - super::LOOK_AGAIN_MS);
        asked && probe.result == "invalid" && probe.at_ms > since_ms
    })
}

fn tell_a_person(facts: &Facts, refused: &Probe) -> Step {
    let id = &facts.plan.id;
    Step::Block {
        question: format!(
            "did the issuer make a credential? it says: {}",
            refused.detail
        ),
        next_command: format!(
            "keywheel retry {id}   (ask it again), or --absent   (it made none: have it make another)"
        ),
        until_ms: refused.at_ms + super::LOOK_AGAIN_MS,
    }
}

/// The mint in doubt that a person is asked about now, if there is one: what was sent can no longer land.
pub fn lost_mint(facts: &Facts) -> Option<&Effect> {
    let open = |effect: &&Effect| matches!(effect.status, Status::Intent | Status::Pending);
    let mut lost = facts.effects.iter().filter(open);
    lost.find(|effect| {
        let nobody = nobody_knows(facts, effect) && facts.now_ms >= landed_ms(facts, effect);
        nobody || refusal(facts, effect).is_some()
    })
}

fn ask_a_person(facts: &Facts, lost: &Effect) -> Step {
    let id = &facts.plan.id;
    if lost_mint(facts).is_none() {
        let until_ms = landed_ms(facts, lost);
        return Step::Wait {
            until_ms,
            waiting: vec![Waiting {
                kind: "outcome".to_owned(),
                name: "mint: its answer may still come".to_owned(),
                since_ms: lost.created_ms,
                until_ms: Some(until_ms),
                next_command: format!("keywheel show {id}"),
            }],
        };
    }
    Step::Block {
        question: format!(
            "did the issuer make a credential for try {}? its answer is lost and it cannot be asked: look there, \
             the credential in use works",
            lost.attempt
        ),
        next_command: format!(
            "keywheel retry {id} --absent   (it made none), or --adopt CREDENTIAL_ID   (it did: that one is ended)"
        ),
        until_ms: facts.now_ms + super::LOOK_AGAIN_MS,
    }
}

/// Whether a write whose answer got lost may stand in a destination, for its store cannot be asked about one.
pub fn may_have_landed(facts: &Facts, destination: &str) -> bool {
    let store = facts.can.stores.get(destination);
    let asked = store.is_some_and(|can| can.find != Find::None);
    let lost =
        |e: &Effect| e.kind.writes() && e.target == destination && e.status == Status::Absent;
    !asked && facts.effects.iter().any(lost)
}

/// From when on a call that was sent can no longer land.
fn landed_ms(facts: &Facts, effect: &Effect) -> i64 {
    effect.deadline_ms + facts.pace.grace_ms
}

/// From when on not being there is a proof: the call can no longer land, and what it made would be shown. Whoever
/// looks may be another process than the one that called: only what the issuer declares counts.
pub fn shown_ms(facts: &Facts, effect: &Effect) -> i64 {
    let late = match effect.kind {
        Kind::Mint => facts.can.issuer.lists_after.as_millis(),
        _ => 0,
    };
    landed_ms(facts, effect).saturating_add(i64::try_from(late).unwrap_or(i64::MAX))
}

/// When it may be looked up next. A reading that began before that moment is no proof, and one that also ended after
/// it would pass for one: none begins shortly before.
fn due_ms(facts: &Facts, effect: &Effect) -> i64 {
    let shown_ms = shown_ms(facts, effect);
    let due_ms = match facts.probe(Look::Settle, &settle_key(effect)) {
        None => facts.now_ms,
        Some(probe) if probe.result == "absent" => shown_ms,
        Some(probe) => retry_ms(facts, probe).max(facts.now_ms),
    };
    match effect.kind.is_harmless() || due_ms + facts.pace.call_ms < shown_ms {
        true => due_ms,
        false => due_ms.max(shown_ms),
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
