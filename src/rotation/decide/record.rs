//! Recording what calls brought: outcomes of effects, readings, evidence, new credentials.

use super::reading::{name_of, stable_word};
use super::{Sitting, Turn};
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::{Result, Tx, expiry, rotations, secrets};
use crate::rotation::facts::{Effect, backoff_ms};
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Order, SEEN, shown_ms};
use crate::rotation::report::{
    Answer, Ends, Inspected, NewCandidate, Outcome, Sealed, Settled, retry_after_ms,
};
use crate::rotation::words::{Cause, Kind, Look, Status};
use keywheel_contract::{CredentialId, Error, Retry, VersionId};

/// A change that waits for a person in an outside system is looked up this often.
const PENDING_MS: i64 = 60_000;

/// Whether more time went by since the calls were ordered than calls may take: the process was suspended, perhaps for
/// hours. What it saw before says nothing of now, and is asked again; what it did stays done.
fn is_outdated(turn: &Turn, now_ms: i64) -> bool {
    let longest_ms = 2 * turn.pace.call_ms + turn.pace.grace_ms;
    let ordered = turn.known.as_ref();
    ordered.is_some_and(|known| now_ms > known.facts.now_ms + longest_ms)
}

impl Sitting {
    /// Commits everything the last round of calls brought.
    pub(super) async fn record(&mut self, tx: &mut Tx, turn: &Turn) -> Result<()> {
        let report = &turn.report;
        let id = self.run.id.clone();
        if let Some((key_id, wrapped)) = &report.data_key {
            ledger::keep_data_key(tx, id.as_str(), key_id, wrapped.clone()).await?;
        }
        if report.outcomes.is_empty() {
            return Ok(());
        }
        let outdated = is_outdated(turn, tx.now_ms());
        for outcome in &report.outcomes {
            match &outcome.order {
                Order::Perform {
                    kind,
                    target,
                    attempt,
                }
                | Order::Settle {
                    kind,
                    target,
                    attempt,
                } => {
                    let is_it = |e: &Effect| {
                        e.kind == *kind && &e.target == target && e.attempt == *attempt
                    };
                    if let Some(at) = self.facts.effects.iter().position(is_it) {
                        self.record_effect(tx, turn, at, outcome).await?;
                    }
                }
                _ if outdated => {}
                order => self.record_look(tx, order, outcome).await?,
            }
        }
        Ok(())
    }

    async fn record_effect(
        &mut self,
        tx: &mut Tx,
        turn: &Turn,
        at: usize,
        outcome: &Outcome,
    ) -> Result<()> {
        let now = tx.now_ms();
        let before = self.facts.effects[at].clone();
        let mut effect = before.clone();
        match &outcome.answer {
            Ok(Answer::Done {
                version,
                word,
                detail,
            }) => {
                applied(&mut effect, now, version.clone(), word, detail);
            }
            Ok(Answer::Candidate(candidate)) => {
                self.keep_candidate(tx, candidate).await?;
                applied(&mut effect, now, None, "applied", "");
            }
            Ok(Answer::Settled(settled)) => {
                self.settle(turn, &mut effect, settled, now);
            }
            Ok(_) => {}
            Err(error) => self.fail(turn, &mut effect, outcome, error, now),
        }
        if effect == before {
            return Ok(());
        }
        ledger::settle_effect(tx, self.run.id.as_str(), &effect).await?;
        if before.is_open() {
            self.facts.effects[at] = effect.clone();
        }
        self.outcome_entry(&effect);
        if effect.status == Status::Applied {
            self.after_applied(tx, &effect).await?;
        }
        Ok(())
    }

