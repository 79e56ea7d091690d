//! What a person asks: each action is a rule, then one transaction with its audit row. Nothing is printed here.
//!
//! An action refuses with what happened and what to type instead; it never half-happens. The engine does the
//! work: an action leaves a request, a wish or a waiver behind and wakes the rotation.

mod doubt;
mod notify;
mod ours;
mod pause;
mod prove;
mod provide;
mod request;
mod safety;
mod standby;
mod steer;
mod tools;
mod vouch;

pub use doubt::{Seen, settle};
pub use notify::{Notified, notify};
pub use pause::{Paused, pause, resume};
pub use prove::{Proof, Shown, prove};
pub use provide::{Awaiting, Provided, awaiting, provide};
pub use request::{Asked, Radius, ask, radius};
pub use safety::what_is_safe;
pub use standby::{Tried, Wanted, add_spare, remove_spare, tend, try_spare, wanted};
pub use steer::{Steered, cancel, reenable, retry, rollback};
pub use tools::{Tools, ToolsError};
pub use vouch::{Vouched, vouch};

use crate::journal::audit::{self, Entry};
use crate::journal::rotations::{self, Run};
use crate::journal::secrets::{self, Secret};
use crate::journal::{self, Tx};
use crate::rotation::values::OpenError;
use std::fmt;

/// A rule does not allow what was asked; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What happened, to which secret, and what is still safe.
    pub why: String,
    /// What to type instead, where something helps.
    pub next: Option<String>,
}

impl Refused {
    fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            next: None,
        }
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Why an action did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// A rule.
    #[error("{0}")]
    Refused(Refused),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Sealed values could not be opened.
    #[error(transparent)]
    Values(#[from] OpenError),
    /// An outside system.
    #[error("{what}: {error}")]
    Outside {
        /// What was tried.
        what: String,
        /// The provider's answer.
        error: keywheel_contract::Error,
    },
}

impl From<Refused> for ActionError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// An answer inside a transaction: a refusal commits nothing, for nothing was written.
type Judged<T> = journal::Result<Result<T, Refused>>;

/// Who asks, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As the audit names them.
    pub actor: String,
    /// In their words; empty where none is needed.
    pub reason: String,
}

impl Person {
    fn entry(&self, run: Option<&Run>, action: &str, outcome: &str) -> Entry {
        Entry {
            actor: self.actor.clone(),
            action: action.to_owned(),
            phase: run.map_or_else(String::new, |run| run.phase.word().to_owned()),
            outcome: outcome.to_owned(),
            detail: self.reason.clone(),
            ..Entry::default()
        }
    }
}

/// The secret, unless nobody knows it.
async fn known(tx: &mut Tx, id: &str) -> Judged<Secret> {
    Ok(secrets::by_id(tx, id)
        .await?
        .ok_or_else(|| Refused::new(format!("{id} is not in the journal")).next("keywheel status")))
}

/// The rotation that a person means: the one that keeps others from starting, else the newest unfinished.
async fn under_way(tx: &mut Tx, id: &str) -> journal::Result<Option<Run>> {
    let all = rotations::unfinished(tx, id).await?;
    let exclusive = all.iter().position(|run| run.exclusive);
    Ok(all.into_iter().nth(exclusive.unwrap_or(0)))
}

/// Writes a row into a rotation's chain, or beside all chains where there is no rotation.
async fn record(
    tx: &mut Tx,
    secret_id: &str,
    run: Option<&mut Run>,
    entry: Entry,
) -> journal::Result<()> {
    match run {
        Some(run) => {
            audit::append(tx, run, vec![entry]).await?;
            rotations::keep_audit_head(tx, run).await
        }
        None => audit::append_apart(tx, secret_id, entry).await,
    }
}
