//! The way back, a mirror of the way out: nothing of the candidate is ended before every consumer that may
//! hold it is proven on the old credential again.

use super::progress::Progress;
use super::{Order, Step, ending, forward};
use crate::inventory::Role;
use crate::rotation::facts::Facts;
use crate::rotation::gate::{self, Required};
use crate::rotation::phase::Event;
use crate::rotation::words::{Kind, Look};
use keywheel_contract::{ChosenBy, Style};

/// Old credential alive → presented by an issuer that presents the value itself → old value served → consumers proven
/// back → candidate ended.
pub(super) fn restoring(facts: &Facts) -> Step {
    let parts = [
        revive,
        present_old,
        republish,
        prove_back,
        old_still_works,
        end_candidate,
    ];
    for part in parts {
        let mut progress = Progress::new(facts);
        part(facts, &mut progress);
        if !progress.is_done() {
            return progress.or(Event::Restored);
        }
    }
    Step::Advance(Event::Restored)
}

fn revive(facts: &Facts, progress: &mut Progress<'_>) {
    for (enable, target) in ending::outstanding(facts) {
        progress.effect_forever(enable, &target);
    }
    if super::may_be_applied(facts) {
        // Such an issuer holds one value under one name, so that the candidate's names the old one too.
        let name = facts.old_ref().or(facts.candidate_ref());
        progress.effect_forever(Kind::ApplyBack, name.unwrap_or_default());
    }
    if progress.is_done() {
        old_works(facts, progress, facts.phase_since_ms);
    }
}

/// Consumers are to live on it.
fn old_works(facts: &Facts, progress: &mut Progress<'_>, since_ms: i64) {
    if facts.old.is_some() && was_published(facts) && facts.can.issuer.tests {
        progress.look(Look::TestOld, "", since_ms, || Order::TestOld);
    }
}

/// Taken afresh, as for any end: the consumers may have been waited for since.
fn old_still_works(facts: &Facts, progress: &mut Progress<'_>) {
    let fresh_ms = facts.now_ms - facts.pace.fresh_ms;
    old_works(facts, progress, facts.phase_since_ms.max(fresh_ms));
}

fn was_published(facts: &Facts) -> bool {
    facts.destinations().any(|d| may_show(facts, &d.name()))
}

/// Whether a destination may show the candidate.
fn may_show(facts: &Facts, destination: &str) -> bool {
    let begun = facts.effect(Kind::Publish, destination).is_some();
    let applied = facts.applied(Kind::Publish, destination).is_some();
    applied || (begun && super::may_have_landed(facts, destination))
}

fn republish(facts: &Facts, progress: &mut Progress<'_>) {
    for destination in facts.destinations() {
        let name = destination.name();
        if may_show(facts, &name) && progress.effect_forever(Kind::Republish, &name) {
            forward::served(facts, progress, Kind::Republish, &name);
        }
    }
}

/// Whoever presents the value goes back first: those who accept it take both until they are told.
fn prove_back(facts: &Facts, progress: &mut Progress<'_>) {
    let Some(old) = facts.old.as_ref().filter(|_| was_published(facts)) else {
        return;
    };
    let presents = |consumer: &Required| consumer.spec.role == Some(Role::Presents);
    let accept_both = facts.style() == Style::Generated || facts.can.issuer.activates;
    let (presenting, others): (Vec<_>, Vec<_>) = gate::listed(facts)
        .into_iter()
        .partition(|consumer| accept_both && presents(consumer));
    for group in [presenting, others] {
        told_and_proven(facts, progress, &group, &old.id);
        if !progress.is_done() {
            return;
        }
    }
}

fn told_and_proven(facts: &Facts, progress: &mut Progress<'_>, group: &[Required], old: &str) {
    for consumer in group {
        forward::tell(facts, progress, Kind::NotifyBack, consumer);
    }
    if !progress.is_done() {
        return;
    }
    let waived = |one: &&Required| gate::is_waived(facts, &one.name);
    let required: Vec<Required> = group.iter().filter(|one| !waived(one)).cloned().collect();
    // Taken afresh, as for any end: whoever was proven back first may have moved again since.
    let fresh_ms = facts.now_ms - facts.pace.fresh_ms;
    let missing = progress.proven(&required, old, |consumer| {
        fresh_ms.max(gate::counts_since(
            facts,
            consumer,
            &[Kind::Publish, Kind::Republish],
        ))
    });
    let told = group
        .iter()
        .filter_map(|one| facts.written_ms(Kind::NotifyBack, &one.name));
    let turn_ms = told.max().unwrap_or(facts.phase_since_ms);
    let waited = facts.now_ms - turn_ms.max(facts.phase_since_ms).max(facts.retried_ms);
    if let Some(first) = missing.first()
        && waited >= 2 * facts.plan.timing.prove_within.millis()
    {
        progress.ask(format!(
            "{} is not proven back on the old credential ({}); both work, the candidate is not ended",
            first.consumer, first.why
        ));
    }
}

/// An issuer that presents the value itself goes back to the old one while its receivers still take both.
fn present_old(facts: &Facts, progress: &mut Progress<'_>) {
    if let Some(old) = facts.old_ref().filter(|_| facts.any_intent(Kind::Activate)) {
        progress.effect_forever(Kind::Activate, old);
    }
}

fn end_candidate(facts: &Facts, progress: &mut Progress<'_>) {
    forward::orphans(facts, progress);
    // An `apply` whose answer got lost may have landed, and a person made what a person provided.
    let by_hand = facts.can.issuer.chosen_by == ChosenBy::Person;
    let made = facts.any_applied(Kind::Mint) || facts.any_intent(Kind::Apply) || by_hand;
    let ends = made && facts.can.issuer.revokes && facts.style() != Style::InPlace;
    if let Some(candidate) = facts.candidate_ref().filter(|_| ends) {
        progress.effect_forever(Kind::DestroyCandidate, candidate);
    }
    if forward::awaits_person_to_end_the_new(facts) {
        progress.ask(format!(
            "end the provided credential at its issuer, then say so: \
             keywheel vouch {} --new-revoked --reason \"…\"",
            facts.plan.id
        ));
    }
    for destination in facts.destinations() {
        let name = destination.name();
        let written = facts
            .applied(Kind::Publish, &name)
            .or_else(|| facts.applied(Kind::Stage, &name));
        let keeps = facts
            .can
            .stores
            .get(&name)
            .is_some_and(|store| store.versions);
        if written.is_some() && keeps {
            progress.effect_forever(Kind::DestroyCandidateVersion, &name);
        }
    }
}
