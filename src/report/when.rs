//! Moments and durations in words. Everything is UTC, on screens and in JSON alike.

use chrono::{DateTime, SecondsFormat, Utc};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// RFC 3339 in UTC, to the millisecond; empty for a moment that no calendar has.
pub fn rfc3339(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms).map_or_else(String::new, |at| {
        at.to_rfc3339_opts(SecondsFormat::Millis, true)
    })
}

/// The same to the minute, for people: `2026-03-01 02:11`.
pub fn minute(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms).map_or_else(
        || "?".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M").to_string(),
    )
}

/// The time of day where the moment is less than a day from now, else the date as well.
pub fn clock(ms: i64, now_ms: i64) -> String {
    let whole = minute(ms);
    match ms.abs_diff(now_ms) < DAY.unsigned_abs() {
        true => whole.rsplit(' ').next().unwrap_or(&whole).to_owned(),
        false => whole,
    }
}

/// A duration in its largest unit: `41s`, `12m`, `26h`, `31d`. Two days are counted in days.
pub fn span(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < MINUTE => format!("{}s", ms / 1_000),
        ms if ms < 2 * HOUR => format!("{}m", ms / MINUTE),
        ms if ms < 2 * DAY => format!("{}h", ms / HOUR),
        ms => format!("{}d", ms / DAY),
    }
}

/// Seconds from the report of a leak to its refusal, rounded up: what was exposed at all was exposed for a second.
pub fn exposure_seconds(reported_ms: i64, until_ms: i64) -> i64 {
    let ms = until_ms.saturating_sub(reported_ms).max(0);
    ms / 1_000 + i64::from(ms % 1_000 != 0)
}

/// How long ago: `31d`, or `?`.
pub fn ago(at_ms: Option<i64>, now_ms: i64) -> String {
    at_ms.map_or_else(|| "?".to_owned(), |at| span(now_ms - at))
}

/// When it is due: `in 4d`, `now`, `8d late`, or `-` where nothing says when.
pub fn due(at_ms: Option<i64>, now_ms: i64) -> String {
    match at_ms.map(|at| at - now_ms) {
        None => "-".to_owned(),
        Some(left) if left.abs() < MINUTE => "now".to_owned(),
        Some(left) if left < 0 => format!("{} late", span(-left)),
        Some(left) => format!("in {}", span(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::{ago, clock, due, exposure_seconds, minute, rfc3339};

    const NOW: i64 = 1_772_330_000_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(rfc3339(NOW), "2026-03-01T01:53:20.000Z");
        assert_eq!(minute(NOW), "2026-03-01 01:53");
        assert_eq!(clock(NOW - 60_000, NOW), "01:52");
        assert_eq!(clock(NOW - 3 * DAY, NOW), "2026-02-26 01:53");
        assert_eq!(minute(i64::MAX), "?");
    }

    #[test]
    fn relative_times() {
        assert_eq!(ago(Some(NOW - 31 * DAY), NOW), "31d");
        assert_eq!(ago(Some(NOW - 41_000), NOW), "41s");
        assert_eq!(ago(Some(NOW - 26 * 3_600_000), NOW), "26h");
        assert_eq!(ago(None, NOW), "?");
        assert_eq!(due(Some(NOW + 4 * DAY), NOW), "in 4d");
        assert_eq!(due(Some(NOW - 8 * DAY), NOW), "8d late");
        assert_eq!(due(Some(NOW - 1), NOW), "now");
        assert_eq!(due(None, NOW), "-");
    }

    #[test]
    fn exposure_is_rounded_up() {
        let seconds = [(5, 5), (5, 6), (0, 1_000), (0, 1_001), (9, 5)]
            .map(|(from, to)| exposure_seconds(from, to));
        assert_eq!(seconds, [0, 1, 1, 2, 0]);
    }
}
