//! Between moments (epoch milliseconds) and what clocks on the wall show.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::{GapInfo, Tz};

/// A moment that never comes.
pub(crate) const NEVER: i64 = i64::MAX;

/// Years 1 to 9999, the span in which dates have four digits; moments outside are moved into it.
const FIRST_MS: i64 = -62_135_596_800_000;
const LAST_MS: i64 = 253_402_300_799_999;

/// What a clock on the wall shows at `at_ms`.
pub(crate) fn wall_clock(at_ms: i64, zone: Tz) -> NaiveDateTime {
    // The default is unreachable: chrono knows every moment of these years.
    let utc = DateTime::from_timestamp_millis(at_ms.clamp(FIRST_MS, LAST_MS)).unwrap_or_default();
    utc.with_timezone(&zone).naive_local()
}

/// The moment at which clocks show `shown`: the first of two in autumn, the first after the gap
/// in spring.
pub(crate) fn moment(shown: NaiveDateTime, zone: Tz) -> i64 {
    let found = zone.from_local_datetime(&shown).earliest();
    let after_gap = || GapInfo::new(&shown, &zone).and_then(|gap| gap.end);
    match found.or_else(after_gap) {
        Some(at) => at.timestamp_millis(),
        // Only before the first or after the last known change of the zone.
        None => shown.and_utc().timestamp_millis(),
    }
}

/// The first moment of a local date.
pub(crate) fn midnight(date: NaiveDate, zone: Tz) -> i64 {
    moment(date.and_time(NaiveTime::MIN), zone)
}

/// The first moment after a local date.
pub(crate) fn end_of(date: NaiveDate, zone: Tz) -> i64 {
    date.checked_add_signed(TimeDelta::days(1))
        .map_or(NEVER, |next| midnight(next, zone))
}

/// Reads `2026-12-01` and nothing else.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text && text.len() == 10).then_some(date)
}

/// `at_ms` for people who read at `now_ms`: `Mon 06:00 Europe/Berlin`, with the date from a week on.
pub(crate) fn words(at_ms: i64, now_ms: i64, zone: Tz) -> String {
    const NEAR_MS: i64 = 6 * 86_400_000;
    let near = (0..NEAR_MS).contains(&at_ms.saturating_sub(now_ms));
    let format = if near {
        "%a %H:%M"
    } else {
        "%a %Y-%m-%d %H:%M"
    };
    format!("{} {zone}", wall_clock(at_ms, zone).format(format))
}

#[cfg(test)]
mod tests {
    use super::{date, moment, wall_clock};
    use chrono_tz::Europe::Berlin;

    #[test]
    fn a_gap_ends_at_its_first_moment_and_a_doubled_hour_is_its_first() {
        let at = |text: &str| moment(text.parse().unwrap(), Berlin);
        assert_eq!(at("2026-03-29T02:30:00"), at("2026-03-29T03:00:00"));
        assert_eq!(
            at("2026-10-25T03:00:00") - at("2026-10-25T02:00:00"),
            7_200_000
        );
    }

    #[test]
    fn a_zone_that_skips_a_whole_day_goes_on_after_it() {
        let apia = chrono_tz::Pacific::Apia;
        let skipped = moment("2011-12-30T12:00:00".parse().unwrap(), apia);
        assert_eq!(wall_clock(skipped, apia).to_string(), "2011-12-31 00:00:00");
    }

    #[test]
    fn dates_have_four_two_and_two_digits() {
        assert!(date("2028-02-29").is_some());
        for wrong in [
            "2027-02-29",
            "2026-1-5",
            " 2026-01-05",
            "+2026-01-05",
            "01.02.2026",
            "",
        ] {
            assert!(date(wrong).is_none(), "{wrong}");
        }
    }
}
