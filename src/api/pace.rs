//! How many requests are let in: so many a second, and a few more after a silence.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A limit on requests, for all callers together.
pub(super) struct Pace {
    /// The time that each request takes up.
    each: Duration,
    /// How far ahead of the clock may be spent.
    ahead: Duration,
    /// Up to when time is spent.
    spent: Mutex<Instant>,
}

impl Pace {
    /// So many a second, and `burst` at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        Self {
            each,
            ahead: each * burst,
            spent: Mutex::new(Instant::now()),
        }
    }

    /// Whether one more is let in now; if so, it counts.
    pub(super) fn allows(&self) -> bool {
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*spent).max(now) + self.each;
        let allowed = next <= now + self.ahead;
        if allowed {
            *spent = next;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn a_burst_is_let_in_and_then_so_many_a_second() {
        let pace = Pace::new(10, 5);
        let start = Instant::now() + Duration::from_secs(1);
        let let_in = |at: Instant| (0..100).filter(|_| pace.allows_at(at)).count();
        assert_eq!(let_in(start), 5);
        assert_eq!(let_in(start + Duration::from_millis(99)), 0);
        assert_eq!(let_in(start + Duration::from_millis(200)), 2);
        assert_eq!(let_in(start + Duration::from_secs(60)), 5);
    }
}
