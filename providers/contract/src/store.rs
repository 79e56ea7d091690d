//! Where a secret is published.

use crate::{
    Document, Draw, Error, Examination, Finding, Page, Result, RotationId, SecretValue, Verb,
    Verdict, VersionId,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One place in a store, as the inventory names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Path or name inside the store.
    pub path: String,
    /// Our fields of the document there; none where the value is the whole content.
    #[serde(default)]
    pub fields: Vec<String>,
    /// How consumers choose a version there (`latest`, an alias), where the store has a choice.
    #[serde(default)]
    pub selector: Option<String>,
}

/// How a write of ours is found again after its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Find {
    /// The outside system keeps our mark.
    ByTag,
    /// By comparing the current value with the one we sent.
    ByValue,
    /// Not at all.
    None,
}

/// What a store can do. The planner reads this before anything starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCapabilities {
    /// Has a pending place of its own: `stage`, then `promote`.
    pub stages: bool,
    /// How a write is found again.
    pub find: Find,
    /// Values can be read back.
    pub readable: bool,
    /// Sending the same write twice equals sending it once. Where nothing is found again, a write whose answer was lost
    /// is therefore sent once more.
    pub idempotent_put: bool,
    /// A write names the version it replaces, and loses against a stranger's.
    pub compare_and_set: bool,
    /// Keeps older versions apart from the current one.
    pub versions: bool,
    /// A version can be disabled and enabled again.
    pub reversible: bool,
    /// Exists on one machine only.
    pub host_bound: bool,
    /// Largest content in bytes.
    pub max_bytes: Option<usize>,
    /// Longest time until every reader sees a write.
    pub converges_in: Duration,
}

/// What stands in a place now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The current version, `None` where the place is empty.
    pub current: Option<VersionId>,
    /// Opaque token for compare-and-set.
    pub token: Option<String>,
    /// When the current version was written, epoch milliseconds, where the store says.
    pub written_at_ms: Option<i64>,
    /// Another system that rotates this secret.
    pub natively_managed_by: Option<String>,
    /// Whether every replica serves the current version.
    pub replicas_in_sync: bool,
    /// Facts a person should know (tracked by git, a foreign pending version).
    pub warnings: Vec<String>,
}

/// The version a write expects to replace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The version seen by the inspection, `None` for an empty place.
    pub version: Option<VersionId>,
    /// The store's own concurrency token.
    pub token: Option<String>,
}

impl From<&Inspection> for Base {
    fn from(seen: &Inspection) -> Self {
        Self {
            version: seen.current.clone(),
            token: seen.token.clone(),
        }
    }
}

/// Marks one try of one write, so that it is idempotent where the store allows and found again elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The rotation that writes.
    pub rotation: RotationId,
    /// The idempotency token: 64 hexadecimal digits, the hash of rotation, kind, destination and try.
    pub token: String,
}

/// One write: the exact bytes, where, over what, under which mark.
pub struct Write<'a> {
    /// Where.
    pub place: &'a Place,
    /// Exactly what is sent, as [`SecretStore::compose`] made it.
    pub payload: &'a SecretValue,
    /// What it replaces.
    pub base: &'a Base,
    /// Under which mark.
    pub mark: &'a Mark,
}

/// What became of a marked write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not there (yet, if the call may still land).
    Absent,
    /// It is there, and not what consumers see.
    Staged(VersionId),
    /// It is what consumers see.
    Current(VersionId),
    /// It was current; somebody wrote after it.
    Superseded(VersionId),
    /// It waits for a person there.
    Pending {
        /// Where that person goes.
        url: String,
    },
}

/// One version, as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The store's name for it.
    pub id: VersionId,
    /// Whether consumers see it by default.
    pub current: bool,
    /// Whether it can be read.
    pub enabled: bool,
    /// What [`destroy`](SecretStore::destroy) made of it, once there is nothing left to do; a version that is gone
    /// need not be listed.
    pub ended: Option<Retired>,
}

/// What really became of a version that was to be ended. Reports print this word and never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retired {
    /// Unreadable, and can be enabled again.
    Disabled,
    /// No longer named by any label; still readable by its id.
    Unlabelled,
    /// Gone.
    Destroyed,
    /// Goes later, by the store's own clock.
    Scheduled,
    /// The store cannot end a version.
    Impossible,
}

impl Retired {
    /// The word that status, history and audit print.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unlabelled => "unlabelled",
            Self::Destroyed => "destroyed",
            Self::Scheduled => "scheduled",
            Self::Impossible => "impossible",
        }
    }
}

/// A secret store. All calls may be repeated; none blocks longer than the caller's deadline allows it to.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// What this store can do; constant for the life of the value.
    fn capabilities(&self) -> StoreCapabilities;

    /// What stands there now. An empty place is an [`Inspection`] without a current version, not an error.
    async fn inspect(&self, place: &Place) -> Result<Inspection>;

    /// The exact bytes to send so that our fields are `document` and everybody else's stay as `seen`.
    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue>;

    /// Writes without showing it to consumers. Only where the capabilities say `stages`.
    async fn stage(&self, write: &Write<'_>) -> Result<VersionId>;

    /// Makes the write current. In a store that stages, what was staged under the same mark becomes current; where
    /// nothing was, it is staged on the way (going back is one effect). Elsewhere it is written.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict): what stands there is not `base`, or what was staged under this mark
    /// is not this payload.
    async fn promote(&self, write: &Write<'_>) -> Result<VersionId>;

    /// Our part of exactly this version.
    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document>;

    /// All versions, newest first.
    async fn list(&self, place: &Place) -> Result<Vec<Version>>;

    /// What became of the write with this mark. `payload` serves stores that find by value.
    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found>;

    /// Ends a version so that it can be enabled again. Ending an ended version succeeds.
    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired>;

    /// Undoes [`disable`](Self::disable).
    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()>;

    /// Ends a version for good, as far as the store can. A version already gone is `Destroyed`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict): it is the current version.
    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired>;

    /// What a verb takes from the limits of the outside system, at most.
    fn draws(&self, _verb: Verb) -> Vec<Draw> {
        Vec::new()
    }

    /// Looks whether rotations of these places would work, by calls that change nothing. What fails is a finding.
    async fn examine(&self, places: &[Place]) -> Examination {
        let mut findings = Vec::new();
        for place in places {
            findings.push(seen(place, self.inspect(place).await));
        }
        Examination {
            findings,
            policy: None,
        }
    }

    /// One part of everything that the store holds; `after` is the [`next`](Page::next) of the part before.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the store cannot list what it holds.
    async fn discover(&self, _after: Option<&str>) -> Result<Page> {
        Err(Error::invalid(
            "this kind of store cannot list what it holds",
        ))
    }
}

/// A look at a place, as a finding.
pub fn seen(place: &Place, inspection: Result<Inspection>) -> Finding {
    let about = format!("reachable: {}", place.path);
    match inspection {
        Ok(seen) => match (seen.natively_managed_by, seen.current) {
            (Some(by), _) => {
                let about = format!("native rotation: {}", place.path);
                Finding::new(about, Verdict::Missing, format!("it is rotated by {by}"))
            }
            (None, Some(version)) => {
                Finding::new(about, Verdict::Good, format!("shows version {version}"))
            }
            (None, None) => Finding::new(about, Verdict::Good, "empty"),
        },
        Err(error) => Finding::new(about, Verdict::Missing, error.message),
    }
}
