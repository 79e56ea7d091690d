//! What is known: the facts of one rotation, and the same bookkeeping as `rotation::decide`, in memory.

use super::calls::known;
use super::setting::Setting;
use super::world::OLD;
use crate::rotation::facts::{
    Effect, EffectResult, Evidence, Facts, KnownCredential, Others, Pace, Probe, Waiver, backoff_ms,
};
use crate::rotation::phase::{Event, Illegal, Phase, next};
use crate::rotation::plan::{Order, SEEN, last_version, lost_mint, settle_key};
use crate::rotation::report::{Answer, NewCandidate, Outcome, Settled, retry_after_ms};
use crate::rotation::words::{Cause, Kind, Look, Status, Wish};
use keywheel_contract::{Base, Error, Holding, Observation, Retry, RotationId, VersionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Time does not start at zero.
pub(super) const START_MS: i64 = 1_700_000_000_000;

#[derive(Debug, Clone)]
pub(super) struct Journal {
    pub(super) facts: Facts,
    /// When each consumer's latest answer was true.
    pub(super) seen_ms: BTreeMap<String, i64>,
    /// *Absent* is concluded without waiting: for a mutant.
    pub(super) hasty: bool,
    /// The same without waiting for a list that is late.
    pub(super) trusts_lists: bool,
}

impl Journal {
    pub(super) fn new(setting: &Setting) -> Self {
        let plan = Arc::new(setting.definition());
        let issuer_ref = (!setting.nameless).then(|| OLD.to_owned());
        let leaked = setting.cause == Cause::Emergency;
        let facts = Facts {
            now_ms: START_MS,
            id: RotationId::new("rotation"),
            phase: Phase::Planned,
            mode: setting.mode,
            cause: setting.cause,
            wish: Wish::None,
            accept_outage: leaked && setting.accepts,
            phase_since_ms: START_MS,
            retried_ms: 0,
            published_ms: None,
            proven_ms: None,
            refused_ms: None,
            leaked: leaked.then(|| known(OLD)).into_iter().collect(),
            today: Some(plan.clone()),
            plan,
            can: setting.capabilities().into(),
            effects: Vec::new(),
            probes: Vec::new(),
            evidence: Vec::new(),
            waivers: Vec::new(),
            others: Others::default(),
            sealed: BTreeSet::new(),
            spares: Vec::new(),
            old: setting.has_old.then(|| KnownCredential {
                id: known(OLD),
                issuer_ref,
                expires_ms: None,
            }),
            candidate: None,
            paused_by: None,
            pace: Pace::default(),
        };
        Self {
            facts,
            seen_ms: BTreeMap::new(),
            hasty: false,
            trusts_lists: false,
        }
    }

    /// Moves, with what a move means.
    pub(super) fn advance(&mut self, event: Event) -> Result<(), Illegal> {
        let facts = &mut self.facts;
        facts.phase = next(facts.phase, event)?;
        facts.phase_since_ms = facts.now_ms;
        match event {
            Event::Published => facts.published_ms = Some(facts.now_ms),
            Event::Verified | Event::NothingToEnd => facts.proven_ms = Some(facts.now_ms),
            Event::Reenabled => facts.wish = Wish::Held,
            _ => {}
        }
        Ok(())
    }

    /// Commits the intents among the orders.
    pub(super) fn intend(&mut self, orders: &[Order]) {
        for order in orders {
            let Order::Perform {
                kind,
                target,
                attempt,
            } = order
            else {
                continue;
            };
            let base = expected(&self.facts, *kind, target);
            self.facts.effects.push(Effect {
                kind: *kind,
                target: target.clone(),
                attempt: *attempt,
                token: String::new(),
                created_ms: self.facts.now_ms,
                deadline_ms: self.facts.now_ms + self.facts.pace.call_ms,
                status: Status::Intent,
                retry_ms: 0,
                settled_ms: None,
                word: String::new(),
                result: EffectResult {
                    base,
                    ..EffectResult::default()
                },
            });
        }
    }

    /// Commits what a round of calls brought; `sent_ms` is when they were made.
    pub(super) fn record(&mut self, outcomes: &[Outcome], sent_ms: i64) {
        for outcome in outcomes {
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
                    let same = |e: &Effect| {
                        e.kind == *kind && &e.target == target && e.attempt == *attempt
                    };
                    if let Some(index) = self.facts.effects.iter().position(same) {
                        self.record_effect(index, outcome, sent_ms);
                    }
                }
                order => self.record_look(order, &outcome.answer, sent_ms),
            }
        }
    }

    fn record_effect(&mut self, index: usize, outcome: &Outcome, sent_ms: i64) {
        let mut effect = self.facts.effects[index].clone();
        match &outcome.answer {
            Ok(Answer::Done { version, .. }) => self.applied(&mut effect, version.clone()),
            Ok(Answer::Candidate(candidate)) => {
                self.keep_candidate(candidate);
                self.applied(&mut effect, None);
            }
            Ok(Answer::Settled(settled)) => self.settle(&mut effect, settled, sent_ms),
            Ok(_) => {}
            Err(error) => self.fail(&mut effect, &outcome.order, error),
        }
        self.facts.effects[index] = effect;
    }

    fn applied(&self, effect: &mut Effect, version: Option<VersionId>) {
        effect.status = Status::Applied;
        effect.settled_ms = Some(self.facts.now_ms);
        effect.result.version = version;
    }

    /// A person looked at the issuer and says what became of the mint that nobody else can look up.
    pub(super) fn looked_up(&mut self, settled: &Settled) {
        let Some(lost) = lost_mint(&self.facts).map(|lost| lost.attempt) else {
            return;
        };
        let is_it = |effect: &Effect| effect.kind == Kind::Mint && effect.attempt == lost;
        if let Some(index) = self.facts.effects.iter().position(is_it) {
            let mut effect = self.facts.effects[index].clone();
            self.settle(&mut effect, settled, i64::MAX);
            self.facts.effects[index] = effect;
        }
    }

    /// `read_ms` is when it was looked up.
    fn settle(&mut self, effect: &mut Effect, settled: &Settled, read_ms: i64) {
        let now = self.facts.now_ms;
        let lag = match effect.kind {
            Kind::Mint if !self.trusts_lists => self.facts.can.issuer.lists_after,
            _ => Duration::ZERO,
        };
        let landed_ms = effect.deadline_ms + self.facts.pace.grace_ms;
        let is_proof = self.hasty
            || effect.kind.is_harmless()
            || read_ms >= landed_ms + i64::try_from(lag.as_millis()).unwrap();
        match settled {
            Settled::Applied(version) => self.applied(effect, version.clone()),
            Settled::Ended(version, _) => self.applied(effect, Some(version.clone())),
            Settled::Orphaned(ids) => {
                effect.status = Status::Orphaned;
                effect.settled_ms = Some(now);
                effect.result.orphans = ids.iter().map(|id| id.as_str().to_owned()).collect();
            }
            Settled::Absent | Settled::Resend if is_proof => {
                effect.status = Status::Absent;
                effect.settled_ms = Some(now);
            }
            Settled::Absent | Settled::Resend => {
                self.probe(Look::Settle, &settle_key(effect), "absent", "")
            }
            Settled::Pending { .. } => {
                effect.status = Status::Pending;
                self.probe(Look::Settle, &settle_key(effect), "pending", "");
            }
            Settled::Unknown(why) => self.probe(Look::Settle, &settle_key(effect), "unknown", why),
        }
    }

    fn fail(&mut self, effect: &mut Effect, order: &Order, error: &Error) {
        let now = self.facts.now_ms;
        if matches!(order, Order::Settle { .. }) {
            return self.probe(
                Look::Settle,
                &settle_key(effect),
                error.word(),
                &error.message,
            );
        }
        match error.retry() {
            Retry::Settle if !effect.kind.is_harmless() => {
                error.word().clone_into(&mut effect.word)
            }
            Retry::AwaitPerson => effect.status = Status::Pending,
            Retry::Settle | Retry::Later(_) | Retry::Replan | Retry::Never => {
                effect.status = Status::Failed;
                effect.settled_ms = Some(now);
                error.word().clone_into(&mut effect.word);
                effect.result.detail.clone_from(&error.message);
                let usual = backoff_ms(&self.facts.pace, effect.attempt, &effect.target);
                effect.retry_ms = now + retry_after_ms(error).unwrap_or(usual);
            }
        }
    }

    pub(super) fn keep_candidate(&mut self, new: &NewCandidate) {
        let issuer_ref = new.issuer_ref.as_str().to_owned();
        self.facts.candidate = Some(KnownCredential {
            id: known(&issuer_ref),
            issuer_ref: Some(issuer_ref),
            expires_ms: None,
        });
        self.facts
            .sealed
            .insert(crate::rotation::CANDIDATE.to_owned());
    }

    fn record_look(&mut self, order: &Order, answer: &Result<Answer, Error>, sent_ms: i64) {
        let (look, target) = name_of(order);
        match answer {
            Ok(Answer::Inspected(seen)) => {
                let version = seen.version.as_ref().map_or("", VersionId::as_str);
                self.probe(look, target, "ok", version);
            }
            Ok(Answer::Identified(Some(id))) => {
                if let Some(old) = &mut self.facts.old {
                    old.issuer_ref = Some(id.as_str().to_owned());
                }
                self.probe(look, target, "ok", "");
            }
            Ok(Answer::Identified(None)) => self.probe(look, target, "not_found", ""),
            Ok(Answer::Candidate(candidate)) => {
                self.keep_candidate(candidate);
                self.facts.spares.clear();
                self.probe(look, target, "ok", "");
            }
            Ok(Answer::Looked { .. }) if look == Look::TakeSpare => {
                self.facts.spares.retain(|spare| spare != target);
            }
            Ok(Answer::Looked { result, detail }) => {
                if look == Look::RefusedOld && *result == "ok" {
                    self.facts.refused_ms.get_or_insert(self.facts.now_ms);
                }
                self.probe(look, target, result, detail);
                if look == Look::LastUse {
                    self.probe(look, SEEN, result, detail);
                }
            }
            Ok(Answer::Accepted { detail, .. }) => self.probe(look, target, "ok", detail),
            Ok(Answer::Observed(seen)) => {
                self.keep_evidence(target, seen, sent_ms);
                self.probe(look, target, "ok", "");
            }
            Ok(Answer::Done { .. } | Answer::Settled(_)) => {}
            Err(error) if look == Look::Observe => {
                self.probe(look, target, "unanswered", &error.message)
            }
            Err(error) => self.probe(look, target, error.word(), &error.message),
        }
    }

    fn keep_evidence(&mut self, consumer: &str, seen: &[Observation], sent_ms: i64) {
        let at_ms = self.facts.now_ms;
        self.seen_ms.insert(consumer.to_owned(), sent_ms);
        self.facts.evidence.retain(|one| one.consumer != consumer);
        self.facts.evidence.extend(seen.iter().map(|one| Evidence {
            consumer: consumer.to_owned(),
            instance: one.instance.clone(),
            holding: match &one.holding {
                Holding::Credential(id) => id.as_str().to_owned(),
                Holding::Other => "other".to_owned(),
                Holding::Unknown => "unknown".to_owned(),
            },
            strength: one.strength,
            at_ms,
            detail: one.detail.clone(),
        }));
    }

    fn probe(&mut self, look: Look, target: &str, result: &str, detail: &str) {
        let probes = &mut self.facts.probes;
        let before = probes
            .iter()
            .position(|probe| probe.look == look && probe.target == target);
        let before = before.map(|index| probes.remove(index));
        let failed = before
            .filter(|probe| probe.at_ms >= self.facts.retried_ms)
            .map_or(0, |probe| probe.failures);
        probes.push(Probe {
            look,
            target: target.to_owned(),
            result: result.to_owned(),
            detail: detail.to_owned(),
            at_ms: self.facts.now_ms,
            failures: if result == "ok" { 0 } else { failed + 1 },
        });
    }

    /// A person lets something pass.
    pub(super) fn vouch(&mut self, subject: &str, for_ms: i64) {
        self.facts
            .waivers
            .retain(|waiver| waiver.subject != subject);
        self.facts.waivers.push(Waiver {
            subject: subject.to_owned(),
            actor: "person".to_owned(),
            reason: "an example".to_owned(),
            created_ms: self.facts.now_ms,
            until_ms: self.facts.now_ms + for_ms,
        });
    }

    /// `keywheel retry`.
    pub(super) fn retry(&mut self) {
        self.facts.retried_ms = self.facts.now_ms;
        self.facts.wish = Wish::None;
    }
}

