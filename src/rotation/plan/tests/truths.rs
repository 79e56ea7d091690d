//! What must be true outside at any moment, and what the end of a rotation promises.

use super::calls::in_doubt;
use super::rules::{FRESH_MS, Violation, broken, is_waived, specs};
use super::setting::Make;
use super::world::{Call, Life, OLD, World};
use crate::rotation::facts::Facts;
use crate::rotation::gate;
use crate::rotation::phase::Phase;
use crate::rotation::words::{Kind, Mode, Status};
use keywheel_contract::{Strength, Style};

/// A call that took effect late: nothing may have been concluded from its absence.
pub(super) fn landed(facts: &Facts, call: &Call) -> Result<(), Violation> {
    let effect = facts.effects.iter().find(|effect| {
        (effect.kind, &effect.target, effect.attempt) == (call.kind, &call.target, call.attempt)
    });
    match effect {
        None => broken(
            "intent first",
            format!("{} {} has no intent", call.kind.word(), call.target),
        ),
        Some(effect)
            if !in_doubt(effect)
                && !call.kind.is_harmless()
                && effect.status != Status::Applied =>
        {
            broken(
                "absent",
                format!(
                    "{} {} landed after it was given up",
                    call.kind.word(),
                    call.target
                ),
            )
        }
        Some(_) => Ok(()),
    }
}

/// Every destination serves a credential that works, and so does what the issuer presents itself.
pub(super) fn pointers(facts: &Facts, world: &World) -> Result<(), Violation> {
    let excused = |credential: &str| {
        (facts.mode == Mode::Contain && credential == OLD) || world.taken_away.contains(credential)
    };
    for (name, place) in &world.places {
        let Some(copy) = place.serves() else { continue };
        let works = copy.life == Life::Active && world.is_alive(&copy.credential);
        if !works && !excused(&copy.credential) && !locked_out(facts, name, &copy.credential) {
            return broken(
                "pointer",
                format!("{name} serves {} {:?}", copy.credential, copy.life),
            );
        }
    }
    let presents = &world.presents;
    if facts.can.issuer.activates
        && facts.old.is_some()
        && !world.is_alive(presents)
        && !excused(presents)
    {
        return broken("pointer", format!("the issuer presents {presents}"));
    }
    Ok(())
}

/// With one value only: between `apply` and `publish`, there and back.
fn locked_out(facts: &Facts, place: &str, credential: &str) -> bool {
    let waits =
        |apply: Kind, write: Kind| facts.any_intent(apply) && facts.applied(write, place).is_none();
    facts.style() == Style::InPlace
        && match credential == OLD {
            true => waits(Kind::Apply, Kind::Publish),
            false => waits(Kind::ApplyBack, Kind::Republish),
        }
}

/// What the end of a rotation promises.
pub(super) fn ended(facts: &Facts, world: &World, make: Make) -> Result<(), Violation> {
    let wanted = match facts.phase {
        Phase::Completed => facts.candidate_ref().unwrap_or_default(),
        _ if facts.old.is_some() => OLD,
        _ => "",
    };
    let what = format!("{} with {wanted}", facts.phase);
    for (name, place) in &world.places {
        let served = place.serves().map_or("", |copy| copy.credential.as_str());
        if served != wanted {
            return broken("end", format!("{what}: {name} serves {served}"));
        }
        if place.serves().is_some_and(|copy| copy.previous.is_some()) {
            return broken(
                "end",
                format!("{what}: {name} still shows the previous value"),
            );
        }
        leftovers(facts, name, world, wanted, &what)?;
    }
    if !wanted.is_empty() && !world.is_alive(wanted) {
        return broken("end", format!("{what}: it does not work"));
    }
    one_alive(world, make, wanted, &what)
}

/// No version of any other credential is left where the store can end one.
fn leftovers(
    facts: &Facts,
    name: &str,
    world: &World,
    wanted: &str,
    what: &str,
) -> Result<(), Violation> {
    let keeps = facts.can.stores[name].versions && facts.style() != Style::InPlace;
    let mut others = world.places[name]
        .copies
        .iter()
        .filter(|c| c.credential != wanted && c.life == Life::Active);
    match others.next().filter(|_| keeps) {
        Some(copy) => broken(
            "end",
            format!(
                "{what}: {name} keeps {} of {}",
                copy.version, copy.credential
            ),
        ),
        None => Ok(()),
    }
}

fn one_alive(world: &World, make: Make, wanted: &str, what: &str) -> Result<(), Violation> {
    if matches!(make.style(), Style::Generated | Style::InPlace) {
        return Ok(());
    }
    let mut others = world
        .issuer
        .iter()
        .filter(|(name, made)| *name != wanted && made.life == Life::Active);
    match others.next() {
        Some((name, _)) => broken("end", format!("{what}: {name} works too")),
        None => Ok(()),
    }
}

/// In the undo period no consumer is out of sight for long.
pub(super) fn watched(facts: &Facts, sleep_ms: i64) -> Result<(), Violation> {
    let longest_ms = (facts.plan.timing.undo.millis() / 8).max(FRESH_MS);
    let someone = specs(facts).iter().any(|(name, _)| !is_waived(facts, name));
    match facts.phase == Phase::Observing && someone && sleep_ms > longest_ms {
        true => broken("watch", format!("sleeps for {sleep_ms} ms")),
        false => Ok(()),
    }
}

/// Effects settled as absent, not before the call can no longer land.
pub(super) fn absent(facts: &Facts) -> Result<(), Violation> {
    let early = facts.effects.iter().find(|effect| {
        let landed_ms = effect.deadline_ms + facts.pace.grace_ms;
        let settled = effect
            .settled_ms
            .filter(|_| effect.status == Status::Absent);
        !effect.kind.is_harmless() && settled.is_some_and(|at| at < landed_ms)
    });
    match early {
        Some(effect) => broken(
            "absent",
            format!("{} {} too early", effect.kind.word(), effect.target),
        ),
        None => Ok(()),
    }
}

/// Whether a consumer can never be proven, so that only a person can let it pass.
pub(super) fn hopeless(facts: &Facts, world: &World) -> Vec<String> {
    let weak = |name: &String| {
        let can = facts.can.consumers.get(name).and_then(|can| can.strongest);
        let gone = world
            .consumers
            .get(name)
            .is_none_or(|workload| workload.gone);
        gone || can.is_none_or(|strength| strength < Strength::Claimed)
    };
    gate::listed(facts)
        .into_iter()
        .map(|consumer| consumer.name)
        .filter(weak)
        .collect()
}
