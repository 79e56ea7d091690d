//! The times of a cron expression, as moments.
//!
//! Times are worked out on the wall clock and then turned into moments, so that one in the spring
//! gap fires at the first moment after it and one in the doubled autumn hour fires once.

use crate::cron_text;
use crate::zone;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cron::{Schedule, TimeUnitSpec};
use std::str::FromStr;

/// A cron expression in a zone.
pub(crate) struct Slots {
    schedules: Vec<Schedule>,
    zone: Tz,
}

/// A moment at which to fire, and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) at_ms: i64,
    pub(crate) before_ms: i64,
}

impl Slots {
    /// Reads a five-field expression; the error says what is wrong with it.
    pub(crate) fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        let parsed = |text: &String| Schedule::from_str(text).map_err(|error| error.to_string());
        let schedules: Result<Vec<_>, _> =
            cron_text::translated(text)?.iter().map(parsed).collect();
        let schedules = schedules
            .map_err(|why| format!("`{text}` is not a cron expression: {}", why.trim()))?;
        Ok(Self { schedules, zone })
    }

    /// Every slot after `at_ms`, to the year 2100, where the `cron` crate ends.
    pub(crate) fn after(&self, at_ms: i64) -> impl Iterator<Item = Slot> {
        let shown = zone::wall_clock(at_ms, self.zone);
        // The doubled hour is shown again after its slots have fired: those are not after `at_ms`.
        let mut later = self.walk(shown).filter(move |slot| *slot > at_ms);
        let mut before_ms = self.last_until(at_ms);
        std::iter::from_fn(move || {
            // Several times in the spring gap are one moment.
            let at_ms = later.find(|slot| before_ms.is_none_or(|before| *slot > before))?;
            // Before the first slot of all, in 1970, there is none.
            let before_ms = before_ms.replace(at_ms).unwrap_or(at_ms);
            Some(Slot { at_ms, before_ms })
        })
    }

    /// Whether a time of this expression passes `open`, asked with minutes after Monday 00:00.
    ///
    /// Any day of any month falls on any weekday in some year, so this is exact.
    pub(crate) fn any_minute(&self, open: impl Fn(u32) -> bool) -> bool {
        let mut minutes = self.schedules.iter().flat_map(|schedule| {
            schedule
                .days_of_week()
                .iter()
                .flat_map(move |sunday_first| {
                    let day = (sunday_first + 5) % 7 * 24;
                    let hours = schedule.hours().iter().map(move |hour| (day + hour) * 60);
                    hours
                        .flat_map(|hour| schedule.minutes().iter().map(move |minute| hour + minute))
                })
        });
        minutes.any(open)
    }

    /// Moments whose wall clock is after `shown`, ascending; equal ones may follow each other.
    fn walk(&self, shown: NaiveDateTime) -> impl Iterator<Item = i64> {
        let mut next: Vec<_> = self
            .schedules
            .iter()
            .map(|each| each.after(&shown.and_utc()).peekable())
            .collect();
        let zone = self.zone;
        std::iter::from_fn(move || {
            let first: DateTime<Utc> = next
                .iter_mut()
                .filter_map(|times| times.peek().copied())
                .min()?;
            for times in &mut next {
                times.next_if_eq(&first);
            }
            Some(zone::moment(first.naive_utc(), zone))
        })
    }

    /// The last slot at or before `at_ms`.
    fn last_until(&self, at_ms: i64) -> Option<i64> {
        // In the second of two doubled hours, times that are shown later have already fired.
        let shown = zone::wall_clock(at_ms, self.zone).and_utc() + TimeDelta::hours(2);
        let last = |schedule: &Schedule| {
            let back = schedule.after(&shown).rev();
            back.map(|time| zone::moment(time.naive_utc(), self.zone))
                .find(|slot| *slot <= at_ms)
        };
        self.schedules.iter().filter_map(last).max()
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use crate::zone;
    use chrono_tz::Europe::Berlin;

    /// The first slots after a local time, as the wall clock shows them.
    fn slots(cron: &str, after: &str, count: usize) -> Vec<String> {
        let after = zone::moment(after.parse().unwrap(), Berlin);
        let slots = Slots::parse(cron, Berlin).unwrap();
        let shown = slots
            .after(after)
            .take(count)
            .map(|slot| zone::wall_clock(slot.at_ms, Berlin));
        shown
            .map(|time| time.format("%a %m-%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_slot_in_the_spring_gap_fires_once_right_after_it() {
        let found = slots("*/30 2,3 * * *", "2026-03-29T01:59:00", 3);
        assert_eq!(
            found,
            ["Sun 03-29 03:00", "Sun 03-29 03:30", "Mon 03-30 02:00"]
        );
    }

    #[test]
    fn a_slot_in_the_doubled_autumn_hour_fires_once() {
        let found = slots("30 2 * * *", "2026-10-24T12:00:00", 2);
        assert_eq!(found, ["Sun 10-25 02:30", "Mon 10-26 02:30"]);
        let first = zone::moment("2026-10-25T02:30:00".parse().unwrap(), Berlin);
        let second_hour = Slots::parse("30 2 * * *", Berlin).unwrap();
        let slot = second_hour.after(first + 50 * 60_000).next().unwrap();
        assert_eq!(slot.before_ms, first);
        assert_eq!(slot.at_ms - first, 25 * 3_600_000);
    }

    #[test]
    fn leap_days_month_ends_and_either_of_two_days_are_met() {
        assert_eq!(
            slots("0 3 29 2 *", "2026-01-01T00:00:00", 1),
            ["Tue 02-29 03:00"]
        );
        assert_eq!(
            slots("0 3 31 * *", "2026-03-31T03:00:00", 2),
            ["Sun 05-31 03:00", "Fri 07-31 03:00"]
        );
        let either = slots("0 3 1 * MON", "2026-11-24T00:00:00", 3);
        assert_eq!(
            either,
            ["Mon 11-30 03:00", "Tue 12-01 03:00", "Mon 12-07 03:00"]
        );
    }
}
