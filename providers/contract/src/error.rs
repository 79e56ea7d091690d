//! The closed set of ways in which a call to an outside system fails.

use crate::VersionId;
use std::time::Duration;

/// Result of a call to an outside system.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, in the terms that decide what happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing named does not exist there.
    NotFound,
    /// The identity we use may not do this.
    Denied,
    /// Somebody changed it first; `seen` is what stands there now, where the system says.
    Conflict {
        /// The version found instead of the expected one.
        seen: Option<VersionId>,
    },
    /// Too many calls; `after` is how long the system asks us to wait.
    Throttled {
        /// From `Retry-After` or its like.
        after: Option<Duration>,
    },
    /// Not reachable or not able to answer; the call did **not** take effect.
    Unavailable,
    /// The request is wrong, or the value breaks a rule of that system; the same call never succeeds.
    Invalid,
    /// Another rotation owns this secret; ours must not touch it.
    NativelyManaged {
        /// Who rotates it.
        by: String,
    },
    /// A person has to approve the change there.
    NeedsApproval {
        /// Where.
        url: String,
    },
    /// The call may or may not have taken effect: read before anything else.
    UnknownOutcome,
}

/// What a failed call allows next. It follows from the kind and from nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again, not before this long (or after the usual back-off).
    Later(Option<Duration>),
    /// Read the outside system first: the call may have landed.
    Settle,
    /// Facts have changed: look again, then plan anew.
    Replan,
    /// A person there has to act; ask again now and then.
    AwaitPerson,
    /// The same call fails for ever: this needs a decision.
    Never,
}

/// A failed call: the kind, and a sentence for people that holds no value and no body of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Decides what happens next.
    pub kind: ErrorKind,
    /// What happened, as a lower-case fragment without values.
    pub message: String,
}

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Denied`].
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// [`ErrorKind::Conflict`] with what was seen.
    pub fn conflict(seen: Option<VersionId>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict { seen }, message)
    }

    /// [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// [`ErrorKind::Invalid`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// [`ErrorKind::UnknownOutcome`].
    pub fn unknown_outcome(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnknownOutcome, message)
    }

    /// How the call may be retried.
    pub fn retry(&self) -> Retry {
        match &self.kind {
            ErrorKind::Throttled { after } => Retry::Later(*after),
            ErrorKind::Unavailable => Retry::Later(None),
            ErrorKind::UnknownOutcome => Retry::Settle,
            ErrorKind::Conflict { .. } => Retry::Replan,
            ErrorKind::NeedsApproval { .. } => Retry::AwaitPerson,
            ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::Invalid
            | ErrorKind::NativelyManaged { .. } => Retry::Never,
        }
    }

    /// The kind as one stable word, for journal, audit and metrics.
    pub fn word(&self) -> &'static str {
        match self.kind {
            ErrorKind::NotFound => "not_found",
            ErrorKind::Denied => "denied",
            ErrorKind::Conflict { .. } => "conflict",
            ErrorKind::Throttled { .. } => "throttled",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Invalid => "invalid",
            ErrorKind::NativelyManaged { .. } => "natively_managed",
            ErrorKind::NeedsApproval { .. } => "needs_approval",
            ErrorKind::UnknownOutcome => "unknown_outcome",
        }
    }
}
