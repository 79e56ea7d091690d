//! Where time comes from. Everything else takes it as an argument.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of wall-clock time.
pub trait Clock: Send + Sync {
    /// Now, in epoch milliseconds.
    fn now_ms(&self) -> i64;

    /// Whether this clock replaces the database's own, as a test's does.
    fn is_authority(&self) -> bool {
        false
    }
}

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that moves only when told to: for tests and for rehearsals of a schedule.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at this moment, epoch milliseconds.
    pub fn starting_at(ms: i64) -> Self {
        Self(AtomicI64::new(ms))
    }

    /// Moves forward, or back where negative.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Moves forward to this moment, never back.
    pub fn advance_to(&self, ms: i64) {
        self.0.fetch_max(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn is_authority(&self) -> bool {
        true
    }
}