    fn settle(&mut self, turn: &Turn, effect: &mut Effect, settled: &Settled, now: i64) {
        // By when it was read, not by when that is recorded: in between it may have landed.
        let read_ms = turn.known.as_ref().map_or(now, |known| known.facts.now_ms);
        let is_proof = effect.kind.is_harmless() || read_ms >= shown_ms(&self.facts, effect);
        match settled {
            Settled::Applied(version) => {
                applied(effect, now, version.clone(), "applied", "found by reading")
            }
            Settled::Ended(version, how) => {
                let version = Some(version.clone());
                applied(effect, now, version, how.word(), "found by reading")
            }
            Settled::Orphaned(ids) => {
                effect.status = Status::Orphaned;
                effect.settled_ms = Some(now);
                effect.result.orphans = ids.iter().map(|id| id.as_str().to_owned()).collect();
            }
            Settled::Absent | Settled::Resend if is_proof => {
                effect.status = Status::Absent;
                effect.settled_ms = Some(now);
                effect.word = "absent".to_owned();
            }
            Settled::Absent | Settled::Resend => self.keep_settling(effect, "absent", "", now),
            Settled::Pending { url } => {
                effect.status = Status::Pending;
                effect.result.detail = format!("waits for approval at {url}");
                self.keep_settling(effect, "pending", url, now);
            }
            Settled::Unknown(why) => self.keep_settling(effect, "unknown", why, now),
        }
    }

    fn keep_settling(&mut self, effect: &Effect, result: &str, detail: &str, now: i64) {
        let key = crate::rotation::plan::settle_key(effect);
        self.keep_probe(Look::Settle, &key, result, detail, now);
    }

    /// A call that failed. One whose outcome is not known stays an intent: it is looked up, never re-sent.
    fn fail(
        &mut self,
        turn: &Turn,
        effect: &mut Effect,
        outcome: &Outcome,
        error: &Error,
        now: i64,
    ) {
        if matches!(outcome.order, Order::Settle { .. }) {
            return self.keep_settling(effect, error.word(), &error.message, now);
        }
        match error.retry() {
            Retry::Settle if !effect.kind.is_harmless() => {
                effect.result.detail.clone_from(&error.message);
                error.word().clone_into(&mut effect.word);
            }
            Retry::AwaitPerson => {
                effect.status = Status::Pending;
                effect.retry_ms = now + PENDING_MS;
                effect.result.detail.clone_from(&error.message);
            }
            Retry::Settle | Retry::Later(_) | Retry::Replan | Retry::Never => {
                effect.status = Status::Failed;
                effect.settled_ms = Some(now);
                error.word().clone_into(&mut effect.word);
                effect.result.detail.clone_from(&error.message);
                let usual = backoff_ms(&turn.pace, effect.attempt, &effect.target);
                effect.retry_ms = now + retry_after_ms(error).unwrap_or(usual);
            }
        }
    }

    fn outcome_entry(&mut self, effect: &Effect) {
        let word = match (effect.status, effect.word.as_str()) {
            (Status::Intent, _) => "unknown",
            (Status::Applied, "" | "applied") => "applied",
            (_, "") => effect.status.word(),
            (_, word) => word,
        }
        .to_owned();
        let (old, candidate) = (self.run.old_credential.clone(), self.run.candidate.clone());
        let credential = if effect.kind.ends_old() {
            old
        } else {
            candidate
        };
        let version = effect
            .result
            .version
            .as_ref()
            .map(VersionId::as_str)
            .unwrap_or_default()
            .to_owned();
        let note = self.note(effect.kind.word(), &word);
        note.credential = credential.unwrap_or_default();
        note.destination.clone_from(&effect.target);
        note.evidence = version;
        note.detail = format!("try {} {}", effect.attempt, effect.result.detail)
            .trim_end()
            .to_owned();
    }

    async fn after_applied(&mut self, tx: &mut Tx, effect: &Effect) -> Result<()> {
        let serves = match effect.kind {
            Kind::Publish | Kind::DropPrevious => &self.run.candidate,
            Kind::Republish => &self.run.old_credential,
            _ => return Ok(()),
        };
        if let (Some(version), Some(credential)) = (&effect.result.version, serves.clone()) {
            ledger::published(
                tx,
                &self.run.secret_id,
                &effect.target,
                version.as_str(),
                &credential,
            )
            .await?;
        }
        Ok(())
    }

    async fn keep_candidate(&mut self, tx: &mut Tx, new: &NewCandidate) -> Result<()> {
        let id = uuid::Uuid::now_v7().to_string();
        let row = CredentialRow {
            id: id.clone(),
            secret_id: self.run.secret_id.clone(),
            rotation_id: Some(self.run.id.as_str().to_owned()),
            issuer_ref: Some(new.issuer_ref.as_str().to_owned()),
            fingerprint: Some(new.fingerprint.clone()),
            state: "candidate".to_owned(),
            born_ms: tx.now_ms(),
            published_ms: None,
        };
        ledger::add_credential(tx, &row).await?;
        self.keep_sealed(tx, std::slice::from_ref(&new.sealed))
            .await?;
        self.facts.candidate = Some(row.into());
        self.run.candidate = Some(id.clone());
        let note = self.note("candidate", "sealed");
        note.credential = id;
        note.evidence.clone_from(&new.fingerprint);
        note.detail = format!("{} at its issuer", new.issuer_ref);
        Ok(())
    }

