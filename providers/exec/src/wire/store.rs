//! Questions to a store, and its answers.

use super::issuer::find_none;
use super::{FieldsRef, Sealed, SealedRef};
use keywheel_contract::{
    self as contract, Base, Find, Mark, Place, Retired, StoreCapabilities, VersionId, Write,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// `inspect` and `list`.
#[derive(Serialize)]
pub(crate) struct At<'a> {
    pub(crate) place: &'a Place,
}

/// What stands in a place: answer to `inspect`, and part of `compose`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Inspection {
    current: Option<VersionId>,
    token: Option<String>,
    written_at_ms: Option<i64>,
    natively_managed_by: Option<String>,
    /// A store without replicas has nothing to say here.
    #[serde(default = "yes")]
    replicas_in_sync: bool,
    #[serde(default)]
    warnings: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Inspection {
    /// Its ids, as they came.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let version = self.current.as_ref().map(VersionId::as_str);
        version.into_iter().chain(self.token.as_deref())
    }

    /// The contract's inspection; every sentence passes through `clean`.
    pub(crate) fn cleaned(self, clean: impl Fn(&str) -> String) -> contract::Inspection {
        contract::Inspection {
            current: self.current,
            token: self.token,
            written_at_ms: self.written_at_ms,
            natively_managed_by: self.natively_managed_by.as_deref().map(&clean),
            replicas_in_sync: self.replicas_in_sync,
            warnings: self.warnings.iter().map(|text| clean(text)).collect(),
        }
    }
}

impl From<&contract::Inspection> for Inspection {
    fn from(seen: &contract::Inspection) -> Self {
        Self {
            current: seen.current.clone(),
            token: seen.token.clone(),
            written_at_ms: seen.written_at_ms,
            natively_managed_by: seen.natively_managed_by.clone(),
            replicas_in_sync: seen.replicas_in_sync,
            warnings: seen.warnings.clone(),
        }
    }
}

/// `compose`.
#[derive(Serialize)]
pub(crate) struct Compose<'a> {
    pub(crate) place: &'a Place,
    pub(crate) document: DocumentRef<'a>,
    pub(crate) seen: Inspection,
}

/// A document on its way out.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DocumentRef<'a> {
    Whole(SealedRef<'a>),
    Fields(FieldsRef<'a>),
}

impl<'a> From<&'a contract::Document> for DocumentRef<'a> {
    fn from(document: &'a contract::Document) -> Self {
        match document {
            contract::Document::Whole(value) => Self::Whole(SealedRef(value)),
            contract::Document::Fields(fields) => Self::Fields(FieldsRef(fields)),
        }
    }
}

/// A document on its way in.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Document {
    Whole(Sealed),
    Fields(BTreeMap<String, Sealed>),
}

impl From<Document> for contract::Document {
    fn from(document: Document) -> Self {
        match document {
            Document::Whole(value) => Self::Whole(value.0),
            Document::Fields(fields) => Self::Fields(
                fields
                    .into_iter()
                    .map(|(name, value)| (name, value.0))
                    .collect(),
            ),
        }
    }
}

/// Answer to `compose`.
#[derive(Deserialize)]
pub(crate) struct Composed {
    pub(crate) payload: Sealed,
}

/// `stage` and `promote`.
#[derive(Serialize)]
pub(crate) struct Put<'a> {
    place: &'a Place,
    payload: SealedRef<'a>,
    base: &'a Base,
    mark: MarkRef<'a>,
}

impl<'a> From<&'a Write<'a>> for Put<'a> {
    fn from(write: &'a Write<'a>) -> Self {
        Self {
            place: write.place,
            payload: SealedRef(write.payload),
            base: write.base,
            mark: MarkRef::from(write.mark),
        }
    }
}

/// The mark of a write.
#[derive(Serialize)]
pub(crate) struct MarkRef<'a> {
    rotation: &'a str,
    token: &'a str,
}

impl<'a> From<&'a Mark> for MarkRef<'a> {
    fn from(mark: &'a Mark) -> Self {
        Self {
            rotation: mark.rotation.as_str(),
            token: &mark.token,
        }
    }
}

/// Answer to `stage` and `promote`.
#[derive(Deserialize)]
pub(crate) struct Written {
    pub(crate) version: VersionId,
}

/// `read`, `disable`, `enable` and `destroy`.
#[derive(Serialize)]
pub(crate) struct Exactly<'a> {
    pub(crate) place: &'a Place,
    pub(crate) version: &'a VersionId,
}

/// Answer to `read`.
#[derive(Deserialize)]
pub(crate) struct Content {
    pub(crate) document: Document,
}

/// Answer to `list`.
#[derive(Deserialize)]
pub(crate) struct Versions {
    pub(crate) versions: Vec<Version>,
}

/// One version.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) id: VersionId,
    pub(crate) current: bool,
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) ended: Option<Retired>,
}

/// `find`.
#[derive(Serialize)]
pub(crate) struct FindWrite<'a> {
    pub(crate) place: &'a Place,
    pub(crate) mark: MarkRef<'a>,
    pub(crate) payload: SealedRef<'a>,
}

/// Answer to `find`.
#[derive(Deserialize)]
pub(crate) struct FoundWrite {
    pub(crate) found: Found,
    pub(crate) version: Option<VersionId>,
    pub(crate) url: Option<String>,
}

/// What became of a write.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Found {
    Absent,
    Staged,
    Current,
    Superseded,
    Pending,
}

/// Answer to `disable` and `destroy`.
#[derive(Deserialize)]
pub(crate) struct Ended {
    pub(crate) retired: Retired,
}

/// The capabilities in the answer to `describe`. What is not said cannot be done.
#[derive(Deserialize)]
pub(crate) struct Capabilities {
    host_bound: bool,
    #[serde(default = "find_none")]
    find: Find,
    #[serde(default)]
    stages: bool,
    #[serde(default)]
    readable: bool,
    #[serde(default)]
    idempotent_put: bool,
    #[serde(default)]
    compare_and_set: bool,
    #[serde(default)]
    versions: bool,
    #[serde(default)]
    reversible: bool,
    max_bytes: Option<usize>,
    #[serde(default)]
    converges_in_ms: u64,
}

impl From<Capabilities> for StoreCapabilities {
    fn from(said: Capabilities) -> Self {
        Self {
            stages: said.stages,
            find: said.find,
            readable: said.readable,
            idempotent_put: said.idempotent_put,
            compare_and_set: said.compare_and_set,
            versions: said.versions,
            reversible: said.reversible,
            host_bound: said.host_bound,
            max_bytes: said.max_bytes,
            converges_in: Duration::from_millis(said.converges_in_ms),
        }
    }
}
