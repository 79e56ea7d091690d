//! Hours of the week in which something may happen: `Mon-Thu 06:00-16:00`, `Fri 22:00-02:00`.

use crate::zone::{self, NEVER};
use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use std::ops::Range;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// A set of weekly windows; an empty set is always open.
///
/// A window is one stretch of time from the moment its start is shown to the moment its end is
/// shown. Of an hour that is shown twice in autumn the first counts; a window that lies wholly in
/// the hour skipped in spring does not open on that day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    /// Minutes after Monday 00:00, sorted, apart from each other; the last may run into the next
    /// week. Empty: always.
    hours: Vec<Range<u32>>,
}

/// A text that is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a window: {why}; write it like \"Mon-Thu 06:00-16:00\" or \"06:00-08:00\""
)]
pub struct InvalidWindow {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Windows {
    /// Reads windows, each as `[days ]HH:MM-HH:MM`: days are names, ranges and lists of them
    /// (`Mon,Wed-Fri`; without days, every day), an end at or before its start is on the next day,
    /// and `24:00` is an end.
    ///
    /// # Errors
    /// The first text that is not a window.
    pub fn parse(texts: &[String]) -> Result<Self, InvalidWindow> {
        let mut hours = Vec::new();
        for text in texts {
            let read = read_window(text);
            hours.extend(read.map_err(|why| InvalidWindow {
                text: text.clone(),
                why,
            })?);
        }
        Ok(Self {
            hours: merged(hours),
        })
    }

    /// Whether a window is open at `at_ms`.
    pub fn contains(&self, at_ms: i64, zone: Tz) -> bool {
        self.next_open(at_ms, zone) == at_ms
    }

    /// The first open moment from `at_ms` on: the same moment if a window is open.
    pub fn next_open(&self, at_ms: i64, zone: Tz) -> i64 {
        self.opening(at_ms, zone).start
    }

    /// The first open stretch from `at_ms` on, cut at `at_ms`; without end where always open.
    pub(crate) fn opening(&self, at_ms: i64, zone: Tz) -> Range<i64> {
        if self.hours.is_empty() {
            return at_ms..NEVER;
        }
        let today = zone::wall_clock(at_ms, zone).date();
        let monday = today - TimeDelta::days(i64::from(today.weekday().num_days_from_monday()));
        // The week before, for windows that run into this one; two more, for windows that daylight
        // saving takes away once.
        (-1..=2)
            .map(|weeks| monday + TimeDelta::weeks(weeks))
            .flat_map(|monday| {
                self.hours
                    .iter()
                    .map(move |hours| stretch(monday, hours, zone))
            })
            .find(|open| open.start < open.end && open.end > at_ms)
            .map_or(NEVER..NEVER, |open| open.start.max(at_ms)..open.end)
    }

    /// Whether this minute after Monday 00:00 is open in a week without daylight saving changes.
    pub(crate) fn opens_at(&self, minute: u32) -> bool {
        let inside =
            |hours: &Range<u32>| hours.contains(&minute) || hours.contains(&(minute + WEEK));
        self.hours.is_empty() || self.hours.iter().any(inside)
    }

    /// Minutes of the shortest window; `None` where always open.
    pub(crate) fn shortest(&self) -> Option<u32> {
        self.hours.iter().map(|hours| hours.end - hours.start).min()
    }

    /// Minutes of the longest stretch without any window; zero where always open.
    pub(crate) fn longest_closed(&self) -> u32 {
        let next_starts = self
            .hours
            .iter()
            .skip(1)
            .chain(&self.hours[..1.min(self.hours.len())]);
        let gaps = self.hours.iter().zip(next_starts);
        gaps.map(|(hours, next)| (next.start + WEEK - hours.end % WEEK) % WEEK)
            .map(|gap| {
                if self.hours.len() == 1 && gap == 0 {
                    WEEK
                } else {
                    gap
                }
            })
            .max()
            .unwrap_or(0)
    }
}

/// These hours of the week that begins on `monday`, as moments.
fn stretch(monday: NaiveDate, hours: &Range<u32>, zone: Tz) -> Range<i64> {
    let at = |minute: u32| {
        let shown = monday.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute));
        zone::moment(shown, zone)
    };
    at(hours.start)..at(hours.end)
}

fn read_window(text: &str) -> Result<Vec<Range<u32>>, &'static str> {
    let (days, times) = match text.split_whitespace().collect::<Vec<_>>()[..] {
        [times] => ((0..7).collect(), times),
        [days, times] => (read_days(days)?, times),
        _ => return Err("it needs days, a space, and times"),
    };
    let (from, to) = times
        .split_once('-')
        .ok_or("its times need a `-` between them")?;
    let from = minute(from)
        .filter(|from| *from < DAY)
        .ok_or("its start is not a time of day")?;
    let to = minute(to).ok_or("its end is not a time of day")?;
    if from == to {
        return Err("it ends when it starts; a whole day is 00:00-24:00");
    }
    let to = if to < from { to + DAY } else { to };
    Ok(days
        .into_iter()
        .map(|day| day * DAY + from..day * DAY + to)
        .collect())
}

