//! From the plan to the last proof.

use super::progress::Progress;
use super::{Order, Step, Waiting, blocked, closed, used};
use crate::inventory::VerifySpec;
use crate::rotation::facts::{Effect, Facts, Waiver};
use crate::rotation::gate::{self, Missing, Required};
use crate::rotation::phase::Event;
use crate::rotation::words::{Cause, Kind, Look, Status, Wish};
use crate::rotation::{CANDIDATE, NEW_REVOKED, OLD_REVOKED};
use keywheel_contract::{ChosenBy, Find, Style};
use keywheel_schedules::Gate;

/// Looks at everything before anything changes.
pub(super) fn preflight(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    for destination in facts.destinations() {
        let name = destination.name();
        if facts.others.in_doubt.contains(&name) {
            // What stands there is not known before that is settled.
            progress.wait_a_little("outcome", &format!("the rotation before, in {name}"));
            continue;
        }
        progress.look(Look::Inspect, &name, 0, || Order::Inspect {
            destination: name.clone(),
        });
    }
    if !progress.is_done() {
        return progress.or(Event::PreflightPassed);
    }
    if let Some(question) = refusal(facts) {
        return blocked(facts, &question);
    }
    identify(facts, &mut progress);
    if progress.is_done() {
        baseline(facts, &mut progress);
    }
    let contain = facts.is_contained() && facts.old_ref().is_some() && can_end(facts);
    progress.or(if contain {
        Event::ContainFirst
    } else {
        Event::PreflightPassed
    })
}

pub(super) fn can_end(facts: &Facts) -> bool {
    facts.can.issuer.reversible || facts.can.issuer.revokes
}

/// What is never begun, with the way out.
fn refusal(facts: &Facts) -> Option<String> {
    let issuer = &facts.can.issuer;
    if issuer.style == Style::InPlace && facts.plan.in_place.is_none() {
        return Some(
            "the issuer holds one value only: consent with `in_place = \"why\"` in the inventory"
                .into(),
        );
    }
    if let Some(question) = used::never(facts) {
        return Some(question);
    }
    let unfindable = issuer.chosen_by == ChosenBy::Issuer
        && issuer.find == Find::None
        && !issuer.idempotent_mint
        && facts.cause == Cause::Scheduled;
    unfindable.then(|| {
        "a credential whose answer got lost could not be found again at this issuer: \
         start it attended with `keywheel rotate-now`"
            .to_owned()
    })
}

/// The old credential's id at its issuer, without which it could never be ended.
fn identify(facts: &Facts, progress: &mut Progress<'_>) {
    let nameless = facts
        .old
        .as_ref()
        .is_some_and(|old| old.issuer_ref.is_none());
    if !nameless || !can_end(facts) {
        return;
    }
    if facts.can.issuer.identifies {
        progress.look(Look::Identify, "", 0, || Order::Identify);
    } else {
        progress.ask(
            "which credential is the value in use, at its issuer? write its id as `current_id` in the inventory",
        );
    }
}

/// Every consumer that can be seen proves the credential in use, so that a broken probe is found before
/// anything changes.
fn baseline(facts: &Facts, progress: &mut Progress<'_>) {
    let Some(old) = facts.old.as_ref().filter(|_| !facts.is_contained()) else {
        return;
    };
    let seen: Vec<Required> = gate::required(facts)
        .into_iter()
        .filter(|consumer| !matches!(consumer.spec.verify, VerifySpec::None { .. }))
        .collect();
    let since = facts.phase_since_ms.max(facts.retried_ms);
    let missing = progress.proven(&seen, &old.id, |_| since);
    if facts.now_ms >= since + facts.plan.timing.prove_within.millis()
        && let Some(first) = missing.first()
    {
        progress.ask(format!(
            "{} does not prove the value in use ({}); nothing was changed: mend its check, try it with \
             `keywheel prove {}`",
            first.consumer, first.why, facts.plan.id
        ));
    }
}

/// The candidate comes to exist.
pub(super) fn minting(facts: &Facts) -> Step {
    if let Some(step) = closed(facts, Gate::Start) {
        return step;
    }
    let mut progress = Progress::new(facts);
    orphans(facts, &mut progress);
    if progress.is_done() {
        match facts.can.issuer.chosen_by {
            ChosenBy::Issuer => {
                progress.effect(Kind::Mint, "");
            }
            ChosenBy::Keywheel => chosen_by_us(facts, &mut progress),
            ChosenBy::Person if facts.sealed.contains(CANDIDATE) => {}
            ChosenBy::Person => return from_spare(facts, progress),
        }
    }
    progress.or_turn_back(Event::Minted)
}

