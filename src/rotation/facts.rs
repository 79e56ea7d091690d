//! Everything that is known about one rotation at one moment. The planner reads this and nothing else.

mod pace;

use super::phase::Phase;
use super::words::{Cause, Kind, Look, Mode, Status, Wish};
use crate::inventory::{ConsumerSpec, Definition, Destination};
use chrono::{DateTime, SecondsFormat};
use keywheel_contract::{
    Base, ConsumerCapabilities, IssuerCapabilities, RotationId, StoreCapabilities, Strength, Style,
    VersionId,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use pace::{Pace, backoff_ms};

/// What the outside systems of one rotation can do.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// The issuer.
    pub issuer: IssuerCapabilities,
    /// Each destination's store, by destination name.
    pub stores: BTreeMap<String, StoreCapabilities>,
    /// Each consumer, by name.
    pub consumers: BTreeMap<String, ConsumerCapabilities>,
}

/// One effect of this rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What it does.
    pub kind: Kind,
    /// To what: a destination, a consumer, or a credential's id at its issuer.
    pub target: String,
    /// Which try, counted from one.
    pub attempt: i64,
    /// The idempotency token.
    pub token: String,
    /// When the intent was committed.
    pub created_ms: i64,
    /// When the call is over at the latest.
    pub deadline_ms: i64,
    /// What became of it.
    pub status: Status,
    /// Not to be tried again before this.
    pub retry_ms: i64,
    /// When the outcome was committed.
    pub settled_ms: Option<i64>,
    /// The outcome in one word: a kind of error, or what became of a version.
    pub word: String,
    /// Ids that belong to it.
    pub result: EffectResult,
}

impl Effect {
    /// Whether its outcome is still to be written.
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Intent | Status::Pending)
    }

    /// The version that a write expects to replace, `None` for an empty place.
    pub fn replaces(&self) -> Option<VersionId> {
        self.result.base.as_ref()?.version.clone()
    }
}

/// Ids that belong to an effect; kept as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectResult {
    /// The version a write replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// The version a write made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// Credentials that a lost answer left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<String>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// One reading's latest result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What was looked at.
    pub look: Look,
    /// Where: a destination, a consumer, or empty.
    pub target: String,
    /// `ok`, or why not, in one word.
    pub result: String,
    /// A sentence for people, or an id.
    pub detail: String,
    /// When.
    pub at_ms: i64,
    /// Failures in a row.
    pub failures: i64,
}

impl Probe {
    /// Whether it said yes.
    pub fn is_ok(&self) -> bool {
        self.result == "ok"
    }
}

/// What one instance was last seen to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The consumer's name.
    pub consumer: String,
    /// Which running copy.
    pub instance: String,
    /// Our id of the credential, `other` or `unknown`.
    pub holding: String,
    /// How we know.
    pub strength: Strength,
    /// When it was recorded.
    pub at_ms: i64,
    /// A sentence for people.
    pub detail: String,
}

/// A named person lets something pass without evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// A consumer's name, or one of the subjects that [`rotation`](super) names.
    pub subject: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_ms: i64,
    /// Until when.
    pub until_ms: i64,
}

impl Waiver {
    /// What its audit row says: until when it stands, and why.
    pub fn said(&self) -> String {
        let until = DateTime::from_timestamp_millis(self.until_ms).unwrap_or_default();
        let until = until.to_rfc3339_opts(SecondsFormat::Millis, true);
        format!("until {until}: {}", self.reason)
    }

    /// Reads from [`said`](Self::said) until when it stood, epoch milliseconds; `None` where the row does not say.
    pub fn stood_until(said: &str) -> Option<i64> {
        let (moment, _) = said.strip_prefix("until ")?.split_once(": ")?;
        let moment = DateTime::parse_from_rfc3339(moment).ok()?;
        Some(moment.timestamp_millis())
    }
}

/// A credential as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCredential {
    /// Our id.
    pub id: String,
    /// The issuer's id, where it is known.
    pub issuer_ref: Option<String>,
    /// When it ends by itself, where its issuer said so.
    pub expires_ms: Option<i64>,
}

/// Whether a later rotation of the secret was opened, one that is not on its way back to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newer {
    /// None was.
    #[default]
    None,
    /// It writes to the same destinations.
    UnderWay,
    /// Its candidate has replaced ours everywhere.
    Completed,
}

