//! What `keywheel check --online` and `keywheel inventory discover` learn from stores and issuers without changing
//! anything.

use crate::{CredentialId, CredentialState, Error, ErrorKind};
use std::collections::BTreeMap;

/// Whether one thing that a rotation needs is as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Seen to be so.
    Good,
    /// A rotation works, and a person should know.
    Warning,
    /// Seen to be missing: a rotation would fail.
    Missing,
    /// Cannot be told without changing something.
    Unproven,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: `reachable`, `settings`, `identity`, `permission …`, `native rotation`, `headroom`, `clock`. Of one place or
    /// one credential: its path or id comes after a colon.
    pub about: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, for people; without values.
    pub detail: String,
}

impl Finding {
    /// A finding.
    pub fn new(about: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            verdict,
            detail: detail.into(),
        }
    }

    /// Of a credential in use, as its issuer has it.
    pub fn in_use(id: &CredentialId, state: CredentialState) -> Self {
        let (verdict, detail) = match state {
            CredentialState::Active => (Verdict::Good, "its issuer has it, and honours it"),
            CredentialState::Disabled => (
                Verdict::Warning,
                "its issuer has it, and lets nobody in with it",
            ),
            CredentialState::Absent => (
                Verdict::Warning,
                "its issuer does not have it (any more): was it ended there, or is another one in use?",
            ),
            CredentialState::Unknown => (Verdict::Unproven, "its issuer cannot tell"),
        };
        Self::new(format!("in use: {id}"), verdict, detail)
    }

    /// Of a credential in use whose look failed for a reason of its own; none where the error is about the whole issuer,
    /// which is [told once](Self::of_error), and nothing more is asked there.
    pub fn of_one(id: &CredentialId, error: &Error) -> Option<Self> {
        let everywhere = matches!(
            error.kind,
            ErrorKind::Denied
                | ErrorKind::Throttled { .. }
                | ErrorKind::Unavailable
                | ErrorKind::UnknownOutcome
        );
        let finding = || Self::new(format!("in use: {id}"), Verdict::Missing, &error.message);
        (!everywhere).then(finding)
    }

    /// Of what could not be looked at.
    pub fn of_error(error: &Error) -> Self {
        let (about, verdict) = match error.kind {
            ErrorKind::Denied => ("permission to look", Verdict::Missing),
            ErrorKind::Throttled { .. } => ("reachable", Verdict::Warning),
            ErrorKind::Unavailable | ErrorKind::UnknownOutcome => ("reachable", Verdict::Missing),
            _ => ("settings", Verdict::Missing),
        };
        Self::new(about, verdict, error.message.clone())
    }
}

/// Everything that was looked at in one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// In the order in which a reader wants to know it.
    pub findings: Vec<Finding>,
    /// The smallest rights that suffice for the places looked at, in the store's own language, to be pasted; none
    /// where the store knows no rights.
    pub policy: Option<String>,
}

/// One thing that a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// As a place names it.
    pub path: String,
    /// Names of its fields, where the store tells them without the values.
    pub fields: Vec<String>,
    /// Labels that people gave it.
    pub tags: BTreeMap<String, String>,
    /// When its content last changed, epoch milliseconds.
    pub written_at_ms: Option<i64>,
    /// Another system that rotates it.
    pub natively_managed_by: Option<String>,
}

/// A part of what a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The things of this part.
    pub entries: Vec<Listed>,
    /// Asks for the part after it; none after the last.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Finding, Verdict};
    use crate::{CredentialId, CredentialState, Error, ErrorKind};

    #[test]
    fn only_what_was_seen_is_called_good_and_only_what_fails_missing() {
        let id = CredentialId::new("key-1");
        for (state, verdict) in [
            (CredentialState::Active, Verdict::Good),
            (CredentialState::Disabled, Verdict::Warning),
            (CredentialState::Absent, Verdict::Warning),
            (CredentialState::Unknown, Verdict::Unproven),
        ] {
            let seen = Finding::in_use(&id, state);
            assert_eq!(
                (seen.about.as_str(), seen.verdict),
                ("in use: key-1", verdict)
            );
        }
        let busy = Error::new(ErrorKind::Throttled { after: None }, "busy");
        for (error, about, verdict) in [
            (Error::denied("no"), "permission to look", Verdict::Missing),
            (Error::unavailable("away"), "reachable", Verdict::Missing),
            (Error::invalid("no such file"), "settings", Verdict::Missing),
            (busy, "reachable", Verdict::Warning),
        ] {
            let seen = Finding::of_error(&error);
            assert_eq!((seen.about.as_str(), seen.verdict), (about, verdict));
            assert_eq!(seen.detail, error.message);
        }
    }

    #[test]
    fn what_fails_for_one_credential_is_told_of_it_and_what_fails_for_all_is_not() {
        let id = CredentialId::new("key-1");
        for error in [
            Error::invalid("of an older kind"),
            Error::not_found("not here"),
            Error::conflict(None, "changed just now"),
        ] {
            let seen = Finding::of_one(&id, &error).unwrap();
            let told = Finding::new("in use: key-1", Verdict::Missing, &error.message);
            assert_eq!(seen, told);
        }
        for error in [
            Error::denied("no"),
            Error::unavailable("away"),
            Error::unknown_outcome("lost"),
            Error::new(ErrorKind::Throttled { after: None }, "busy"),
        ] {
            assert_eq!(Finding::of_one(&id, &error), None);
        }
    }
}
