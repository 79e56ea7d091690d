//! What `keywheel check --online` and `keywheel inventory discover` learn from a store without changing anything.

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
    /// What: `reachable`, `identity`, `permission …`, `native rotation`, `headroom`, `clock`. Of one place: its path
    /// comes after a colon.
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