/// The version that a write expects to find.
fn expected(facts: &Facts, kind: Kind, destination: &str) -> Option<Base> {
    let version = match kind {
        Kind::Stage | Kind::Publish => facts.base_version(destination).map(str::to_owned),
        Kind::Republish | Kind::DropPrevious => last_version(facts, destination),
        _ => return None,
    };
    Some(Base {
        version: version.map(VersionId::new),
        token: None,
    })
}

fn name_of(order: &Order) -> (Look, &str) {
    match order {
        Order::Inspect { destination } => (Look::Inspect, destination),
        Order::Identify => (Look::Identify, ""),
        Order::Propose => (Look::Propose, ""),
        Order::TakeSpare { spare } => (Look::TakeSpare, spare),
        Order::TestCandidate => (Look::TestCandidate, ""),
        Order::TestOld => (Look::TestOld, ""),
        Order::RefusedOld => (Look::RefusedOld, ""),
        Order::ReadBack { destination } => (Look::Served, destination),
        Order::Observe { consumer } => (Look::Observe, consumer),
        Order::LastUse => (Look::LastUse, ""),
        Order::RefusedUses => (Look::RefusedUses, ""),
        Order::NewUse => (Look::NewUse, ""),
        Order::Perform { target, .. } | Order::Settle { target, .. } => (Look::Settle, target),
    }
}