fn read_days(text: &str) -> Result<Vec<u32>, &'static str> {
    let day = |name: &str| {
        let day = name
            .parse::<Weekday>()
            .map_err(|_| "a day is one of Mon Tue Wed Thu Fri Sat Sun")?;
        Ok(day.num_days_from_monday())
    };
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        days.extend((first..=first + (last + 7 - first) % 7).map(|day| day % 7));
    }
    Ok(days)
}

/// `HH:MM` as minutes after midnight, up to `24:00`.
fn minute(text: &str) -> Option<u32> {
    let two_digits = |part: &str| match part.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
        }
        _ => None,
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY).then_some(minute)
}

/// Sorted, and joined where they touch, also over the end of the week; all week is no limit at all.
fn merged(mut hours: Vec<Range<u32>>) -> Vec<Range<u32>> {
    hours.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u32>> = Vec::new();
    for range in hours {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    while let [first, .., last] = &mut joined[..]
        && last.end >= first.start + WEEK
    {
        last.end = last.end.max(first.end + WEEK);
        joined.remove(0);
    }
    joined.retain(|range| range.end - range.start < WEEK);
    joined
}

#[cfg(test)]
mod tests {
    use super::Windows;
    use crate::zone;
    use chrono_tz::{Europe::Berlin, Tz};

    fn windows(texts: &[&str]) -> Windows {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Windows::parse(&texts).unwrap()
    }

    fn at(text: &str) -> i64 {
        zone::moment(text.parse().unwrap(), Berlin)
    }

    #[test]
    fn windows_open_where_they_say() {
        // 2026-11-20 is a Friday.
        for (text, moment, open) in [
            ("Mon-Thu 06:00-16:00", "2026-11-19T15:59:59", true),
            ("Mon-Thu 06:00-16:00", "2026-11-19T16:00:00", false),
            ("Mon-Thu 06:00-16:00", "2026-11-20T12:00:00", false),
            ("06:00-08:00", "2026-11-20T06:00:00", true),
            ("Fri 22:00-02:00", "2026-11-21T01:59:59", true),
            ("Fri 22:00-02:00", "2026-11-21T22:00:00", false),
            ("Sun 22:00-02:00", "2026-11-23T01:00:00", true),
            ("Mon,Wed 08:00-12:00", "2026-11-18T09:00:00", true),
            ("Fri-Mon 08:00-12:00", "2026-11-22T09:00:00", true),
            ("Fri 06:00-24:00", "2026-11-20T23:59:59", true),
        ] {
            assert_eq!(
                windows(&[text]).contains(at(moment), Berlin),
                open,
                "{text} {moment}"
            );
        }
    }

    #[test]
    fn the_next_opening_is_found_over_the_week_end() {
        let weekdays = windows(&["Mon-Thu 06:00-16:00"]);
        assert_eq!(
            weekdays.next_open(at("2026-11-19T16:00:00"), Berlin),
            at("2026-11-23T06:00:00")
        );
        assert_eq!(windows(&[]).next_open(7, Tz::UTC), 7);
    }

    #[test]
    fn a_window_in_the_hour_that_spring_skips_stays_closed_that_day() {
        let early = windows(&["Sun 02:00-03:00"]);
        assert_eq!(
            early.next_open(at("2026-03-28T12:00:00"), Berlin),
            at("2026-04-05T02:00:00")
        );
    }

    #[test]
    fn a_whole_week_is_no_limit_and_neighbours_are_one_window() {
        assert_eq!(windows(&["00:00-24:00"]), Windows::default());
        let night = windows(&["Sun 23:50-24:00", "Mon 00:00-00:10"]);
        assert_eq!(
            (night.shortest(), night.longest_closed()),
            (Some(20), 7 * 24 * 60 - 20)
        );
        assert_eq!(
            windows(&["Sat 06:00-22:00", "Sun 22:00-02:00"]).longest_closed(),
            5 * 24 * 60 + 4 * 60
        );
    }

    #[test]
    fn what_is_not_a_window_is_refused_with_its_reason() {
        for wrong in [
            "",
            "Mon",
            "Mon 6:00-8:00",
            "Mon 06:00",
            "Xyz 06:00-08:00",
            "Mon 06:00-25:00",
            "Mon 24:00-02:00",
            "Mon 08:60-09:00",
            "Mon 06:00-06:00",
            "Mon- 06:00-08:00",
            "Mon 06:00 - 08:00",
        ] {
            let error = Windows::parse(&[wrong.to_owned()]).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("`{wrong}` is not a window: ")),
                "{wrong}"
            );
        }
    }
}
