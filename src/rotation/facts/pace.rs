//! How long calls and waits last.

/// How long calls and waits last; the same for all rotations of a process. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A call to the outside ends after this.
    pub call_ms: i64,
    /// A call that was sent can still land this long after its deadline.
    pub grace_ms: i64,
    /// A lease lasts this long without a renewal; longer than a call and its margin.
    pub lease_ms: i64,
    /// Shortest time between two questions to the same consumer.
    pub poll_min_ms: i64,
    /// Longest time between two questions to the same consumer.
    pub poll_max_ms: i64,
    /// First back-off after a failure; doubles.
    pub backoff_ms: i64,
    /// Longest back-off.
    pub backoff_max_ms: i64,
    /// After this many failures in a row a person is asked.
    pub attempts: i64,
    /// Evidence for a gate is at most this old.
    pub fresh_ms: i64,
    /// An issuer's clock and ours differ by no more than this.
    pub clocks_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            call_ms: 10_000,
            grace_ms: 15_000,
            lease_ms: 30_000,
            poll_min_ms: 500,
            poll_max_ms: 60_000,
            backoff_ms: 1_000,
            backoff_max_ms: 300_000,
            attempts: 8,
            fresh_ms: 600_000,
            clocks_ms: 300_000,
        }
    }
}

impl Pace {
    /// For tests of the real binary: leases, calls and grace of this many milliseconds, everything else in
    /// proportion.
    pub fn short(lease_ms: i64) -> Self {
        Self {
            call_ms: lease_ms / 2,
            grace_ms: lease_ms / 2,
            lease_ms,
            poll_min_ms: 20,
            poll_max_ms: 200,
            backoff_ms: 20,
            backoff_max_ms: 200,
            clocks_ms: lease_ms,
            ..Self::default()
        }
    }
}

/// The wait before try `failures + 1`: doubling, capped, spread by up to a quarter.
pub fn backoff_ms(pace: &Pace, failures: i64, salt: &str) -> i64 {
    let doublings = u32::try_from(failures.clamp(1, 30) - 1).unwrap_or(0);
    let wait = pace
        .backoff_ms
        .saturating_mul(1_i64 << doublings)
        .min(pace.backoff_max_ms);
    let hash = salt.bytes().fold(failures.unsigned_abs(), |hash, byte| {
        hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let spread = i64::try_from(hash % 256).unwrap_or(0);
    wait - wait / 4 * spread / 256
}
