//! From the last proof to the end of the old credential. Everything here asks for evidence first.

use super::progress::Progress;
use super::{Order, Step, blocked, closed, forward, silence, used};
use crate::inventory::Destination;
use crate::rotation::facts::{Effect, Facts, Newer};
use crate::rotation::gate::{self, Missing, Required};
use crate::rotation::phase::Event;
use crate::rotation::words::{Kind, Look, Mode, Status};
use keywheel_contract::Style;
use keywheel_schedules::Gate;

/// Both stay valid for the overlap, until the new one was seen in use, and until the old one has been silent for long
/// enough.
pub(super) fn overlapping(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    let until = facts.proven_ms.unwrap_or(facts.now_ms) + facts.plan.timing.overlap.millis();
    let patient_ms = match facts.mode {
        Mode::Normal => until,
        Mode::Cutover | Mode::Contain => facts.phase_since_ms,
    };
    used::is_seen(facts, &mut progress, patient_ms);
    if facts.mode == Mode::Normal {
        if facts.now_ms < until {
            progress.wait(until, "overlap", "both credentials work");
            return progress.or(Event::OverlapOver);
        }
        let since_ms = facts.now_ms - silence::stale_ms(facts);
        silence::silent(facts, &mut progress, since_ms);
    }
    progress.or(Event::OverlapOver)
}

/// The old credential is ended reversibly, where the issuer or a store can.
pub(super) fn disabling(facts: &Facts) -> Step {
    if let Some(step) = closed(facts, Gate::Disable) {
        return step;
    }
    let targets = reversible(facts);
    if targets.is_empty() {
        return Step::Advance(Event::NotReversible);
    }
    if let Some(step) = gate_again(facts) {
        return step;
    }
    let mut progress = Progress::new(facts);
    for (kind, target) in &targets {
        progress.effect(*kind, target);
    }
    progress.or(Event::Disabled)
}

/// What can be ended reversibly: the credential at its issuer, and each old version in its store.
fn reversible(facts: &Facts) -> Vec<(Kind, String)> {
    let credential = facts.old_ref().filter(|_| facts.can.issuer.reversible);
    let mut targets: Vec<(Kind, String)> = credential
        .map(|id| (Kind::DisableCredential, id.to_owned()))
        .into_iter()
        .collect();
    for destination in facts.destinations() {
        let name = destination.name();
        let can = facts
            .can
            .stores
            .get(&name)
            .is_some_and(|store| store.reversible);
        if can && facts.base_version(&name).is_some() {
            targets.push((Kind::DisableVersion, name));
        }
    }
    targets
}

/// Evidence no older than the pace allows, taken afresh; `None` where the gate is open now.
fn gate_again(facts: &Facts) -> Option<Step> {
    let required = gate::required(facts);
    let candidate = facts
        .candidate
        .as_ref()
        .map_or("", |candidate| candidate.id.as_str());
    let mut progress = Progress::new(facts);
    let fresh_ms = facts.now_ms - facts.pace.fresh_ms;
    // A consumer is asked anew in each phase. An issuer whose changes take a while to be in force need not be.
    let since = facts.phase_since_ms.max(fresh_ms);
    if let Some(refused) = refused_since(facts, fresh_ms) {
        if !outstanding(facts).is_empty() {
            return Some(relapse(facts, &refused, false));
        }
        progress.ask(format!("{refused}; nothing is ended: {}", way_out(facts)));
    }
    // Not tried by us before somebody else was seen: our own use would hide theirs.
    if used::is_seen(facts, &mut progress, facts.phase_since_ms) && facts.can.issuer.tests {
        leaked_meanwhile(facts, &mut progress);
        progress.look(Look::TestCandidate, "", fresh_ms, || Order::TestCandidate);
    }
    let missing = progress.proven(&required, candidate, |c| {
        since.max(gate::counts_since(facts, c, &[Kind::Publish]))
    });
    if missing.is_empty() {
        silence::silent(facts, &mut progress, since);
        return (!progress.is_done()).then(|| progress.or(Event::Relapsed));
    }
    if let Some(gone_back) = missing.iter().find(|one| one.elsewhere) {
        return Some(went_back(facts, gone_back));
    }
    let waited = facts.now_ms - facts.phase_since_ms.max(facts.retried_ms);
    if waited >= facts.plan.timing.prove_within.millis() {
        let first = &missing[0];
        progress.ask(format!(
            "{} no longer answers ({}); nothing more is ended",
            first.consumer, first.why
        ));
    }
    Some(progress.or(Event::Relapsed))
}

/// A consumer shows what it holds, not that it is let in: what its issuer said of that since then, where it refuses
/// the new credential. After a while, and when a person says so, it is asked again.
fn refused_since(facts: &Facts, since_ms: i64) -> Option<String> {
    let again_ms = facts.retried_ms.max(facts.now_ms - super::LOOK_AGAIN_MS);
    let since_ms = since_ms.max(again_ms);
    let probe = facts.probe(Look::TestCandidate, "")?;
    let dead = probe.result == "dead" && probe.at_ms >= since_ms;
    let told = || {
        format!(
            "the new credential worked and does not any more ({})",
            probe.detail
        )
    };
    dead.then(told)
}