/// A spare becomes the candidate. While none can be judged a person is asked, and the spares are tried again.
fn from_spare(facts: &Facts, mut progress: Progress<'_>) -> Step {
    let Some(id) = spare(facts) else {
        return provided(facts);
    };
    let order = || Order::TakeSpare { spare: id.clone() };
    progress.look_forever(Look::TakeSpare, id, 0, order);
    match progress.or_turn_back(Event::Minted) {
        Step::Wait { .. } if failures(facts, id) >= facts.pace.attempts => provided(facts),
        step => step,
    }
}

fn chosen_by_us(facts: &Facts, progress: &mut Progress<'_>) {
    if !facts.sealed.contains(CANDIDATE) {
        progress.look(Look::Propose, "", 0, || Order::Propose);
        return;
    }
    if facts.style() == Style::InPlace && !super::may_be_applied(facts) {
        stores_take_it(facts, progress);
    }
    if facts.style() != Style::Generated && progress.is_done() {
        progress.effect(Kind::Apply, facts.candidate_ref().unwrap_or_default());
    }
}

/// A reading of a destination is at most this old when the one value is replaced. Milliseconds.
const PROBED_MS: i64 = 30_000;

/// Just before consumers are locked out: every store is shown to be there. One that stages takes the candidate
/// beside the value in use, which is a write; of any other a fresh reading shows that it is reachable, that we may
/// read, and what stands there. That it lets us write is known only by writing.
fn stores_take_it(facts: &Facts, progress: &mut Progress<'_>) {
    for destination in facts.destinations() {
        let name = destination.name();
        if facts.stages_in(&name) {
            progress.effect(Kind::Stage, &name);
        } else {
            progress.look(Look::Inspect, &name, facts.now_ms - PROBED_MS, || {
                Order::Inspect {
                    destination: name.clone(),
                }
            });
        }
    }
}

/// Credentials that lost answers left behind are ended before a new one is made.
pub(super) fn orphans(facts: &Facts, progress: &mut Progress<'_>) {
    let lost = facts
        .effects
        .iter()
        .filter(|effect| effect.status == Status::Orphaned);
    for orphan in lost.flat_map(|effect| &effect.result.orphans) {
        progress.effect_forever(Kind::RevokeOrphan, orphan);
    }
}

/// The spare that may be taken: any in an emergency, else one that is more than the inventory wants to be ready for
/// one. One that could not be judged makes room for the others; else it is the oldest.
fn spare(facts: &Facts) -> Option<&String> {
    let today = facts.today.as_ref().map_or(0, |today| today.issuer.standby);
    let kept = match facts.is_emergency() {
        true => 0,
        false => usize::try_from(facts.plan.issuer.standby.max(today)).unwrap_or(usize::MAX),
    };
    let first = facts.spares.iter().min_by_key(|id| failures(facts, id));
    first.filter(|_| facts.spares.len() > kept)
}

/// How often it was tried in vain.
fn failures(facts: &Facts, spare: &str) -> i64 {
    facts
        .probe(Look::TakeSpare, spare)
        .map_or(0, |probe| probe.failures)
}

fn provided(facts: &Facts) -> Step {
    let id = &facts.plan.id;
    let options = &facts.plan.issuer.options;
    let instructions = options.get("instructions").and_then(|text| text.as_str());
    let how = instructions.map_or_else(String::new, |text| format!(" ({text})"));
    let waiting = Waiting {
        kind: "person".to_owned(),
        name: format!("{}: a new value{how}", facts.plan.owner),
        since_ms: facts.phase_since_ms,
        until_ms: None,
        next_command: format!("keywheel provide {id}"),
    };
    Step::Wait {
        until_ms: facts.now_ms + super::LOOK_AGAIN_MS,
        waiting: vec![waiting],
    }
}

/// The candidate is tried before anybody sees it.
pub(super) fn testing(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    progress.look(Look::TestCandidate, "", 0, || Order::TestCandidate);
    progress.or_turn_back(Event::Tested)
}

/// Every destination comes to serve the candidate; only a missing one is tried again.
pub(super) fn publishing(facts: &Facts) -> Step {
    if let Some(step) = closed(facts, Gate::Start) {
        return step;
    }
    let mut progress = Progress::new(facts);
    for destination in facts.destinations() {
        let name = destination.name();
        if staged(facts, &mut progress, &name) && progress.effect(Kind::Publish, &name) {
            served(facts, &mut progress, Kind::Publish, &name);
        }
    }
    progress.or(Event::Published)
}

