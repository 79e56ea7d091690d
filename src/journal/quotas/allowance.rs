//! How many calls one quota allows now: a bucket that fills at an even pace. Pure: time comes in as a number.

use keywheel_contract::Quota;
use std::time::Duration;

/// After this long without a complaint the pace rises by a tenth of the limit, which is also the slowest pace.
const RISES_EVERY_MS: i64 = 10_000;
/// Complaints that come together halve the pace once.
const ONE_COMPLAINT_MS: i64 = 1_000;
/// Calls are counted in millionths, so that a slow pace fills the bucket too.
const MILLION: i64 = 1_000_000;

/// What is left of a quota, for all replicas together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Calls a minute at the pace of now.
    pub per_minute: i64,
    /// Calls that may be made, in millionths.
    pub calls_u: i64,
    /// As of when, epoch milliseconds; later than now where everybody waits until then.
    pub as_of_ms: i64,
    /// When the pace last changed, epoch milliseconds.
    pub paced_ms: i64,
}

/// What came of asking for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// This many may be made now.
    Calls(u32),
    /// None yet; ask again after this long.
    Later(Duration),
}

impl Allowance {
    /// Of a quota that nobody used yet.
    pub fn rested(quota: &Quota, now_ms: i64) -> Self {
        Self {
            per_minute: i64::from(quota.per_minute.max(1)),
            calls_u: i64::from(quota.burst) * MILLION,
            as_of_ms: now_ms,
            paced_ms: now_ms,
        }
    }

    /// Takes at least `needed` and at most `wanted` calls, or none.
    pub fn reserve(&mut self, quota: &Quota, needed: u32, wanted: u32, now_ms: i64) -> Reserved {
        self.rise(quota, now_ms);
        self.fill(i64::from(quota.burst.max(needed)), now_ms);
        let short_u = i64::from(needed) * MILLION - self.calls_u;
        if short_u > 0 {
            let filled_ms =
                (short_u * 60 + self.per_minute * 1_000 - 1) / (self.per_minute * 1_000);
            let wait_ms = self.as_of_ms + filled_ms - now_ms;
            return Reserved::Later(Duration::from_millis(wait_ms.unsigned_abs()));
        }
        let calls = (self.calls_u / MILLION).min(i64::from(wanted));
        self.calls_u -= calls * MILLION;
        Reserved::Calls(u32::try_from(calls).unwrap_or(0))
    }

    /// The system complained: half the pace, and nothing before `after` is over.
    pub fn slow(&mut self, quota: &Quota, after: Option<Duration>, now_ms: i64) {
        let full = self.per_minute >= i64::from(quota.per_minute);
        if full || now_ms >= self.paced_ms + ONE_COMPLAINT_MS {
            self.per_minute = (self.per_minute / 2).max(tenth(quota));
            self.paced_ms = now_ms;
        }
        let pause = after.map_or(0, |after| i64::try_from(after.as_millis()).unwrap_or(0));
        self.calls_u = 0;
        self.as_of_ms = self.as_of_ms.max(now_ms + pause);
    }

    fn fill(&mut self, most: i64, now_ms: i64) {
        let since_ms = (now_ms - self.as_of_ms).clamp(0, 3_600_000);
        let filled = self.calls_u + since_ms * self.per_minute * 1_000 / 60;
        self.calls_u = filled.min(most * MILLION);
        self.as_of_ms = self.as_of_ms.max(now_ms);
    }

    /// A pace that was halved comes back, never above the limit; a limit that was lowered holds at once.
    fn rise(&mut self, quota: &Quota, now_ms: i64) {
        let limit = i64::from(quota.per_minute.max(1));
        let steps = ((now_ms - self.paced_ms) / RISES_EVERY_MS).clamp(0, 20);
        let risen = self.per_minute + steps * tenth(quota);
        self.per_minute = risen.min(limit);
        if steps > 0 {
            self.paced_ms = now_ms;
        }
    }
}

fn tenth(quota: &Quota) -> i64 {
    (i64::from(quota.per_minute) / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Reserved};
    use keywheel_contract::Quota;
    use std::time::Duration;

    fn quota() -> Quota {
        Quota {
            name: "example".to_owned(),
            per_minute: 60,
            burst: 5,
        }
    }

    #[test]
    fn a_burst_then_an_even_pace() {
        let mut left = Allowance::rested(&quota(), 0);
        assert_eq!(left.reserve(&quota(), 1, 9, 0), Reserved::Calls(5));
        let wait = Reserved::Later(Duration::from_secs(1));
        assert_eq!(left.reserve(&quota(), 1, 9, 0), wait);
        assert_eq!(left.reserve(&quota(), 1, 9, 2_000), Reserved::Calls(2));
    }

    #[test]
    fn over_a_long_time_the_limit_holds() {
        let mut left = Allowance::rested(&quota(), 0);
        let mut made = 0;
        for now_ms in (0..600_000).step_by(70) {
            if let Reserved::Calls(calls) = left.reserve(&quota(), 1, 3, now_ms) {
                made += calls;
            }
        }
        assert!((600..=605).contains(&made), "{made}");
    }

    #[test]
    fn more_than_a_burst_is_granted_after_a_rest() {
        let mut left = Allowance::rested(&quota(), 0);
        let wait = Reserved::Later(Duration::from_secs(3));
        assert_eq!(left.reserve(&quota(), 8, 8, 0), wait);
        assert_eq!(left.reserve(&quota(), 8, 8, 3_000), Reserved::Calls(8));
    }

    #[test]
    fn a_complaint_halves_the_pace_once_and_is_waited_out() {
        let mut left = Allowance::rested(&quota(), 0);
        for now_ms in [5_000, 5_001, 5_500] {
            left.slow(&quota(), Some(Duration::from_secs(30)), now_ms);
        }
        assert_eq!(left.per_minute, 30);
        let Reserved::Later(wait) = left.reserve(&quota(), 1, 1, 6_000) else {
            panic!("a call was allowed");
        };
        assert!(wait >= Duration::from_secs(29), "{wait:?}");
        assert_eq!(
            left.reserve(&quota(), 1, 1, 6_000 + 32_000),
            Reserved::Calls(1)
        );
    }

    #[test]
    fn the_pace_comes_back_little_by_little_and_not_beyond() {
        let mut left = Allowance::rested(&quota(), 0);
        left.slow(&quota(), None, 5_000);
        let at = |left: &mut Allowance, now_ms| {
            left.reserve(&quota(), 1, 1, now_ms);
            left.per_minute
        };
        assert_eq!(at(&mut left, 14_000), 30);
        assert_eq!(at(&mut left, 25_000), 42);
        assert_eq!(at(&mut left, 900_000), 60);
        let lowered = Quota {
            per_minute: 12,
            ..quota()
        };
        left.reserve(&lowered, 1, 1, 901_000);
        assert_eq!(left.per_minute, 12);
    }
}
