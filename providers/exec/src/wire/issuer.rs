//! Questions to an issuer, and its answers.

use super::{Credential, FieldsRef};
use keywheel_contract::{
    self as contract, ChosenBy, CredentialId, CredentialState, Find, IssuerCapabilities, Liveness,
    Style, Tag,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A credential on its way out.
#[derive(Serialize)]
pub(crate) struct CredentialRef<'a> {
    id: &'a CredentialId,
    fields: FieldsRef<'a>,
}

impl<'a> From<&'a contract::Credential> for CredentialRef<'a> {
    fn from(credential: &'a contract::Credential) -> Self {
        Self {
            id: &credential.id,
            fields: FieldsRef(&credential.fields),
        }
    }
}

/// `identify`.
#[derive(Serialize)]
pub(crate) struct Identify<'a> {
    pub(crate) fields: FieldsRef<'a>,
}

/// Answer to `identify`.
#[derive(Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: Option<CredentialId>,
}

/// `propose`.
#[derive(Serialize)]
pub(crate) struct Propose<'a> {
    pub(crate) current: Option<&'a CredentialId>,
}

/// Answer to `propose` and `mint`.
#[derive(Deserialize)]
pub(crate) struct Made {
    pub(crate) credential: Credential,
}

/// `check_format`.
#[derive(Serialize)]
pub(crate) struct CheckFormat<'a> {
    pub(crate) candidate: FieldsRef<'a>,
    pub(crate) previous: Option<FieldsRef<'a>>,
}

/// `mint` and `find`.
#[derive(Serialize)]
pub(crate) struct Tagged<'a> {
    pub(crate) tag: &'a Tag,
}

/// `apply`.
#[derive(Serialize)]
pub(crate) struct Apply<'a> {
    pub(crate) tag: &'a Tag,
    pub(crate) credential: CredentialRef<'a>,
}

/// `activate`, `test` and `enable`.
#[derive(Serialize)]
pub(crate) struct With<'a> {
    pub(crate) credential: CredentialRef<'a>,
}

/// Answer to `test`.
#[derive(Deserialize)]
pub(crate) struct Tested {
    pub(crate) liveness: Liveness,
}

/// `state`, `expires_at`, `disable`, `revoke`, `last_used`, `sessions` and `end_sessions`.
#[derive(Serialize)]
pub(crate) struct Named<'a> {
    pub(crate) id: &'a CredentialId,
}

/// Answer to `state`.
#[derive(Deserialize)]
pub(crate) struct Stated {
    pub(crate) state: CredentialState,
}

/// Answer to `find`.
#[derive(Deserialize)]
pub(crate) struct FoundIds {
    pub(crate) ids: Vec<CredentialId>,
}

/// Answer to `expires_at`.
#[derive(Deserialize)]
pub(crate) struct Expires {
    pub(crate) expires_ms: Option<i64>,
}

/// Answer to `last_used`.
#[derive(Deserialize)]
pub(crate) struct LastUsed {
    pub(crate) at_ms: Option<i64>,
    pub(crate) as_of_ms: i64,
    pub(crate) granularity_ms: u64,
}

/// `refused_uses`.
#[derive(Serialize)]
pub(crate) struct Since<'a> {
    pub(crate) id: &'a CredentialId,
    pub(crate) since_ms: i64,
}

/// Answer to `refused_uses`.
#[derive(Deserialize)]
pub(crate) struct Refusals {
    pub(crate) refusals: Vec<Refusal>,
}

/// One refused use.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) at_ms: i64,
    #[serde(default)]
    pub(crate) from: String,
}

/// Answer to `sessions`.
#[derive(Deserialize)]
pub(crate) struct Sessions {
    pub(crate) sessions: Vec<Session>,
}

/// One session.
#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) from: String,
    pub(crate) address: Option<String>,
    pub(crate) application: Option<String>,
}

/// Answer to `end_sessions`.
#[derive(Deserialize)]
pub(crate) struct Ended {
    pub(crate) ended: u64,
}

/// The capabilities in the answer to `describe`. What is not said cannot be done.
#[derive(Deserialize)]
pub(crate) struct Capabilities {
    style: Style,
    chosen_by: ChosenBy,
    host_bound: bool,
    #[serde(default = "find_none")]
    find: Find,
    #[serde(default)]
    lists_after_ms: u64,
    #[serde(default)]
    idempotent_mint: bool,
    #[serde(default)]
    identifies: bool,
    #[serde(default)]
    tests: bool,
    #[serde(default)]
    reversible: bool,
    #[serde(default)]
    revokes: bool,
    #[serde(default)]
    activates: bool,
    #[serde(default)]
    reports_last_use: bool,
    #[serde(default)]
    sessions: bool,
    #[serde(default)]
    reuse: bool,
    #[serde(default)]
    expires: bool,
    entropy_bits: Option<u32>,
}

/// What `find` is where nothing is said.
pub(super) fn find_none() -> Find {
    Find::None
}

impl From<Capabilities> for IssuerCapabilities {
    fn from(said: Capabilities) -> Self {
        Self {
            style: said.style,
            chosen_by: said.chosen_by,
            find: said.find,
            lists_after: Duration::from_millis(said.lists_after_ms),
            idempotent_mint: said.idempotent_mint,
            identifies: said.identifies,
            tests: said.tests,
            reversible: said.reversible,
            revokes: said.revokes,
            activates: said.activates,
            reports_last_use: said.reports_last_use,
            sessions: said.sessions,
            reuse: said.reuse,
            expires: said.expires,
            host_bound: said.host_bound,
            entropy_bits: said.entropy_bits,
        }
    }
}