/// In an emergency somebody may want the leaked one ended though its issuer cannot say whether the new one is let in.
fn leaked_meanwhile(facts: &Facts, progress: &mut Progress<'_>) {
    let probe = facts.probe(Look::TestCandidate, "");
    let tired =
        probe.is_some_and(|one| one.result != "dead" && one.failures >= facts.pace.attempts);
    if tired && facts.is_emergency() {
        progress.ask(format!(
            "its issuer cannot tell whether the new credential is accepted; nothing is ended before that: wait, or accept \
             an outage: keywheel rotate-now {} --mode contain --accept-outage --reason \"…\"",
            facts.plan.id
        ));
    }
}

fn way_out(facts: &Facts) -> String {
    let id = &facts.plan.id;
    match super::can_turn_back(facts) {
        Ok(()) if !facts.old_leaked() => {
            format!("mend that at its issuer, or go back with `keywheel rollback {id}`")
        }
        _ => format!(
            "mend that at its issuer, or replace it: keywheel rotate-now {id} --mode cutover --reason \"…\""
        ),
    }
}

/// A consumer went back to the old credential. What was only posted brings nothing back by itself: whoever holds a
/// leaked key could trigger it.
fn went_back(facts: &Facts, missing: &Missing) -> Step {
    let attests = |one: &Required| one.name == missing.consumer && one.attests();
    let attested = gate::listed(facts).iter().any(attests);
    let told = format!(
        "{} uses the old credential again ({})",
        missing.consumer, missing.why
    );
    relapse(facts, &told, attested)
}

/// The old credential is needed again. Bringing it back by itself happens once, and never in an emergency.
fn relapse(facts: &Facts, told: &str, by_hand: bool) -> Step {
    let ended = !outstanding(facts).is_empty();
    let again = facts.any_applied(Kind::EnableCredential) || facts.any_applied(Kind::EnableVersion);
    if super::is_past_return(facts) {
        let question =
            format!("{told}; nothing more is ended before the new one is in use and works");
        return blocked(facts, &question);
    }
    match ended && (again || by_hand || facts.is_emergency()) {
        true => blocked(
            facts,
            &format!(
                "{told}; bring the old one back with `keywheel reenable {}`",
                facts.plan.id
            ),
        ),
        false => Step::Advance(Event::Relapsed),
    }
}

/// Ended reversibly and not brought back.
pub(super) fn outstanding(facts: &Facts) -> Vec<(Kind, String)> {
    let pairs = [
        (Kind::DisableCredential, Kind::EnableCredential),
        (Kind::DisableVersion, Kind::EnableVersion),
    ];
    let mut found = Vec::new();
    for (disable, enable) in pairs {
        for effect in facts
            .effects
            .iter()
            .filter(|e| e.kind == disable && may_hold(e))
        {
            let back = facts.applied(enable, &effect.target);
            let to_do = (enable, effect.target.clone());
            let ended = back.is_none_or(|back| back.created_ms < effect.created_ms);
            if ended && !found.contains(&to_do) {
                found.push(to_do);
            }
        }
    }
    found
}

/// Where an issuer cannot tell a state, an absent effect may have been applied, whatever later tries became.
pub(super) fn may_hold(effect: &Effect) -> bool {
    matches!(effect.status, Status::Applied | Status::Absent)
}

/// Brings back whatever is ended reversibly, before anything else is asked of a consumer.
pub(super) fn bring_back(facts: &Facts, progress: &mut Progress<'_>) {
    if facts.is_contained() {
        return;
    }
    for (enable, target) in outstanding(facts) {
        progress.effect_forever(enable, &target);
    }
}

/// The undo period: consumers are watched, and one that fails brings the old credential back.
pub(super) fn observing(facts: &Facts) -> Step {
    let required = gate::required(facts);
    let candidate = facts
        .candidate
        .as_ref()
        .map_or("", |candidate| candidate.id.as_str());
    let mut progress = Progress::new(facts);
    let undo = if facts.mode == Mode::Normal {
        facts.plan.timing.undo.millis()
    } else {
        0
    };
    let until = facts.phase_since_ms + undo;
    if facts.now_ms >= until {
        return Step::Advance(Event::Observed);
    }
    let watch_ms = (undo / 16).clamp(facts.pace.poll_min_ms, 30 * facts.pace.poll_max_ms);
    let since_ms = facts.phase_since_ms.max(facts.now_ms - watch_ms);
    let missing = progress.proven(&required, candidate, |_| since_ms);
    let failed = |one: &&Missing| {
        let silent = facts
            .probe(Look::Observe, &one.consumer)
            .map_or(0, |probe| probe.failures);
        one.elsewhere || silent >= facts.pace.attempts
    };
    if let Some(one) = missing.iter().find(failed) {
        return went_back(facts, one);
    }
    let watched_ms = facts.now_ms - watch_ms;
    if let Some(refused) = refused_since(facts, watched_ms) {
        return relapse(facts, &refused, false);
    }
    if facts.can.issuer.tests {
        let order = || Order::TestCandidate;
        progress.look_forever(Look::TestCandidate, "", watched_ms, order);
    }
    let refused = silence::refused(facts, &mut progress, since_ms);
    let told = "the old credential is disabled and can be brought back";
    let told = match refused.is_empty() {
        true => told.to_owned(),
        false => format!("{told}; refused with it: {}", refused.join(", ")),
    };
    progress.wait(until, "undo", &told);
    let watched = !required.is_empty() || silence::is_watched(facts) || facts.can.issuer.tests;
    match progress.or(Event::Observed) {
        Step::Wait { until_ms, waiting } if watched => Step::Wait {
            until_ms: until_ms.min(facts.now_ms + watch_ms),
            waiting,
        },
        step => step,
    }
}

