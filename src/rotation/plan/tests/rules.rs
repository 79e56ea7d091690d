//! What must hold at every step, judged by the truth and by what is known, without asking the gate: a wrong
//! gate is to be found by it.

use super::calls::in_doubt;
use super::journal::Journal;
use super::world::{Life, OLD, World};
use crate::inventory::{ConsumerSpec, Role};
use crate::rotation::NEW_USED;
use crate::rotation::facts::{Evidence, Facts};
use crate::rotation::phase::Phase;
use crate::rotation::plan::Order;
use crate::rotation::words::{Cause, Kind, Look, Mode, Status};
use keywheel_contract::{ChosenBy, Strength, Style};
use keywheel_schedules::{Gate, Opening};

/// A rule that was broken, and how.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) rule: &'static str,
    pub(super) detail: String,
}

pub(super) fn broken<T>(rule: &'static str, detail: impl Into<String>) -> Result<T, Violation> {
    Err(Violation {
        rule,
        detail: detail.into(),
    })
}

/// Evidence for an end is at most this old.
pub(super) const FRESH_MS: i64 = 600_000;

/// Judges the effects among the orders, before their intents are committed.
pub(super) fn orders(journal: &Journal, world: &World, orders: &[Order]) -> Result<(), Violation> {
    for order in orders {
        let Order::Perform {
            kind,
            target,
            attempt,
        } = order
        else {
            continue;
        };
        once(&journal.facts, *kind, target, *attempt)?;
        forward_only(&journal.facts, *kind)?;
        paused(&journal.facts, *kind)?;
        in_window(&journal.facts, *kind)?;
        outage(&journal.facts, *kind)?;
        in_order(&journal.facts, *kind, target)?;
        ends_nothing_in_use(journal, world, *kind, target)?;
    }
    Ok(())
}

/// Nothing in doubt is re-sent, nothing applied is repeated unless its counterpart undid it.
fn once(facts: &Facts, kind: Kind, target: &str, attempt: i64) -> Result<(), Violation> {
    let what = format!("{} {target} try {attempt}", kind.word());
    if let Some(open) = facts.effects.iter().find(|effect| in_doubt(effect)) {
        return broken(
            "settle first",
            format!(
                "{what} while {} {} is in doubt",
                open.kind.word(),
                open.target
            ),
        );
    }
    let same = |e: &&crate::rotation::facts::Effect| e.kind == kind && e.target == target;
    let tries = i64::try_from(facts.effects.iter().filter(same).count()).unwrap_or(0);
    if tries + 1 != attempt {
        return broken("tries are counted", what);
    }
    let applied = facts
        .effects
        .iter()
        .rposition(|e| same(&e) && e.status == Status::Applied);
    let undone = applied.is_none_or(|index| {
        let later = &facts.effects[index..];
        let may_hold = |status| matches!(status, Status::Applied | Status::Absent);
        later
            .iter()
            .any(|e| Some(e.kind) == counterpart(kind) && e.target == target && may_hold(e.status))
    });
    // A second notice belongs to the time that is waited: one for each.
    let waited_ms = facts.phase_since_ms.max(facts.retried_ms);
    let renewed = |index: usize| facts.effects[index].created_ms < waited_ms;
    let again = kind == Kind::NotifyAgain && applied.is_some_and(renewed);
    // What was staged is stale where its publishing met a conflict.
    let stale = |e: &crate::rotation::facts::Effect| {
        e.kind == Kind::Publish && e.target == target && e.word == "conflict"
    };
    let outrun = kind == Kind::Stage
        && applied.is_some_and(|index| facts.effects[index..].iter().any(stale));
    match undone || again || outrun {
        true => Ok(()),
        false => broken("once", what),
    }
}

fn counterpart(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::DisableCredential => Some(Kind::EnableCredential),
        Kind::EnableCredential => Some(Kind::DisableCredential),
        Kind::DisableVersion => Some(Kind::EnableVersion),
        Kind::EnableVersion => Some(Kind::DisableVersion),
        _ => None,
    }
}

/// After the point of no return nothing is compensated.
fn forward_only(facts: &Facts, kind: Kind) -> Result<(), Violation> {
    let back = matches!(
        kind,
        Kind::EnableCredential
            | Kind::EnableVersion
            | Kind::ApplyBack
            | Kind::Republish
            | Kind::NotifyBack
            | Kind::DestroyCandidate
            | Kind::DestroyCandidateVersion
    );
    let past = facts.effects.iter().any(|effect| effect.kind.is_final());
    if back && past {
        broken("forward only", kind.word())
    } else {
        Ok(())
    }
}

/// A pause holds new forward effects.
fn paused(facts: &Facts, kind: Kind) -> Result<(), Violation> {
    let past = facts.effects.iter().any(|effect| effect.kind.is_final());
    let goes_on = facts.paused_by.is_none()
        || facts.phase == Phase::Restoring
        || matches!(kind, Kind::EnableCredential | Kind::EnableVersion)
        || past
        || facts.mode == Mode::Contain
        || in_place_section(facts);
    if goes_on {
        Ok(())
    } else {
        broken("pause", kind.word())
    }
}

