//! The workload that uses a secret.

use crate::{CredentialId, Examination, Result, RotationId, SecretId, SecretValue, VersionId};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How strong a piece of evidence is, rising. It is always about one instance of one consumer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The value lies where the consumer reads it.
    Delivered,
    /// The consumer (re)started or reloaded after that.
    Restarted,
    /// The consumer says which version it uses.
    #[default]
    Claimed,
    /// The consumer shows possession of the value.
    Proven,
}

impl Strength {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Restarted => "restarted",
            Self::Claimed => "claimed",
            Self::Proven => "proven",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Delivered,
            Self::Restarted,
            Self::Claimed,
            Self::Proven,
        ]
        .into_iter()
        .find(|strength| strength.word() == word)
    }
}

/// What a way of seeing a consumer can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerCapabilities {
    /// The strongest evidence `observe` can bring; `None` where it can bring none.
    pub strongest: Option<Strength>,
    /// `notify` does something.
    pub notifies: bool,
    /// Exists on one machine only.
    pub host_bound: bool,
}

/// Tells a consumer that there is something new to read. It never carries the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The secret.
    pub id: SecretId,
    /// The consumer's name in the inventory.
    pub consumer: String,
    /// The destination it reads, as `store:path`.
    pub destination: String,
    /// The version now served there.
    pub version: VersionId,
    /// What that version holds, by the name that [`Held::credential`] has too; `None` where that is not known. A document
    /// of several secrets gets new versions that hold the same credential.
    pub credential: Option<CredentialId>,
    /// The rotation that asks, or a name of its own for each notice of a person.
    pub rotation: RotationId,
}

/// One credential that a consumer might hold.
pub struct Held<'a> {
    /// Our name for it: answers use this one.
    pub credential: &'a CredentialId,
    /// The issuer's name for it, where it is known.
    pub issuer_ref: Option<&'a CredentialId>,
    /// The version that carries it in the destination the consumer reads.
    pub version: Option<&'a VersionId>,
    /// The bytes of the field the consumer proves: [`crate::Document::proof_value`].
    pub value: &'a SecretValue,
    /// Whether the value has at least 80 bits, so that a proof about it gives nothing away.
    pub strong: bool,
}

/// Which of these do you hold?
pub struct Question<'a> {
    /// The secret.
    pub id: &'a SecretId,
    /// The consumer's name in the inventory.
    pub consumer: &'a str,
    /// The destination it reads, as `store:path`.
    pub destination: &'a str,
    /// The credentials it might hold, the newest first.
    pub held: &'a [Held<'a>],
    /// When the newest of them was published, epoch milliseconds: "restarted after" counts from here.
    pub published_at_ms: i64,
    /// How many distinct instances are expected.
    pub instances: u32,
}

/// What an instance was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// One of the credentials asked about.
    Credential(CredentialId),
    /// None of them.
    Other,
    /// Cannot be told; `detail` says why.
    Unknown,
}

/// One answer about one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which running copy.
    pub instance: String,
    /// What it holds.
    pub holding: Holding,
    /// How we know.
    pub strength: Strength,
    /// When that instance started, epoch milliseconds, where it says.
    pub started_at_ms: Option<i64>,
    /// When it was seen, epoch milliseconds, where that was before it was asked for.
    pub seen_at_ms: Option<i64>,
    /// A sentence for people, without values.
    pub detail: String,
}

/// A way to tell a consumer and to see what it holds.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// What this way can do; constant for the life of the value.
    fn capabilities(&self) -> ConsumerCapabilities;

    /// Asks the consumer to read again. Asking twice does no harm.
    async fn notify(&self, notice: &Notice) -> Result<()>;

    /// Asks what it holds: one observation per instance that answered, none where nobody did.
    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>>;

    /// Looks whether it could be told and seen, by calls that change nothing. What fails is a finding; none where there
    /// is nothing to look at.
    async fn examine(&self) -> Examination {
        Examination::default()
    }
}
