//! When something happened, by two clocks (pure, but for one look at them).

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    /// Since the epoch, microseconds.
    real_us: i64,
    /// Since the boot without the times the machine slept, microseconds. Setting the time does not touch it.
    monotonic_us: i64,
}

impl Clocks {
    /// As they stand now.
    pub(crate) fn now() -> Self {
        Self {
            real_us: micros(clock_gettime(ClockId::Realtime)),
            monotonic_us: micros(clock_gettime(ClockId::Monotonic)),
        }
    }
}

/// When something happened, as systemd keeps it: by both clocks, microseconds, 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) real_us: u64,
    pub(crate) monotonic_us: u64,
}

impl Stamp {
    /// When it was, epoch milliseconds, rounded down; `None` for never.
    ///
    /// The clock may have been wrong then and set since. So its age counts too, and the earlier of both: something
    /// that happened before a publication never seems to have happened after it.
    pub(crate) fn at_ms(self, now: Clocks) -> Option<i64> {
        let noted = i64::try_from(self.real_us).ok().filter(|at| *at > 0)?;
        let by_age = self.age_us(now).map(|age| now.real_us - age);
        Some(by_age.map_or(noted, |at| at.min(noted)) / 1000)
    }

    /// How long ago it was, milliseconds without the times the machine slept; `None` for never.
    pub(crate) fn age_ms(self, now: Clocks) -> Option<i64> {
        self.age_us(now).map(|age| age / 1000)
    }

    fn age_us(self, now: Clocks) -> Option<i64> {
        let noted = i64::try_from(self.monotonic_us).ok();
        noted.filter(|at| *at > 0).map(|at| now.monotonic_us - at)
    }
}

fn micros(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

#[cfg(test)]
mod tests {
    use super::{Clocks, Stamp};

    const NOW: Clocks = Clocks {
        real_us: 1_000_000_000,
        monotonic_us: 90_000_000,
    };

    fn at(real_us: u64, monotonic_us: u64) -> Option<i64> {
        let stamp = Stamp {
            real_us,
            monotonic_us,
        };
        stamp.at_ms(NOW)
    }

    #[test]
    fn the_earlier_of_both_clocks_counts() {
        // Ten seconds ago by both.
        assert_eq!(at(990_000_999, 80_000_999), Some(990_000));
        // The clock ran an hour ahead, and was set right since.
        assert_eq!(at(4_590_000_000, 80_000_000), Some(990_000));
        // The machine slept since: its age is too small.
        assert_eq!(at(400_000_000, 80_000_000), Some(400_000));
        assert_eq!(at(990_000_000, 0), Some(990_000));
        assert_eq!(at(0, 0), None);
    }

    #[test]
    fn an_age_is_not_touched_by_setting_the_clock() {
        let stamp = Stamp {
            real_us: 5,
            monotonic_us: 80_000_000,
        };
        assert_eq!(stamp.age_ms(NOW), Some(10_000));
    }

    #[test]
    fn the_clocks_run() {
        let (earlier, later) = (Clocks::now(), Clocks::now());
        assert!(earlier.real_us > 1_600_000_000_000_000);
        assert!(later.monotonic_us >= earlier.monotonic_us && earlier.monotonic_us > 0);
    }
}
