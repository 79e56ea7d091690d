//! Is the audit table whole, and does it say that no rule was broken?
//!
//! `chain` recomputes every hash; `meaning` reads what the rows say. Both take one row at a time and hold
//! only open rotations. What no chain inside the journal can show: that the newest rows were cut off together
//! with the head, or that all of it was written anew by someone who may write every table. Only a copy or a
//! checkpoint kept elsewhere shows that.

mod chain;
mod meaning;
mod resting;

use crate::journal::audit::{self, AuditRow, Filter};
use crate::journal::{Result, Tx, overview};
use chain::Chain;
use meaning::Meaning;
use serde::Serialize;

/// Rows read at a time.
const PAGE: i64 = 1_000;
/// Findings kept; all are counted.
const KEPT: usize = 50;

/// What a chain inside the journal cannot show.
pub const CANNOT_SHOW: &str = "a chain alone cannot show that the newest rows were cut off together with their head, \
     or that every table was written anew; compare the head with one that was kept elsewhere";

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The row's place, where it has one.
    pub seq: Option<i64>,
    /// The rotation, or empty.
    pub rotation: String,
    /// The column or columns that do not fit, or empty.
    pub column: String,
    /// What it means, for people.
    pub what: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Rows with a place in the order.
    pub rows: i64,
    /// Rows that wait for one; chained to their rotations only.
    pub pending: i64,
    /// Rotations met.
    pub rotations: i64,
    /// The newest place.
    pub head_seq: i64,
    /// Its hash: what to keep elsewhere.
    pub head_hash: String,
    /// Everything that is wrong, counted.
    pub broken: usize,
    /// The first of it.
    pub findings: Vec<Finding>,
}

impl Verdict {
    fn found(&mut self, findings: Vec<Finding>) {
        self.broken += findings.len();
        let room = KEPT.saturating_sub(self.findings.len());
        self.findings.extend(findings.into_iter().take(room));
    }
}

/// Reads the whole table on one snapshot, page by page.
///
/// # Errors
/// The journal cannot be read, or holds a row that cannot be one of ours.
pub async fn verify(tx: &mut Tx) -> Result<Verdict> {
    let (head_seq, head_hash) = audit::newest(tx).await?;
    let mut reading = Reading {
        verdict: Verdict {
            head_seq,
            head_hash,
            ..Verdict::default()
        },
        ..Reading::default()
    };
    reading.placed(tx).await?;
    reading.waiting(tx).await?;
    reading.end(tx).await?;
    Ok(reading.verdict)
}

#[derive(Default)]
struct Reading {
    verdict: Verdict,
    chain: Chain,
    meaning: Meaning,
}

impl Reading {
    async fn placed(&mut self, tx: &mut Tx) -> Result<()> {
        let mut filter = Filter {
            after_seq: i64::MIN,
            limit: PAGE,
            ..Filter::default()
        };
        loop {
            let page = audit::list(tx, &filter).await?;
            let Some(last) = page.last().and_then(|row| row.seq) else {
                break;
            };
            filter.after_seq = last;
            self.verdict.rows += page.len() as i64;
            for row in &page {
                let findings = self.chain.placed(row);
                self.verdict.found(findings);
                self.read(row);
            }
            self.close(tx).await?;
        }
        let (seq, hash) = (self.verdict.head_seq, self.verdict.head_hash.clone());
        let findings = self.chain.head(seq, &hash);
        self.verdict.found(findings);
        Ok(())
    }

    async fn waiting(&mut self, tx: &mut Tx) -> Result<()> {
        let mut after = (String::new(), i64::MIN, String::new());
        loop {
            let page = audit::pending_page(tx, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.rotation_id.clone(), last.n, last.id.clone());
            self.verdict.pending += page.len() as i64;
            for row in &page {
                let findings = self.chain.leaf(row);
                self.verdict.found(findings);
                self.read(row);
            }
            self.close(tx).await?;
        }
        Ok(())
    }

    fn read(&mut self, row: &AuditRow) {
        let findings = self.meaning.read(row);
        self.verdict.found(findings);
        if self.meaning.ends(row) {
            self.chain.close(&row.rotation_id);
        }
    }

    /// Rotations that ended on this page: their own rows must agree on how many rows they have.
    async fn close(&mut self, tx: &mut Tx) -> Result<()> {
        let closed = self.chain.take_closed();
        self.verdict.rotations += closed.len() as i64;
        let ids: Vec<String> = closed.iter().map(|tail| tail.rotation.clone()).collect();
        for (ids, closed) in ids.chunks(500).zip(closed.chunks(500)) {
            let heads = overview::audit_heads(tx, ids).await?;
            let findings = closed
                .iter()
                .filter_map(|tail| tail.compare(heads.get(&tail.rotation)));
            self.verdict.found(findings.collect());
        }
        Ok(())
    }

    async fn end(&mut self, tx: &mut Tx) -> Result<()> {
        self.chain.close_all();
        let unended = overview::unended(tx).await?;
        self.close(tx).await?;
        let findings = self.meaning.end(&unended);
        self.verdict.found(findings);
        let (rotations, rows) = overview::audit_totals(tx).await?;
        let findings = self.chain.totals(rotations, rows, self.verdict.rotations);
        self.verdict.found(findings);
        Ok(())
    }
}
