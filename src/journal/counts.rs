//! How much the journal has done since it was opened: what metrics and benchmarks divide by.

use std::sync::atomic::{AtomicU64, Ordering};

/// Running totals of one open journal.
#[derive(Debug, Default)]
pub(super) struct Totals {
    writes: AtomicU64,
    commits: AtomicU64,
    trips: AtomicU64,
}

/// What the totals were at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of [`Journal::write`](super::Journal::write) that were run.
    pub writes: u64,
    /// Commits that made them durable; on SQLite several writes share one.
    pub commits: u64,
    /// Messages that writes and reads sent to the database, without those that begin and end transactions. One
    /// may carry several statements.
    pub trips: u64,
}

impl Totals {
    /// One commit of this many writes.
    pub(super) fn committed(&self, writes: u64) {
        self.writes.fetch_add(writes, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages of a transaction that ended.
    pub(super) fn ran(&self, trips: u64) {
        self.trips.fetch_add(trips, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Counts {
        Counts {
            writes: self.writes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            trips: self.trips.load(Ordering::Relaxed),
        }
    }
}
