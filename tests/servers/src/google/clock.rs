//! Time as the interface writes it, and what happens by itself when it passes.

use super::World;
use super::records::State;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl World {
    /// Seconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        (real + self.passed).as_secs()
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.passed += by;
        let now = self.now();
        let versions = self.secrets.values_mut().flat_map(|s| &mut s.versions);
        for version in versions.filter(|version| version.scheduled.is_some_and(|at| at <= now)) {
            version.state = State::Destroyed;
            version.destroyed = version.scheduled.take();
            version.data.clear();
        }
    }
}

/// RFC 3339 in UTC.
pub(crate) fn written(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar, counted in eras of 400 years from March of the year 0.
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3_600,
        rest % 3_600 / 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(written(0), "1970-01-01T00:00:00Z");
        assert_eq!(written(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(written(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