    async fn record_look(&mut self, tx: &mut Tx, order: &Order, outcome: &Outcome) -> Result<()> {
        let (look, target) = name_of(order);
        let now = tx.now_ms();
        match &outcome.answer {
            Ok(Answer::Inspected(seen)) => {
                self.keep_inspected(tx, target, seen).await?;
                let version = seen.version.as_ref().map_or("", VersionId::as_str);
                self.keep_probe(look, target, "ok", version, now);
            }
            Ok(Answer::Identified(Some(id))) => {
                self.learn_old(tx, id).await?;
                self.keep_probe(look, target, "ok", id.as_str(), now);
            }
            Ok(Answer::Identified(None)) => {
                let why = "the issuer does not know the value in use; it may have been ended there already";
                self.keep_probe(look, target, "not_found", why, now);
            }
            Ok(Answer::Candidate(candidate)) => {
                if look == Look::TakeSpare && !self.take_spare(tx, target).await? {
                    return Ok(());
                }
                self.keep_candidate(tx, candidate).await?;
                self.keep_probe(look, target, "ok", "", now);
            }
            Ok(Answer::Looked { result, detail }) => {
                if look == Look::TakeSpare {
                    return self.lose_spare(tx, target, detail).await;
                }
                let result = match *result == "both_dead" && self.is_followed(tx).await? {
                    true => "ok",
                    false => result,
                };
                self.refused(tx, look, result);
                self.keep_probe(look, target, result, detail, now);
                match look {
                    Look::LastUse => self.keep_probe(look, SEEN, result, detail, now),
                    Look::NewUse => self.new_use_entry(),
                    _ => {}
                }
            }
            Ok(Answer::Accepted { detail, ends }) => {
                self.keep_end(tx, ends).await?;
                self.keep_probe(look, target, "ok", detail, now);
            }
            Ok(Answer::Observed(seen)) => {
                self.keep_evidence(tx, target, seen).await?;
                self.keep_probe(look, target, "ok", "", now);
            }
            Ok(Answer::Done { .. } | Answer::Settled(_)) => {}
            Err(error) => {
                let word = stable_word(error, look);
                self.keep_probe(look, target, word, &error.message, now);
            }
        }
        Ok(())
    }

    /// When the candidate ends by itself: the schedule counts with it once it is the credential in use.
    async fn keep_end(&mut self, tx: &mut Tx, ends: &Ends) -> Result<()> {
        let candidate = self.run.candidate.clone().unwrap_or_default();
        match ends {
            Ends::At(at_ms) if *at_ms <= tx.now_ms() => {
                let note = self.note("expiry", "warning");
                note.credential = candidate;
                note.detail =
                    "its issuer says that it ended already; that date is not kept".to_owned();
                Ok(())
            }
            Ends::At(at_ms) => {
                if let Some(known) = &mut self.facts.candidate {
                    known.expires_ms = Some(*at_ms);
                }
                expiry::keep(tx, &candidate, *at_ms).await
            }
            // It is tried again before anything is ended: said once.
            Ends::Unknown(why) if self.run.phase == Phase::Testing => {
                let note = self.note("expiry", "warning");
                note.credential = candidate;
                note.detail = format!("when it ends by itself could not be told: {why}");
                Ok(())
            }
            Ends::Never | Ends::Unknown(_) => Ok(()),
        }
    }

    async fn learn_old(&mut self, tx: &mut Tx, issuer_ref: &CredentialId) -> Result<()> {
        let Some(old) = self.run.old_credential.clone() else {
            return Ok(());
        };
        let issuer_ref = issuer_ref.as_str().to_owned();
        ledger::credential_learnt(tx, &old, Some(issuer_ref.clone()), None).await?;
        if let Some(known) = &mut self.facts.old {
            known.issuer_ref = Some(issuer_ref);
        }
        Ok(())
    }