/// Where a store stages: whether the document of today's base is staged. Somebody may have changed other people's part
/// since; then what is staged is refused as a conflict, and the new document is staged.
fn staged(facts: &Facts, progress: &mut Progress<'_>, name: &str) -> bool {
    if !facts.stages_in(name) {
        return true;
    }
    if !progress.effect(Kind::Stage, name) {
        return false;
    }
    let Some(stale) = facts.outrun_stage(name) else {
        return true;
    };
    progress.perform(Kind::Stage, name, stale.attempt + 1);
    false
}

/// Reads back what a destination serves since a write of that kind. A store that converges shows the old version for
/// a while: as long as it says, that is waited for and no failure.
pub(super) fn served(facts: &Facts, progress: &mut Progress<'_>, write: Kind, name: &str) {
    let since = facts.written_ms(write, name).unwrap_or(facts.now_ms);
    let order = || Order::ReadBack {
        destination: name.to_owned(),
    };
    let until = since.saturating_add(facts.converges_ms(name));
    let seen = facts.probe(Look::Served, name);
    if seen.is_some_and(|probe| probe.result == "stale" && probe.at_ms < until) {
        progress.look_forever(Look::Served, name, since, order);
    } else {
        progress.look(Look::Served, name, since, order);
    }
}

/// Consumers are told in order, each group proven before the next is told. With an issuer that holds one value
/// they are locked out until they are told: all are told at once.
pub(super) fn notifying(facts: &Facts) -> Step {
    if let Some(step) = closed(facts, Gate::Start) {
        return step;
    }
    let mut consumers = gate::listed(facts);
    consumers.sort_by_key(|consumer| gate::rank(&consumer.spec));
    let at_once = facts.style() == Style::InPlace;
    let groups: Vec<&[Required]> = consumers
        .chunk_by(|a, b| at_once || gate::rank(&a.spec) == gate::rank(&b.spec))
        .collect();
    for (index, group) in groups.iter().enumerate() {
        let mut progress = Progress::new(facts);
        for consumer in *group {
            tell(facts, &mut progress, Kind::Notify, consumer);
        }
        if progress.is_done() && index + 1 < groups.len() {
            prove_candidate(
                facts,
                &mut progress,
                group,
                told_ms(facts, &groups[..index], group),
            );
        }
        if !progress.is_done() {
            return progress.or(Event::Notified);
        }
    }
    Step::Advance(Event::Notified)
}

/// When it was a group's turn: when the last of it was told, or, where none of it can be, when those before it
/// were last seen.
fn told_ms(facts: &Facts, before: &[&[Required]], group: &[Required]) -> i64 {
    let told = group
        .iter()
        .filter_map(|c| facts.written_ms(Kind::Notify, &c.name));
    let earlier = before
        .iter()
        .flat_map(|group| group.iter())
        .map(|c| &c.name);
    let seen = earlier.filter_map(|name| {
        let evidence = facts.evidence.iter().filter(|seen| &seen.consumer == name);
        evidence.map(|seen| seen.at_ms).max()
    });
    told.max()
        .or_else(|| seen.max())
        .unwrap_or(facts.phase_since_ms)
}

/// Tells a consumer, where there is a way to. One that a person vouched for is not waited for where that fails.
pub(super) fn tell(facts: &Facts, progress: &mut Progress<'_>, kind: Kind, consumer: &Required) {
    let failed = |effect: &Effect| effect.status == Status::Failed;
    // With one value nobody is helped by waiting on: verifying reports who was not told.
    let late = super::in_critical_section(facts)
        && facts.now_ms >= facts.phase_since_ms + facts.plan.timing.prove_within.millis();
    if (late || gate::is_waived(facts, &consumer.name))
        && facts.effect(kind, &consumer.name).is_some_and(failed)
    {
        return;
    }
    if facts
        .can
        .consumers
        .get(&consumer.name)
        .is_some_and(|can| can.notifies)
    {
        progress.effect(kind, &consumer.name);
    }
}

/// Once for each time that it is waited for: whoever goes back later is told again.
fn tell_again(facts: &Facts, progress: &mut Progress<'_>, consumer: &Required, since_ms: i64) {
    let last = facts.applied(Kind::NotifyAgain, &consumer.name);
    match last.filter(|last| last.created_ms < since_ms) {
        Some(last) => progress.perform(Kind::NotifyAgain, &consumer.name, last.attempt + 1),
        None => tell(facts, progress, Kind::NotifyAgain, consumer),
    }
}

