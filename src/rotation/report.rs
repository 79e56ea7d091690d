//! What came back from calls, ready to be committed. Values are sealed already.

use super::plan::Order;
use keywheel_contract::{CredentialId, Error, Observation, Retired, Retry, VersionId};

/// A sealed value under its name.
pub type Sealed = (String, Vec<u8>);

/// The answers to a round of calls.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// One per order that was carried out.
    pub outcomes: Vec<Outcome>,
    /// The wrapped data key, where this round made one: key id and bytes.
    pub data_key: Option<(String, Vec<u8>)>,
}

/// One order and its answer.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was asked.
    pub order: Order,
    /// What came back.
    pub answer: Result<Answer, Error>,
}

/// What an order brought.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A destination's content.
    Inspected(Inspected),
    /// The old value's credential, where the issuer knows it.
    Identified(Option<CredentialId>),
    /// A value was chosen, or an issuer chose one.
    Candidate(NewCandidate),
    /// An effect took effect.
    Done {
        /// The version it made or ended.
        version: Option<VersionId>,
        /// What became of it, in one word.
        word: &'static str,
        /// A sentence for people.
        detail: String,
    },
    /// An effect in doubt was looked up.
    Settled(Settled),
    /// A reading's result: `ok`, or why not in one word, and a sentence or figure.
    Looked {
        /// The word.
        result: &'static str,
        /// The sentence or figure.
        detail: String,
    },
    /// The candidate is accepted.
    Accepted {
        /// A sentence for people.
        detail: String,
        /// When it ends by itself.
        ends: Ends,
    },
    /// A consumer's answers.
    Observed(Vec<Observation>),
}

/// When a credential ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// It does not, as far as its issuer knows.
    Never,
    /// Then, epoch milliseconds.
    At(i64),
    /// Its issuer could not say now, for this reason.
    Unknown(String),
}

/// What stands in a destination.
#[derive(Debug, Clone, Default)]
pub struct Inspected {
    /// The version served.
    pub version: Option<VersionId>,
    /// When it was written, where the store says.
    pub written_at_ms: Option<i64>,
    /// The value, sealed.
    pub sealed: Vec<Sealed>,
    /// Its keyed fingerprint.
    pub fingerprint: Option<String>,
    /// Facts a person should know.
    pub warnings: Vec<String>,
}

/// A candidate that exists, or is about to.
#[derive(Debug, Clone)]
pub struct NewCandidate {
    /// The issuer's id.
    pub issuer_ref: CredentialId,
    /// Its fields, sealed.
    pub sealed: Sealed,
    /// Keyed fingerprint of its main published value.
    pub fingerprint: String,
}

/// What became of an effect in doubt.
#[derive(Debug, Clone)]
pub enum Settled {
    /// It took effect.
    Applied(Option<VersionId>),
    /// A version ended, in the store's own way.
    Ended(VersionId, Retired),
    /// It is not there (yet).
    Absent,
    /// Sending it again is the same as sending it once.
    Resend,
    /// It waits for a person.
    Pending {
        /// Where.
        url: String,
    },
    /// It made these, and their values are lost.
    Orphaned(Vec<CredentialId>),
    /// Cannot be told now.
    Unknown(String),
}

/// The delay that an outside system asked for, milliseconds.
pub fn retry_after_ms(error: &Error) -> Option<i64> {
    match error.retry() {
        Retry::Later(after) => after.and_then(|after| i64::try_from(after.as_millis()).ok()),
        Retry::Settle | Retry::Replan | Retry::AwaitPerson | Retry::Never => None,
    }
}