/// A long outage is accepted in so many words, or nothing is begun for `contain`.
fn outage(facts: &Facts, kind: Kind) -> Result<(), Violation> {
    let begins = kind.ends_old() || matches!(kind, Kind::Mint | Kind::Apply | Kind::Publish);
    let past = facts.effects.iter().any(|effect| effect.kind.is_final());
    let asks = facts.mode == Mode::Contain && !is_accepted(facts);
    match begins && asks && !past && !in_place_section(facts) {
        true => broken("outage", kind.word()),
        false => Ok(()),
    }
}

/// `contain` ends what leaked first: where that can be done and the next one is made at once, or where somebody
/// accepted what it costs.
fn is_accepted(facts: &Facts) -> bool {
    let can = &facts.can.issuer;
    let waits = can.chosen_by == ChosenBy::Person && facts.candidate.is_none();
    let ends = (can.reversible || can.revokes) && !waits;
    let leaked = facts.old.iter().all(|old| facts.leaked.contains(&old.id));
    facts.accept_outage || !leaked || facts.old.is_none() || ends
}

/// What a window gates is begun inside it only; people and emergencies do not wait.
fn in_window(facts: &Facts, kind: Kind) -> Result<(), Violation> {
    let past = facts.effects.iter().any(|effect| effect.kind.is_final());
    let gate = match kind {
        Kind::Mint | Kind::Apply | Kind::Stage | Kind::Publish | Kind::Notify => Gate::Start,
        _ if kind.ends_old() && !past => Gate::Disable,
        _ => return Ok(()),
    };
    let opening = facts.plan.timing.open(gate, facts.now_ms);
    let binds = facts.cause == Cause::Scheduled && !in_place_section(facts);
    match binds && opening != Opening::Now {
        true => broken("window", kind.word()),
        false => Ok(()),
    }
}

fn in_place_section(facts: &Facts) -> bool {
    facts.style() == Style::InPlace
        && facts.any_intent(Kind::Apply)
        && facts.phase < Phase::Verifying
}

/// Where one value was replaced, consumers cannot work before they have the new one: nobody is asked anything.
pub(super) fn locked_out(facts: &Facts, question: &str) -> Result<(), Violation> {
    let replaced = facts.style() == Style::InPlace && facts.any_applied(Kind::Apply);
    match replaced && facts.phase < Phase::Verifying {
        true => broken("locked out", format!("{}: {question}", facts.phase)),
        false => Ok(()),
    }
}

/// Acceptors are proven before presenters are told, a canary before the others.
fn in_order(facts: &Facts, kind: Kind, target: &str) -> Result<(), Violation> {
    if kind != Kind::Notify || facts.style() == Style::InPlace {
        return Ok(());
    }
    let all = specs(facts);
    let Some((_, told)) = all.iter().find(|(name, _)| name == target) else {
        return Ok(());
    };
    let presents = |spec: &ConsumerSpec| spec.role == Some(Role::Presents);
    let before = |one: &ConsumerSpec| match presents(one) == presents(told) {
        true => one.canary && !told.canary,
        false => presents(told),
    };
    for (name, spec) in all.iter().filter(|(_, spec)| before(spec)) {
        if is_waived(facts, name) {
            continue;
        }
        if let Some(why) = unproven(facts, name, spec, &successor(facts), i64::MIN) {
            return broken(
                "order of notices",
                format!("{target} is told while {name} is not proven: {why}"),
            );
        }
    }
    Ok(())
}

fn successor(facts: &Facts) -> String {
    facts
        .candidate
        .as_ref()
        .map(|candidate| candidate.id.clone())
        .unwrap_or_default()
}

/// The rule of rules: no credential is ended while it may be in use.
fn ends_nothing_in_use(
    journal: &Journal,
    world: &World,
    kind: Kind,
    target: &str,
) -> Result<(), Violation> {
    let facts = &journal.facts;
    let ends_candidate = matches!(kind, Kind::DestroyCandidate | Kind::DestroyCandidateVersion);
    let (ended, heir) = match kind {
        _ if kind.ends_old() => (OLD, successor(facts)),
        _ if ends_candidate => (
            facts.candidate_ref().unwrap_or_default(),
            facts.old.as_ref().map(|o| o.id.clone()).unwrap_or_default(),
        ),
        Kind::RevokeOrphan => return orphan(world, target),
        _ => return Ok(()),
    };
    let contained = facts.mode == Mode::Contain && is_accepted(facts) && kind.ends_old();
    let dead_already = !matches!(
        kind,
        Kind::Revoke | Kind::DestroyCandidate | Kind::DisableCredential
    ) && world
        .issuer
        .get(ended)
        .is_some_and(|made| made.life == Life::Dead)
        && !matches!(facts.style(), Style::Generated | Style::InPlace);
    let unseen = ends_candidate
        && !world
            .ledger
            .iter()
            .any(|(_, call)| call.kind == Kind::Publish);
    if contained || dead_already || unseen {
        return Ok(());
    }
    heir_works(facts, kind, ends_candidate)?;
    taken_up(facts, world, kind)?;
    for (name, spec) in specs(facts) {
        if is_waived(facts, &name) {
            continue;
        }
        let what = format!("{} {target} in {}", kind.word(), facts.phase);
        if let Some(why) = unproven(facts, &name, &spec, &heir, facts.now_ms - FRESH_MS) {
            return broken(
                "evidence",
                format!("{what}, while {name} is not proven: {why}"),
            );
        }
        if let Some(index) = still_holds(journal, world, &name, ended) {
            return broken(
                "in use",
                format!("{what}, while instance {index} of {name} holds it"),
            );
        }
    }
    Ok(())
}