/// What other rotations of the secret are about; each part is known in the phases that ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Others {
    /// Until the preflight is over: targets of their effects in doubt.
    pub in_doubt: BTreeSet<String>,
    /// From the point of no return on.
    pub newer: Newer,
}

/// Everything known about one rotation at one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Now, epoch milliseconds.
    pub now_ms: i64,
    /// The rotation.
    pub id: RotationId,
    /// Where it is.
    pub phase: Phase,
    /// How it is run.
    pub mode: Mode,
    /// Who or what asked for it.
    pub cause: Cause,
    /// What a person asked since.
    pub wish: Wish,
    /// An outage was accepted in so many words.
    pub accept_outage: bool,
    /// When the phase began.
    pub phase_since_ms: i64,
    /// When a person last said `retry`; failures before that no longer count.
    pub retried_ms: i64,
    /// When every destination served the candidate.
    pub published_ms: Option<i64>,
    /// When the last consumer was proven on it.
    pub proven_ms: Option<i64>,
    /// When the leaked credential was refused.
    pub refused_ms: Option<i64>,
    /// Our ids of leaked credentials.
    pub leaked: Vec<String>,
    /// The plan, kept for life.
    pub plan: Arc<Definition>,
    /// Today's entry, `None` where it was retired.
    pub today: Option<Arc<Definition>>,
    /// What the outside systems can do.
    pub can: Arc<Capabilities>,
    /// Every effect so far.
    pub effects: Vec<Effect>,
    /// Every reading's latest result.
    pub probes: Vec<Probe>,
    /// Each consumer's latest answers.
    pub evidence: Vec<Evidence>,
    /// Waivers in force.
    pub waivers: Vec<Waiver>,
    /// Other rotations of the secret.
    pub others: Others,
    /// Names of the values sealed for this rotation.
    pub sealed: BTreeSet<String>,
    /// Spares of the secret that are ready, the oldest first, as long as one may be taken.
    pub spares: Vec<String>,
    /// The credential in use before.
    pub old: Option<KnownCredential>,
    /// The credential that is to follow it.
    pub candidate: Option<KnownCredential>,
    /// Who paused the secret, where somebody did.
    pub paused_by: Option<String>,
    /// How long calls and waits last.
    pub pace: Pace,
}

