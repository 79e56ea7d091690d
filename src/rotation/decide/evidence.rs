//! Keeps what was seen: readings, and evidence about consumers.

use super::reading::evidence_of;
use super::{NEW_USE, Sitting};
use crate::inventory::VerifySpec;
use crate::journal::{Result, Tx, ledger};
use crate::rotation::facts::{Evidence, Probe};
use crate::rotation::phase::Phase;
use crate::rotation::plan::seen_in_use;
use crate::rotation::words::Look;
use keywheel_contract::Observation;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Sitting {
    pub(super) async fn keep_evidence(
        &mut self,
        tx: &mut Tx,
        consumer: &str,
        seen: &[Observation],
    ) -> Result<()> {
        let now = tx.now_ms();
        let round = by_instance(seen.iter().map(|one| evidence_of(consumer, one, now)));
        // Where a credential is about to be ended, each sight is a row, also one that says what is known.
        let gate = matches!(
            self.run.phase,
            Phase::Disabling | Phase::Revoking | Phase::Restoring
        );
        for one in &round {
            let known = self.facts.evidence.iter().find(|b| {
                (&b.consumer, &b.instance, &b.holding, b.strength)
                    == (&one.consumer, &one.instance, &one.holding, one.strength)
            });
            if known.is_none_or(|known| gate && known.at_ms != one.at_ms) {
                self.evidence_entry(one);
            }
        }
        let same: fn(&Evidence) -> &str = |one| one.instance.as_str();
        let (kept, gone): (Vec<Evidence>, Vec<Evidence>) = std::mem::take(&mut self.facts.evidence)
            .into_iter()
            .partition(|one| one.consumer != consumer || self.said(one, &round));
        self.facts.evidence = kept;
        if gone
            .iter()
            .any(|g| !round.iter().any(|r| same(r) == same(g)))
        {
            ledger::drop_evidence(tx, self.run.id.as_str(), consumer).await?;
        }
        ledger::keep_evidence(tx, self.run.id.as_str(), &round).await?;
        self.facts.evidence.extend(round);
        self.facts
            .evidence
            .sort_by(|a, b| (&a.consumer, &a.instance).cmp(&(&b.consumer, &b.instance)));
        Ok(())
    }

    /// Whether it is the last word of an instance that says by itself what it holds: nothing but a newer one undoes it.
    fn said(&self, one: &Evidence, round: &[Evidence]) -> bool {
        let today = self.facts.today.as_ref();
        let specs = [self.facts.plan.consumers.get(&one.consumer)].into_iter();
        let mut specs = specs.chain(today.map(|today| today.consumers.get(&one.consumer)));
        let attests =
            specs.any(|spec| spec.is_some_and(|s| matches!(s.verify, VerifySpec::Attest)));
        attests && !round.iter().any(|r| r.instance == one.instance)
    }

    fn evidence_entry(&mut self, one: &Evidence) {
        let outcome = match &one.holding {
            holding if Some(holding) == self.run.candidate.as_ref() => "new",
            holding if Some(holding) == self.run.old_credential.as_ref() => "old",
            holding => holding.as_str(),
        }
        .to_owned();
        let credential = matches!(outcome.as_str(), "new" | "old").then(|| one.holding.clone());
        let note = self.note("evidence", &outcome);
        note.credential = credential.unwrap_or_default();
        note.destination = format!("{}/{}", one.consumer, one.instance);
        one.strength.word().clone_into(&mut note.evidence);
        note.detail.clone_from(&one.detail);
    }

    /// Asked no more once it is seen, so that this is one row.
    pub(super) fn new_use_entry(&mut self) {
        let Some(how) = seen_in_use(&self.facts) else {
            return;
        };
        let credential = self.run.candidate.clone();
        let note = self.note(NEW_USE, "seen");
        note.credential = credential.unwrap_or_default();
        note.evidence = "issuer".to_owned();
        note.detail = how;
    }

    pub(super) fn keep_probe(
        &mut self,
        look: Look,
        target: &str,
        result: &str,
        detail: &str,
        at_ms: i64,
    ) {
        let probes = &mut self.facts.probes;
        let before = probes
            .iter()
            .position(|p| p.look == look && p.target == target);
        let earlier = before.map(|index| probes.remove(index));
        let failed_before = earlier
            .filter(|p| p.at_ms >= self.run.retried_ms)
            .map_or(0, |p| p.failures);
        let failures = if result == "ok" { 0 } else { failed_before + 1 };
        probes.push(Probe {
            look,
            target: target.to_owned(),
            result: result.to_owned(),
            detail: detail.to_owned(),
            at_ms,
            failures,
        });
        self.looked.push((look, target.to_owned()));
    }

    /// Writes the readings of this step.
    pub(super) async fn keep_looked(&mut self, tx: &mut Tx) -> Result<()> {
        let looked = std::mem::take(&mut self.looked);
        let is_new = |p: &&Probe| {
            looked
                .iter()
                .any(|(look, target)| p.look == *look && &p.target == target)
        };
        let probes: Vec<Probe> = self.facts.probes.iter().filter(is_new).cloned().collect();
        ledger::keep_probes(tx, self.run.id.as_str(), &probes).await
    }
}

/// One row for each instance. One that was told of twice, as holding this and that, cannot be told.
fn by_instance(seen: impl Iterator<Item = Evidence>) -> Vec<Evidence> {
    let mut found: BTreeMap<String, Evidence> = BTreeMap::new();
    for one in seen {
        match found.entry(one.instance.clone()) {
            Entry::Vacant(free) => {
                free.insert(one);
            }
            Entry::Occupied(mut taken) if taken.get().holding != one.holding => {
                let twice = taken.get_mut();
                "unknown".clone_into(&mut twice.holding);
                "two instances of this name answered differently".clone_into(&mut twice.detail);
            }
            Entry::Occupied(_) => {}
        }
    }
    found.into_values().collect()
}