fn prove_candidate(
    facts: &Facts,
    progress: &mut Progress<'_>,
    consumers: &[Required],
    turn_ms: i64,
) {
    let unwaived: Vec<Required> = consumers
        .iter()
        .filter(|c| !gate::is_waived(facts, &c.name))
        .cloned()
        .collect();
    let candidate = facts
        .candidate
        .as_ref()
        .map_or("", |candidate| candidate.id.as_str());
    let missing = progress.proven(&unwaived, candidate, |c| {
        gate::counts_since(facts, c, &[Kind::Publish])
    });
    late(facts, progress, &unwaived, &missing, turn_ms);
}

/// After the time to prove, counted from the consumers' turn: one more notify; after as long again: a question, with both credentials valid.
fn late(
    facts: &Facts,
    progress: &mut Progress<'_>,
    consumers: &[Required],
    missing: &[Missing],
    turn_ms: i64,
) {
    let within = facts.plan.timing.prove_within.millis();
    let since = turn_ms.max(facts.phase_since_ms).max(facts.retried_ms);
    for one in missing {
        let Some(consumer) = consumers.iter().find(|c| c.name == one.consumer) else {
            continue;
        };
        if facts.now_ms >= since + within {
            tell_again(facts, progress, consumer, since);
        }
        if facts.now_ms >= since + 2 * within {
            progress.ask(format!(
                "is {} still in use? {}/{} proven ({}); {}",
                one.consumer,
                one.proven,
                one.instances,
                one.why,
                what_works(facts)
            ));
        }
    }
}

/// A contained credential is ended first; otherwise nothing is ended before the proof.
fn what_works(facts: &Facts) -> &'static str {
    match facts.is_contained() {
        true => "the leaked credential is ended, only the new one works",
        false => "both credentials work",
    }
}

/// Every instance of every required consumer is proven on the candidate.
pub(super) fn verifying(facts: &Facts) -> Step {
    let mut progress = Progress::new(facts);
    super::ending::bring_back(facts, &mut progress);
    if !progress.is_done() {
        return progress.or(Event::Verified);
    }
    if !facts.is_contained() && matches!(facts.wish, Wish::Held | Wish::Reenable) {
        return blocked(
            facts,
            "the old credential was re-enabled by a person; nothing is ended by itself",
        );
    }
    prove_candidate(
        facts,
        &mut progress,
        &gate::required(facts),
        facts.phase_since_ms,
    );
    if facts.style() == Style::InPlace && !progress.is_done() {
        return reporting(facts, progress);
    }
    if progress.is_done() && facts.can.issuer.activates {
        progress.effect(Kind::Activate, facts.candidate_ref().unwrap_or_default());
    }
    progress.or(after_proof(facts))
}

fn after_proof(facts: &Facts) -> Event {
    match facts.old.is_none() || facts.style() == Style::InPlace {
        true => Event::NothingToEnd,
        false => Event::Verified,
    }
}

/// With one value there is nothing left to hold back: unproven consumers are reported, not waited for.
fn reporting(facts: &Facts, progress: Progress<'_>) -> Step {
    let within = facts.plan.timing.prove_within.millis();
    match facts.now_ms >= facts.phase_since_ms + within {
        true => Step::Advance(Event::NothingToEnd),
        false => progress.or(Event::NothingToEnd),
    }
}

/// Whether a person still has to say that the old credential was ended at an issuer we cannot ask.
pub(super) fn awaits_person_to_revoke(facts: &Facts) -> bool {
    let issuer = &facts.can.issuer;
    facts.old.is_some()
        && issuer.style == Style::Assisted
        && !issuer.revokes
        && !said_since(facts, OLD_REVOKED, facts.phase_since_ms)
}

/// Whether a person still has to say that the value they provided was ended there, on the way back.
pub(super) fn awaits_person_to_end_the_new(facts: &Facts) -> bool {
    let issuer = &facts.can.issuer;
    facts.candidate.is_some()
        && issuer.chosen_by == ChosenBy::Person
        && !issuer.revokes
        && !said_since(facts, NEW_REVOKED, facts.phase_since_ms)
}

/// A word about an earlier rotation's credential says nothing about this one's.
pub(super) fn said_since(facts: &Facts, subject: &str, since_ms: i64) -> bool {
    let is_it = |waiver: &Waiver| waiver.subject == subject && waiver.created_ms >= since_ms;
    facts.waivers.iter().any(is_it) && gate::is_waived(facts, subject)
}