impl Facts {
    /// What is not the same in two accounts of one moment, where anything is; the order of rows is no difference.
    pub fn differs_from(&self, other: &Self) -> Option<&'static str> {
        fn sorted<T: std::fmt::Debug>(rows: &[T]) -> Vec<String> {
            let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
            rows.sort_unstable();
            rows
        }
        let row = |f: &Self| {
            let times = (
                f.phase_since_ms,
                f.retried_ms,
                f.published_ms,
                f.proven_ms,
                f.refused_ms,
            );
            let how = (f.phase, f.mode, f.cause, f.wish, f.accept_outage);
            (times, how, f.leaked.clone(), f.paused_by.clone())
        };
        [
            (row(self) == row(other), "the row"),
            (self.today == other.today, "today's entry"),
            (sorted(&self.effects) == sorted(&other.effects), "effects"),
            (sorted(&self.probes) == sorted(&other.probes), "readings"),
            (
                sorted(&self.evidence) == sorted(&other.evidence),
                "evidence",
            ),
            (sorted(&self.waivers) == sorted(&other.waivers), "waivers"),
            (self.sealed == other.sealed, "sealed values"),
            (self.spares == other.spares, "spares"),
            (self.old == other.old, "the old credential"),
            (self.candidate == other.candidate, "the candidate"),
        ]
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
    }

    /// The newest try of an effect.
    pub fn effect(&self, kind: Kind, target: &str) -> Option<&Effect> {
        self.effects
            .iter()
            .filter(|effect| effect.kind == kind && effect.target == target)
            .max_by_key(|effect| effect.attempt)
    }

    /// The newest try, where it took effect.
    pub fn applied(&self, kind: Kind, target: &str) -> Option<&Effect> {
        self.effect(kind, target)
            .filter(|effect| effect.status == Status::Applied)
    }

    /// What is staged in a destination, if its publishing met a conflict since: effects are in the order of their
    /// intents.
    pub fn outrun_stage(&self, destination: &str) -> Option<&Effect> {
        let staged = self.applied(Kind::Stage, destination)?;
        let later = self
            .effects
            .iter()
            .skip_while(|e| !std::ptr::eq(*e, staged));
        let mut publishes = later.filter(|e| e.kind == Kind::Publish && e.target == destination);
        publishes
            .any(|e| e.status == Status::Failed && e.word == "conflict")
            .then_some(staged)
    }

    /// Every version of a destination that this rotation made of the candidate, each once.
    pub fn candidate_versions(&self, destination: &str) -> Vec<VersionId> {
        let wrote = |e: &&Effect| {
            matches!(e.kind, Kind::Stage | Kind::Publish)
                && e.target == destination
                && e.status == Status::Applied
        };
        let written = self.effects.iter().filter(wrote);
        let versions: BTreeSet<_> = written.filter_map(|e| e.result.version.clone()).collect();
        versions.into_iter().collect()
    }

    /// Whether any effect of this kind took effect anywhere.
    pub fn any_applied(&self, kind: Kind) -> bool {
        self.effects
            .iter()
            .any(|effect| effect.kind == kind && effect.status == Status::Applied)
    }

    /// Whether an intent of this kind was ever committed, whatever became of it.
    pub fn any_intent(&self, kind: Kind) -> bool {
        self.effects.iter().any(|effect| effect.kind == kind)
    }

    /// A reading's latest result.
    pub fn probe(&self, look: Look, target: &str) -> Option<&Probe> {
        self.probes
            .iter()
            .find(|probe| probe.look == look && probe.target == target)
    }

    /// The issuer's style.
    pub fn style(&self) -> Style {
        self.can.issuer.style
    }

    /// The planned destinations.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.plan.destinations.iter()
    }

    /// Whether a destination takes a value beside the one it serves.
    pub fn stages_in(&self, destination: &str) -> bool {
        let store = self.can.stores.get(destination);
        store.is_some_and(|store| store.stages)
    }

    /// Longest time until every reader of a destination sees what was written, in milliseconds.
    pub fn converges_ms(&self, destination: &str) -> i64 {
        let store = self.can.stores.get(destination);
        let within = store.map_or(0, |store| store.converges_in.as_millis());
        i64::try_from(within).unwrap_or(i64::MAX)
    }

    /// The version a destination served before this rotation.
    pub fn base_version(&self, destination: &str) -> Option<&str> {
        self.probe(Look::Inspect, destination)
            .map(|probe| probe.detail.as_str())
            .filter(|version| !version.is_empty())
    }

    /// When a destination came to serve what a kind of write put there.
    pub fn written_ms(&self, kind: Kind, destination: &str) -> Option<i64> {
        self.applied(kind, destination)
            .and_then(|effect| effect.settled_ms)
    }

    /// The destination a consumer reads.
    pub fn read_by<'a>(&'a self, consumer: &'a ConsumerSpec) -> Option<&'a Destination> {
        match &consumer.reads {
            Some(name) => self
                .destinations()
                .find(|d| &d.name() == name || &d.store.name == name),
            None => self.plan.destinations.first(),
        }
    }

    /// Whether the run is in an emergency.
    pub fn is_emergency(&self) -> bool {
        self.cause == Cause::Emergency
    }

    /// Whether the old credential is among those that leaked.
    pub fn old_leaked(&self) -> bool {
        let old = self.old.as_ref();
        old.is_some_and(|old| self.leaked.contains(&old.id))
    }

    /// Why ending the old credential first would be a long outage that nobody accepted; `None` where it may be
    /// ended first, or where that was not asked for.
    pub fn outage_not_accepted(&self) -> Option<&'static str> {
        let asks = self.mode == Mode::Contain && self.old_leaked() && !self.accept_outage;
        asks.then(|| super::plan::long_outage(&self.can.issuer, self.has_next()))
            .flatten()
    }

    /// Whether nobody has to make the value that is to follow: it is sealed, here or as a spare.
    pub fn has_next(&self) -> bool {
        self.sealed.contains(super::CANDIDATE) || !self.spares.is_empty()
    }

    /// Whether the old credential is ended before anything else: it leaked, and the outage is accepted.
    pub fn is_contained(&self) -> bool {
        let asks = self.mode == Mode::Contain && self.old_leaked();
        asks && self.outage_not_accepted().is_none()
    }

    /// The issuer's id of the old credential.
    pub fn old_ref(&self) -> Option<&str> {
        self.old.as_ref().and_then(|old| old.issuer_ref.as_deref())
    }

    /// The issuer's id of the candidate.
    pub fn candidate_ref(&self) -> Option<&str> {
        self.candidate
            .as_ref()
            .and_then(|candidate| candidate.issuer_ref.as_deref())
    }
}
