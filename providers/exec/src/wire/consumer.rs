//! Questions to a consumer, and its answers.

use super::SealedRef;
use keywheel_contract::{
    ConsumerCapabilities, CredentialId, Held, Holding, Notice, Question, SecretId, Strength,
    VersionId,
};
use serde::{Deserialize, Serialize};

/// `notify`.
#[derive(Serialize)]
pub(crate) struct Notify<'a> {
    id: &'a SecretId,
    consumer: &'a str,
    destination: &'a str,
    version: &'a VersionId,
    rotation: &'a str,
}

impl<'a> From<&'a Notice> for Notify<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self {
            id: &notice.id,
            consumer: &notice.consumer,
            destination: &notice.destination,
            version: &notice.version,
            rotation: notice.rotation.as_str(),
        }
    }
}

/// `observe`.
#[derive(Serialize)]
pub(crate) struct Observe<'a> {
    id: &'a SecretId,
    consumer: &'a str,
    destination: &'a str,
    held: Vec<HeldRef<'a>>,
    published_at_ms: i64,
    instances: u32,
}

#[derive(Serialize)]
struct HeldRef<'a> {
    credential: &'a CredentialId,
    version: Option<&'a VersionId>,
    value: SealedRef<'a>,
    strong: bool,
}

impl<'a> From<&'a Question<'a>> for Observe<'a> {
    fn from(question: &'a Question<'a>) -> Self {
        Self {
            id: question.id,
            consumer: question.consumer,
            destination: question.destination,
            held: question.held.iter().map(HeldRef::from).collect(),
            published_at_ms: question.published_at_ms,
            instances: question.instances,
        }
    }
}

impl<'a> From<&'a Held<'a>> for HeldRef<'a> {
    fn from(held: &'a Held<'a>) -> Self {
        Self {
            credential: held.credential,
            version: held.version,
            value: SealedRef(held.value),
            strong: held.strong,
        }
    }
}

/// Answer to `observe`.
#[derive(Deserialize)]
pub(crate) struct Observations {
    pub(crate) observations: Vec<Observation>,
}

/// What one instance was seen to hold.
#[derive(Deserialize)]
pub(crate) struct Observation {
    pub(crate) instance: String,
    pub(crate) holding: Holding,
    pub(crate) strength: Strength,
    pub(crate) started_at_ms: Option<i64>,
    #[serde(default)]
    pub(crate) detail: String,
}

/// The capabilities in the answer to `describe`. What is not said cannot be done.
#[derive(Deserialize)]
pub(crate) struct Capabilities {
    host_bound: bool,
    strongest: Option<Strength>,
    #[serde(default)]
    notifies: bool,
}

impl From<Capabilities> for ConsumerCapabilities {
    fn from(said: Capabilities) -> Self {
        Self {
            strongest: said.strongest,
            notifies: said.notifies,
            host_bound: said.host_bound,
        }
    }
}