/// Whoever is to live on it was let in a short while ago.
fn heir_works(facts: &Facts, kind: Kind, ends_candidate: bool) -> Result<(), Violation> {
    let (look, heir) = match ends_candidate {
        true => (Look::TestOld, facts.old.is_some()),
        false => (Look::TestCandidate, facts.candidate.is_some()),
    };
    let since_ms = facts.now_ms - FRESH_MS;
    let mut probes = facts.probes.iter();
    let works = probes.any(|probe| probe.look == look && probe.is_ok() && probe.at_ms >= since_ms);
    match facts.can.issuer.tests && heir && !works {
        true => broken(
            "heir",
            format!("{} while nobody knows whether the other works", kind.word()),
        ),
        false => Ok(()),
    }
}

/// Where the entry asks for it, somebody else used the new credential; a person may say that nobody has to.
fn taken_up(facts: &Facts, world: &World, kind: Kind) -> Result<(), Violation> {
    let today = facts.today.as_ref().is_some_and(|today| today.new_used);
    let asked = kind.ends_old() && facts.old.is_some() && (facts.plan.new_used || today);
    match asked && world.theirs_ms.is_none() && !is_waived(facts, NEW_USED) {
        true => broken(
            "new use",
            format!("{} while nobody used the new one", kind.word()),
        ),
        false => Ok(()),
    }
}

fn orphan(world: &World, target: &str) -> Result<(), Violation> {
    let mut instances = world
        .consumers
        .values()
        .flat_map(|workload| &workload.instances);
    match instances.any(|instance| instance.holds.as_deref() == Some(target)) {
        true => broken("in use", format!("orphan {target} is held")),
        false => Ok(()),
    }
}

/// Everyone in the plan or in today's inventory.
pub(super) fn specs(facts: &Facts) -> Vec<(String, ConsumerSpec)> {
    let mut all: Vec<(String, ConsumerSpec)> = facts
        .plan
        .consumers
        .iter()
        .map(|(name, spec)| (name.clone(), spec.clone()))
        .collect();
    let today = facts
        .today
        .iter()
        .flat_map(|definition| &definition.consumers);
    for (name, spec) in today {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.clone(), spec.clone()));
        }
    }
    all
}

pub(super) fn is_waived(facts: &Facts, name: &str) -> bool {
    facts
        .waivers
        .iter()
        .any(|waiver| waiver.subject == name && waiver.until_ms > facts.now_ms)
}

/// Why a consumer is not proven on a credential by evidence from `since_ms` on and after the last write.
fn unproven(
    facts: &Facts,
    name: &str,
    spec: &ConsumerSpec,
    heir: &str,
    since_ms: i64,
) -> Option<String> {
    let writes = [Kind::Publish, Kind::Republish];
    let place = spec.reads.clone().unwrap_or_default();
    let written = facts
        .effects
        .iter()
        .filter(|e| writes.contains(&e.kind) && e.target == place);
    let written_ms = written
        .filter_map(|e| e.settled_ms.filter(|_| e.status == Status::Applied))
        .max();
    let seen: Vec<&Evidence> = facts
        .evidence
        .iter()
        .filter(|e| e.consumer == name)
        .collect();
    if let Some(other) = seen.iter().find(|e| e.holding != heir) {
        return Some(format!(
            "instance {} holds {}",
            other.instance, other.holding
        ));
    }
    let counts = |e: &&&Evidence| {
        e.strength >= Strength::Claimed
            && e.at_ms >= since_ms
            && written_ms.is_none_or(|at| e.at_ms > at)
    };
    let count = seen.iter().filter(counts).count();
    (count < spec.instances as usize).then(|| format!("{count} of {} instances", spec.instances))
}

/// An instance that has not moved since its consumer was last seen, and holds it nevertheless.
fn still_holds(journal: &Journal, world: &World, name: &str, ended: &str) -> Option<usize> {
    let seen_ms = journal.seen_ms.get(name).copied().unwrap_or(i64::MAX);
    let workload = world.consumers.get(name)?;
    let held = |one: &super::world::Instance| {
        one.moved_ms < seen_ms && one.holds.as_deref() == Some(ended)
    };
    workload.instances.iter().position(held)
}
