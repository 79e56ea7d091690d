//! Moving from phase to phase, and what a move means for credentials and the secret.

use super::Sitting;
use crate::journal::{Error, Result, Tx, ledger, rotations, secrets};
use crate::rotation::gate;
use crate::rotation::phase::{Event, Phase, next};
use crate::rotation::words::{Mode, Wish};
use keywheel_contract::Style;

impl Sitting {
    /// Moves, in the row and in the facts alike.
    pub(super) async fn advance(&mut self, tx: &mut Tx, event: Event, reason: &str) -> Result<()> {
        let phase =
            next(self.run.phase, event).map_err(|illegal| Error::Refused(illegal.to_string()))?;
        self.run.phase = phase;
        self.run.phase_since_ms = tx.now_ms();
        let note = self.note("phase", phase.word());
        reason.clone_into(&mut note.detail);
        self.mean(tx, event).await?;
        self.follow_row();
        self.look_at_others(tx).await
    }

    async fn mean(&mut self, tx: &mut Tx, event: Event) -> Result<()> {
        let now = tx.now_ms();
        match event {
            Event::PlanKept => secrets::busy(tx, &self.run.secret_id, true).await,
            Event::Published => {
                self.run.published_ms = Some(now);
                self.states(tx, "current", "previous").await?;
                self.learn_published(tx, now).await
            }
            Event::Verified | Event::NothingToEnd => {
                self.run.proven_ms = Some(now);
                self.count_proven(tx).await
            }
            Event::Disabled => self.states(tx, "current", "disabled").await,
            Event::Reenabled => {
                self.run.wish = Wish::Held;
                self.states(tx, "current", "previous").await
            }
            Event::Relapsed => self.states(tx, "current", "previous").await,
            Event::TurnBack => self.states(tx, "candidate", "current").await,
            Event::Confirmed => self.complete(tx).await,
            Event::Restored => {
                self.states(tx, "destroyed", "current").await?;
                self.finish(tx).await
            }
            Event::Cancel => self.finish(tx).await,
            Event::ContainFirst => {
                // Begun, it goes on: what was to follow may turn out to be dead.
                self.run.accept_outage = true;
                self.facts.accept_outage = true;
                Ok(())
            }
            Event::PreflightPassed
            | Event::Contained
            | Event::Minted
            | Event::Tested
            | Event::Notified
            | Event::OverlapOver
            | Event::NotReversible
            | Event::Observed
            | Event::Revoked => Ok(()),
        }
    }

    /// States of the candidate and of the old credential. One that is being ended keeps that state.
    async fn states(&mut self, tx: &mut Tx, candidate: &str, old: &str) -> Result<()> {
        if let Some(id) = &self.run.candidate {
            ledger::credential_state(tx, id, candidate).await?;
        }
        match &self.run.old_credential {
            Some(id) if !self.ends_first(id) || old != "previous" => {
                ledger::credential_state(tx, id, old).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a credential leaked and is ended before anything else.
    fn ends_first(&self, id: &String) -> bool {
        self.run.mode == Mode::Contain && self.run.leaked.contains(id)
    }

    async fn learn_published(&mut self, tx: &mut Tx, now: i64) -> Result<()> {
        match &self.run.candidate {
            Some(id) => ledger::credential_learnt(tx, id, None, Some(now)).await,
            None => Ok(()),
        }
    }

    async fn count_proven(&mut self, tx: &mut Tx) -> Result<()> {
        let facts = &self.facts;
        let candidate = facts
            .candidate
            .as_ref()
            .map_or("", |candidate| candidate.id.as_str());
        let listed = gate::listed(facts);
        let missing = gate::missing(facts, &listed, candidate, |_| 0).len();
        let proven = i64::try_from(listed.len() - missing).unwrap_or(0);
        secrets::proven(tx, &self.run.secret_id, proven).await
    }

    /// The candidate is the credential in use; the old one is over, said in the word that is true of it.
    async fn complete(&mut self, tx: &mut Tx) -> Result<()> {
        let ended = match self.facts.style() {
            Style::Generated => "replaced",
            _ if self.facts.can.issuer.tests => "refused",
            _ => "unknown",
        };
        if let Some(old) = &self.run.old_credential {
            ledger::credential_state(tx, old, ended).await?;
        }
        // A newer rotation may be over already, where this one only retried the end of its old credential.
        let is_newest =
            !rotations::is_outdone(tx, &self.run.secret_id, self.run.created_ms).await?;
        let (candidate, published) = (self.run.candidate.clone(), self.run.published_ms);
        if let (Some(candidate), Some(published), true) = (candidate, published, is_newest) {
            secrets::rotated(tx, &self.run.secret_id, &candidate, published).await?;
        }
        self.finish(tx).await
    }

    /// Over: values are shredded, the secret is free, its next date is known.
    async fn finish(&mut self, tx: &mut Tx) -> Result<()> {
        let now = tx.now_ms();
        self.run.ended_ms = Some(now);
        let was_exclusive = std::mem::replace(&mut self.run.exclusive, false);
        ledger::shred(tx, self.run.id.as_str()).await?;
        if was_exclusive {
            secrets::busy(tx, &self.run.secret_id, false).await?;
        }
        self.facts.sealed.clear();
        if let Some(today) = &self.facts.today {
            secrets::reschedule(tx, today).await?;
            if self.run.phase != Phase::Completed {
                self.wait_after_failure(tx, now).await?;
            }
        }
        Ok(())
    }

    /// A run that came to nothing is not begun again at once.
    async fn wait_after_failure(&self, tx: &mut Tx, now: i64) -> Result<()> {
        const HOUR_MS: i64 = 3_600_000;
        let Some(secret) = secrets::by_id(tx, &self.run.secret_id).await? else {
            return Ok(());
        };
        match secret.start_ms {
            Some(start) if start < now + HOUR_MS => {
                let why = format!(
                    "the last rotation was {}; begun again in an hour",
                    self.run.phase
                );
                secrets::postpone(tx, &self.run.secret_id, now + HOUR_MS, &why).await
            }
            Some(_) | None => Ok(()),
        }
    }
}