    /// Values that were sealed on the way; the first under a name stays.
    async fn keep_sealed(&mut self, tx: &mut Tx, sealed: &[Sealed]) -> Result<()> {
        ledger::keep_sealed(tx, self.run.id.as_str(), sealed).await?;
        let names = sealed.iter().map(|(name, _)| name.clone());
        self.facts.sealed.extend(names);
        Ok(())
    }

    async fn forget(&self, tx: &mut Tx, sealed: &[Sealed]) -> Result<()> {
        let known = |(name, _): &&Sealed| self.facts.sealed.contains(name);
        for (name, _) in sealed.iter().filter(known) {
            ledger::forget_sealed(tx, self.run.id.as_str(), name).await?;
        }
        Ok(())
    }

    /// Whether a newer rotation takes our candidate's place, so that its end is no surprise.
    async fn is_followed(&self, tx: &mut Tx) -> Result<bool> {
        let Some(candidate) = &self.run.candidate else {
            return Ok(false);
        };
        rotations::is_followed(tx, &self.run.secret_id, self.run.created_ms, candidate).await
    }

    /// The moment at which an emergency's exposure ends.
    fn refused(&mut self, tx: &Tx, look: Look, result: &str) {
        if look == Look::RefusedOld && result == "ok" && self.run.refused_ms.is_none() {
            self.run.refused_ms = Some(tx.now_ms());
            self.facts.refused_ms = self.run.refused_ms;
        }
    }

    async fn keep_inspected(&mut self, tx: &mut Tx, target: &str, seen: &Inspected) -> Result<()> {
        // As long as nothing was changed the latest reading counts: a person may have mended what stood there.
        if self.facts.effects.is_empty() {
            self.forget(tx, &seen.sealed).await?;
        }
        self.keep_sealed(tx, &seen.sealed).await?;
        let main = self
            .run
            .plan
            .destinations
            .first()
            .is_some_and(|first| first.name() == target);
        if let Some(version) = seen.version.as_ref().filter(|_| main) {
            self.know_old(tx, version, seen).await?;
        }
        if !seen.warnings.is_empty() {
            let note = self.note("inspect", "warning");
            target.clone_into(&mut note.destination);
            note.detail = seen.warnings.join("; ");
        }
        Ok(())
    }

    /// The credential behind the value in use: the one recorded, or, where the value is not ours, a new one.
    async fn know_old(&mut self, tx: &mut Tx, version: &VersionId, seen: &Inspected) -> Result<()> {
        let recorded = match &self.run.old_credential {
            Some(id) => ledger::credential(tx, id).await?,
            None => None,
        };
        let ours = recorded
            .as_ref()
            .is_some_and(|row| row.fingerprint.is_none() || row.fingerprint == seen.fingerprint);
        if ours {
            return Ok(());
        }
        let id = uuid::Uuid::now_v7().to_string();
        let row = CredentialRow {
            id: id.clone(),
            secret_id: self.run.secret_id.clone(),
            rotation_id: None,
            issuer_ref: self.run.plan.current_id.clone(),
            fingerprint: seen.fingerprint.clone(),
            state: "current".to_owned(),
            born_ms: tx.now_ms(),
            published_ms: seen.written_at_ms,
        };
        ledger::add_credential(tx, &row).await?;
        secrets::in_use(tx, &self.run.secret_id, &id).await?;
        let drift = recorded.is_some();
        self.facts.old = Some(row.into());
        self.run.old_credential = Some(id.clone());
        // What leaked was what is in use: that is this one.
        let leaked = &mut self.run.leaked;
        let meant = recorded.as_ref().is_none_or(|row| leaked.contains(&row.id));
        if meant && self.run.cause == Cause::Emergency {
            leaked.push(id.clone());
            self.facts.leaked.clone_from(leaked);
        }
        let note = self.note("adopt", if drift { "drift" } else { "found" });
        note.credential = id;
        note.evidence = version.as_str().to_owned();
        if drift {
            note.detail = "the value in use is not the one that keywheel published".to_owned();
        }
        Ok(())
    }
}

fn applied(effect: &mut Effect, now: i64, version: Option<VersionId>, word: &str, detail: &str) {
    effect.status = Status::Applied;
    effect.settled_ms = Some(now);
    word.clone_into(&mut effect.word);
    effect.result.version = version;
    detail.clone_into(&mut effect.result.detail);
}
