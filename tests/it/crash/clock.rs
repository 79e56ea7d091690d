//! A clock that moves by itself by one millisecond at each reading, and otherwise only when told to.

use keywheel::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) struct TickingClock(AtomicI64);

impl TickingClock {
    pub(crate) fn starting_at(ms: i64) -> Self {
        Self(AtomicI64::new(ms))
    }

    /// Moves forward to this moment, never back.
    pub(crate) fn advance_to(&self, ms: i64) {
        self.0.fetch_max(ms, Ordering::SeqCst);
    }
}

impl Clock for TickingClock {
    fn now_ms(&self) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn is_authority(&self) -> bool {
        true
    }
}