/// The point of no return.
pub(super) fn revoking(facts: &Facts) -> Step {
    let begun = super::is_past_return(facts);
    if !begun && let Some(step) = closed(facts, Gate::Disable) {
        return step;
    }
    let step = end_for_good(facts);
    // The outage was accepted: a leaked credential is not kept for a consumer that does not answer.
    let waived = facts.is_contained() && forward::can_end(facts);
    let asks = !waived && (!begun || ends_what_may_be_in_use(facts, &step));
    match asks.then(|| gate_again(facts)).flatten() {
        Some(held) => held,
        None => step,
    }
}

/// Every try asks for evidence again, for hours may have gone by since the last one. Copies and sessions of a
/// credential that its issuer has ended serve nobody.
fn ends_what_may_be_in_use(facts: &Facts, step: &Step) -> bool {
    let Step::Act(orders) = step else {
        return false;
    };
    let dead = facts
        .old_ref()
        .is_some_and(|old| facts.applied(Kind::Revoke, old).is_some());
    let ends = |order: &Order| matches!(order, Order::Perform { kind, .. } if kind.ends_old());
    !dead && orders.iter().any(ends)
}

fn end_for_good(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    let mut done = true;
    if let Some(old) = facts.old_ref().filter(|_| facts.can.issuer.revokes) {
        done = progress.effect_forever(Kind::Revoke, old);
        if done && facts.can.issuer.sessions {
            progress.effect_forever(Kind::EndSessions, old);
        }
    }
    if done {
        for destination in facts.destinations() {
            end_copies(facts, &mut progress, destination);
        }
    }
    progress.or(Event::Revoked)
}

fn end_copies(facts: &Facts, progress: &mut Progress<'_>, destination: &Destination) {
    let name = destination.name();
    let followed = facts.others.newer;
    if destination.shows_previous() && facts.old.is_some() && followed != Newer::Completed {
        let begun = facts.effect(Kind::DropPrevious, &name).map(|e| e.status);
        if followed == Newer::UnderWay && begun != Some(Status::Applied) {
            // It has read what stands there; where it completes, nothing of the old one is shown any more.
            progress.wait_a_little("outcome", &format!("the rotation after, in {name}"));
            return;
        }
        if !progress.effect_forever(Kind::DropPrevious, &name) {
            return;
        }
        for consumer in gate::listed(facts) {
            if facts
                .read_by(&consumer.spec)
                .is_some_and(|d| d.name() == name)
            {
                forward::tell(facts, progress, Kind::NotifyDropped, &consumer);
            }
        }
    }
    if facts.base_version(&name).is_some()
        && last_version(facts, &name) != facts.base_version(&name).map(str::to_owned)
    {
        progress.effect_forever(Kind::DestroyVersion, &name);
    }
}

/// The version that a destination serves by our latest write.
pub fn last_version(facts: &Facts, destination: &str) -> Option<String> {
    let writes = [Kind::Republish, Kind::DropPrevious, Kind::Publish];
    let effect = writes
        .into_iter()
        .find_map(|kind| facts.applied(kind, destination));
    effect?
        .result
        .version
        .as_ref()
        .map(|version| version.as_str().to_owned())
}

/// The old credential is refused, the new one works, and nobody shows the old one any more.
pub(super) fn confirming(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    if facts.old.is_some() {
        if facts.can.issuer.tests {
            progress.look_forever(Look::RefusedOld, "", facts.phase_since_ms, || {
                Order::RefusedOld
            });
        }
        let dropped = facts.any_applied(Kind::DropPrevious);
        let shown = dropped || facts.style() == Style::Generated;
        // Where a later rotation is complete, everybody was proven on its candidate.
        if shown && facts.others.newer != Newer::Completed {
            let candidate = facts
                .candidate
                .as_ref()
                .map_or("", |candidate| candidate.id.as_str());
            let since = facts.phase_since_ms - facts.pace.fresh_ms;
            progress.proven(&gate::required(facts), candidate, |c| {
                since.max(gate::counts_since(
                    facts,
                    c,
                    &[Kind::Publish, Kind::DropPrevious],
                ))
            });
        }
        if forward::awaits_person_to_revoke(facts) {
            progress.ask(format!(
                "end the old credential at its issuer, then say so: \
                 keywheel vouch {} --old-revoked --reason \"…\"",
                facts.plan.id
            ));
        }
    }
    progress.or(Event::Confirmed)
}
