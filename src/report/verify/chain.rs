//! The hashes: each row's own, its rotation's chain, the global chain.

use super::Finding;
use crate::journal::audit::{self, AuditRow};
use crate::journal::overview::AuditHead;
use std::collections::HashMap;

/// The state of the walk: the global chain's end, and the end of each open rotation's chain.
pub(super) struct Chain {
    seq: i64,
    hash: String,
    open: HashMap<String, Tail>,
    closed: Vec<Tail>,
    rotation_rows: i64,
}

/// The end of a rotation's chain as the rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) rotation: String,
    n: i64,
    leaf: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: "0".repeat(64),
            open: HashMap::new(),
            closed: Vec::new(),
            rotation_rows: 0,
        }
    }
}

impl Chain {
    /// A row with a place: the global chain, then its own hash and its rotation's chain.
    pub(super) fn placed(&mut self, row: &AuditRow) -> Vec<Finding> {
        let mut findings = Vec::new();
        let seq = row.seq.unwrap_or_default();
        if seq != self.seq + 1 {
            let what = format!(
                "a row is missing, was deleted or moved: {} comes after {}",
                seq, self.seq
            );
            findings.push(finding(row, "seq", what));
        }
        if row.prev_hash.as_deref() != Some(self.hash.as_str()) {
            let what = "it is not linked to the row before it: one of the two was changed, or rows were swapped";
            findings.push(finding(row, "prev_hash", what));
        }
        if row.expected_hash() != row.hash {
            let what = "its global hash does not fit its place and its content";
            findings.push(finding(row, "seq, leaf, prev_hash or hash", what));
        }
        self.seq = seq;
        self.hash = row.hash.clone().unwrap_or_default();
        findings.extend(self.leaf(row));
        findings
    }

    /// Any row: its own hash, and its place in its rotation.
    pub(super) fn leaf(&mut self, row: &AuditRow) -> Vec<Finding> {
        let mut findings = Vec::new();
        if row.expected_leaf() != row.leaf {
            findings.push(finding(row, changed_column(row), CHANGED));
        }
        if row.rotation_id.is_empty() {
            if row.n != 0 || !row.chain_prev.is_empty() {
                let what = "it belongs to no rotation and has a place in one";
                findings.push(finding(row, "n or chain_prev", what));
            }
            return findings;
        }
        self.rotation_rows += 1;
        let tail = self
            .open
            .entry(row.rotation_id.clone())
            .or_insert_with(|| Tail {
                rotation: row.rotation_id.clone(),
                n: 0,
                leaf: String::new(),
            });
        if row.n != tail.n + 1 {
            let what = format!(
                "row {} of the rotation comes after row {}: one is missing or moved",
                row.n, tail.n
            );
            findings.push(finding(row, "n", what));
        }
        if row.chain_prev != tail.leaf {
            let what = "it is not chained to the rotation's row before it";
            findings.push(finding(row, "chain_prev", what));
        }
        tail.n = row.n;
        tail.leaf.clone_from(&row.leaf);
        findings
    }

    /// The end of the order must be the head that the journal keeps.
    pub(super) fn head(&self, seq: i64, hash: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if (self.seq, self.hash.as_str()) != (seq, hash) {
            findings.push(Finding {
                seq: Some(self.seq),
                rotation: String::new(),
                column: "hash".to_owned(),
                what: format!(
                    "the newest row is {} and the journal's head says {seq}: rows at the end were cut off or changed",
                    self.seq
                ),
            });
        }
        findings
    }

    /// No more rows are expected of this rotation.
    pub(super) fn close(&mut self, rotation: &str) {
        self.closed.extend(self.open.remove(rotation));
    }

    /// No more rows are expected at all.
    pub(super) fn close_all(&mut self) {
        self.closed.extend(self.open.drain().map(|(_, tail)| tail));
    }

    /// Chains whose end is known.
    pub(super) fn take_closed(&mut self) -> Vec<Tail> {
        std::mem::take(&mut self.closed)
    }

    /// Rotations and rows that the rotation table counts.
    pub(super) fn totals(&self, rotations: i64, rows: i64, met: i64) -> Vec<Finding> {
        if (rotations, rows) == (met, self.rotation_rows) {
            return Vec::new();
        }
        vec![Finding {
            seq: None,
            rotation: String::new(),
            column: String::new(),
            what: format!(
                "the rotations' own rows count {rows} audit rows of {rotations} rotations, the table has {} of {met}: \
                 rows of a whole rotation were deleted or added",
                self.rotation_rows
            ),
        }]
    }
}

impl Tail {
    /// Compares with what the rotation's own row says.
    pub(super) fn compare(&self, head: Option<&AuditHead>) -> Option<Finding> {
        let what = match head {
            None => "its rotation is not in the journal".to_owned(),
            Some(head) if (head.n, &head.leaf) != (self.n, &self.leaf) => format!(
                "the audit ends at row {} of the rotation, and the rotation's own row says {}: \
                 the end was cut off or changed",
                self.n, head.n
            ),
            Some(_) => return None,
        };
        Some(Finding {
            seq: None,
            rotation: self.rotation.clone(),
            column: String::new(),
            what,
        })
    }
}

const CHANGED: &str = "it was changed after it was written: its content no longer has its hash";

/// Where the global hash still fits the content, only the row's own hash was changed.
fn changed_column(row: &AuditRow) -> &'static str {
    let fits = |leaf: &str| {
        let (Some(prev), Some(seq)) = (row.prev_hash.as_deref(), row.seq) else {
            return false;
        };
        row.hash.as_deref() == Some(audit::link(prev, seq, leaf).as_str())
    };
    match fits(&row.expected_leaf()) {
        true => "leaf",
        false => {
            "id, at_ms, secret_id, rotation_id, n, actor, action, phase, outcome, credential, destination, \
             evidence, detail or chain_prev"
        }
    }
}

fn finding(row: &AuditRow, column: &str, what: impl Into<String>) -> Finding {
    Finding {
        seq: row.seq,
        rotation: row.rotation_id.clone(),
        column: column.to_owned(),
        what: what.into(),
    }
}
