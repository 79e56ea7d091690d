//! Rows of the audit table as JSON says them. Keys are added, never renamed.

use super::when::rfc3339;
use crate::journal::audit::AuditRow;
use serde::Serialize;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryItem {
    /// Its place in the global order.
    pub seq: Option<i64>,
    /// When.
    pub at: String,
    /// The rotation, or empty.
    pub rotation: String,
    /// The secret, or empty.
    pub id: String,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// In which phase.
    pub phase: String,
    /// How it went.
    pub outcome: String,
    /// Our id of the credential.
    pub credential: String,
    /// The destination or consumer.
    pub destination: String,
    /// Which evidence.
    pub evidence: String,
    /// A sentence.
    pub detail: String,
    /// Its global hash.
    pub hash: Option<String>,
    /// The one before it.
    pub prev_hash: Option<String>,
}

impl From<AuditRow> for EntryItem {
    fn from(row: AuditRow) -> Self {
        let entry = row.entry;
        Self {
            seq: row.seq,
            at: rfc3339(row.at_ms),
            rotation: row.rotation_id,
            id: row.secret_id,
            actor: entry.actor,
            action: entry.action,
            phase: entry.phase,
            outcome: entry.outcome,
            credential: entry.credential,
            destination: entry.destination,
            evidence: entry.evidence,
            detail: entry.detail,
            hash: row.hash,
            prev_hash: row.prev_hash,
        }
    }
}
