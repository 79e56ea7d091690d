//! First starts of very many secrets, spread evenly over a span, so that going live starts nothing at once.

use crate::Span;
use crate::gate::{Gate, Openings};
use crate::jitter;
use crate::rotation::Next;
use crate::slots::Slots;
use crate::timing::Timing;
use std::fmt;
use std::ops::Range;

/// A length of time, never zero, over which first starts are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread(i64);

/// A spread over no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a spread over no time would start everything at once; say how long, like 14d")]
pub struct EmptySpread;

impl Spread {
    /// A spread over this span.
    ///
    /// # Errors
    /// The span is zero.
    pub fn over(span: Span) -> Result<Self, EmptySpread> {
        Self::of_millis(span.millis()).ok_or(EmptySpread)
    }

    /// A spread over so many milliseconds; none where that is no time.
    pub fn of_millis(millis: i64) -> Option<Self> {
        (millis > 0).then_some(Self(millis))
    }

    /// In milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// When the secret `id` starts for the first time, epoch milliseconds: later than `now_ms`, within the span, and
    /// no later than a due date that lies ahead. It depends on `id` alone, and of all secrets together it is even over
    /// the hours in which the start gate is open; where none opens in time, it is in the first ones after.
    ///
    /// `None` where `next`, what the schedule says by itself, starts no earlier than that, and where the schedule
    /// cannot be used.
    pub fn first(self, timing: &Timing, id: &str, now_ms: i64, next: &Next) -> Option<First> {
        let openings = Openings::of(timing, Gate::Start).ok()?;
        timing.period_ms(now_ms).ok()?;
        let end_ms = now_ms.saturating_add(self.0);
        let ahead = next.due_ms.filter(|due| *due > now_ms);
        let until_ms = ahead.map_or(end_ms, |due| due.min(end_ms));
        let from_ms = next.start_ms.map_or(now_ms, |start| start.max(now_ms)) + 1;
        if from_ms > until_ms {
            return None;
        }
        let halves = !timing.window.is_empty();
        let open: Vec<_> = openings
            .stretches(from_ms, until_ms + 1)
            .map(|stretch| usable(stretch, halves))
            .collect();
        let at_ms = point(&open, id).unwrap_or_else(|| {
            let next = openings.next_stretch(until_ms);
            let late = next.start..next.end.min(next.start.saturating_add(self.0));
            point(&[usable(late, halves)], id).unwrap_or(next.start)
        });
        Some(First {
            at_ms,
            spread: self,
        })
    }
}

/// In the first half of a window, so that time is left in it to publish and notify.
fn usable(stretch: Range<i64>, halves: bool) -> Range<i64> {
    let length = stretch.end - stretch.start;
    match halves {
        true => stretch.start..stretch.start.saturating_add((length / 2).max(1)),
        false => stretch,
    }
}

/// The share of `id` of all these stretches, as a moment in one of them.
fn point(open: &[Range<i64>], id: &str) -> Option<i64> {
    let total: i64 = open.iter().map(|each| each.end - each.start).sum();
    // Another share than that of the jitter: both together would crowd the second rotation.
    let mut share = jitter::share(&format!("first start of {id}"), total - 1);
    for stretch in open {
        let length = stretch.end - stretch.start;
        if share < length {
            return Some(stretch.start + share);
        }
        share -= length;
    }
    None
}

/// In days where it is whole days, as people say it.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, i64); 4] = [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1_000),
        ];
        let fits = |(_, millis): &&(&str, i64)| self.0 % millis == 0;
        match UNITS.iter().find(fits) {
            Some((unit, millis)) => write!(f, "{}{unit}", self.0 / millis),
            None => write!(f, "{}ms", self.0),
        }
    }
}

/// The first start that a spread gave a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    /// Not before, epoch milliseconds.
    pub at_ms: i64,
    /// Which spread gave it.
    pub spread: Spread,
}

impl First {
    /// No later than a due date that lies ahead: a schedule may have become a stricter one.
    #[must_use]
    pub fn until(self, due_ms: Option<i64>, now_ms: i64) -> Self {
        let ahead = due_ms.filter(|due| *due > now_ms);
        Self {
            at_ms: ahead.map_or(self.at_ms, |due| due.min(self.at_ms)),
            ..self
        }
    }

    /// What the schedule says, with a start no earlier than this one. What is due stays due.
    #[must_use]
    pub fn delays(self, next: Next) -> Next {
        if next.start_ms.is_some_and(|start| start >= self.at_ms) {
            return next;
        }
        let spread = format!("spread over {} by inventory apply", self.spread);
        Next {
            due_ms: next.due_ms,
            start_ms: Some(self.at_ms),
            outside_window: false,
            reason: match next.start_ms {
                Some(_) => format!("{spread}; {}", next.reason),
                None => spread,
            },
        }
    }
}

impl Timing {
    /// How long it is from one rotation to the next, in milliseconds; for `cron` around this moment. `None` where a
    /// cron expression does not fire any more.
    ///
    /// # Errors
    /// The cron expression cannot be read.
    pub fn period_ms(&self, at_ms: i64) -> Result<Option<i64>, String> {
        let Some(cron) = &self.cron else {
            return Ok(Some(self.every.unwrap_or_default().millis()));
        };
        let slot = Slots::parse(cron, self.time_zone)?.after(at_ms).next();
        Ok(slot.map(|slot| slot.at_ms - slot.before_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::{First, Spread};
    use crate::{Gate, History, Next, Opening, Timing, next_rotation};

    const DAY_MS: i64 = 86_400_000;
    /// A Thursday at midnight, UTC.
    const NOW_MS: i64 = 20_454 * DAY_MS;

    fn timing(more: &str) -> Timing {
        toml::from_str(&format!("prove_within = \"1h\"\nevery = \"30d\"\n{more}")).unwrap()
    }

    fn days(days: i64) -> Spread {
        Spread::of_millis(days * DAY_MS).unwrap()
    }

    /// What the schedule says where the last rotation was so many days ago; none of them is known age.
    fn rotated(timing: &Timing, id: &str, days_ago: Option<i64>) -> Next {
        let history = History {
            last_rotated_ms: days_ago.map(|days| NOW_MS - days * DAY_MS),
            ..History::default()
        };
        next_rotation(timing, id, &history)
    }

    fn ids() -> impl Iterator<Item = String> {
        (0..3_000).map(|number| format!("production/secret-{number}"))
    }

    fn firsts(timing: &Timing, days_ago: Option<i64>) -> Vec<i64> {
        let first = |id: String| {
            let next = rotated(timing, &id, days_ago);
            days(14).first(timing, &id, NOW_MS, &next).unwrap().at_ms
        };
        ids().map(first).collect()
    }

    #[test]
    fn what_is_overdue_or_undated_is_spread_evenly_inside_the_span() {
        for days_ago in [None, Some(31), Some(400)] {
            let mut each_day = [0; 14];
            for at in firsts(&timing(""), days_ago) {
                assert!(at > NOW_MS && at <= NOW_MS + 14 * DAY_MS);
                each_day[usize::try_from((at - NOW_MS - 1) / DAY_MS).unwrap()] += 1;
            }
            assert!(
                each_day.iter().all(|count| (160..270).contains(count)),
                "{each_day:?}"
            );
        }
    }

    #[test]
    fn first_starts_are_the_same_for_ever() {
        let timing = timing("");
        let first = days(14).first(&timing, "production/a", NOW_MS, &rotated(&timing, "", None));
        assert_eq!(first.unwrap().at_ms - NOW_MS, 8_880_023);
    }

    #[test]
    fn a_due_date_that_lies_ahead_is_never_passed() {
        let timing = timing("jitter = \"10d\"");
        let mut delayed = 0;
        for id in ids() {
            // Due in four days, and with a jitter of ten most have begun to be started.
            let next = rotated(&timing, &id, Some(26));
            let (start, due) = (next.start_ms.unwrap(), next.due_ms.unwrap());
            assert_eq!(due, NOW_MS + 4 * DAY_MS);
            let Some(first) = days(14).first(&timing, &id, NOW_MS, &next) else {
                assert_eq!(start, due);
                continue;
            };
            assert!(first.at_ms > start.max(NOW_MS) && first.at_ms <= due);
            delayed += 1;
        }
        assert!(delayed > 2_900, "{delayed}");
    }

    #[test]
    fn what_starts_later_by_itself_gets_no_first_start() {
        let timing = timing("");
        let next = rotated(&timing, "production/a", Some(1));
        assert_eq!(days(14).first(&timing, "production/a", NOW_MS, &next), None);
        assert!(
            days(30)
                .first(&timing, "production/a", NOW_MS, &next)
                .is_none()
        );
    }

    #[test]
    fn first_starts_are_in_open_hours_and_even_over_them() {
        let timing = timing("window = [\"Tue,Thu 02:00-04:00\"]");
        let firsts = firsts(&timing, Some(400));
        let mut each_day = std::collections::BTreeMap::new();
        for at in firsts {
            assert_eq!(timing.open(Gate::Start, at), Opening::Now);
            assert!((at % DAY_MS) < 3 * DAY_MS / 24, "in the first half");
            *each_day.entry((at - NOW_MS) / DAY_MS).or_insert(0) += 1;
        }
        assert_eq!(each_day.keys().copied().collect::<Vec<_>>(), [0, 5, 7, 12]);
        assert!(
            each_day.values().all(|count| (650..850).contains(count)),
            "{each_day:?}"
        );
    }

    #[test]
    fn where_nothing_opens_in_time_the_first_hours_after_are_shared() {
        let closed =
            "blackout = [{ from = \"2025-12-01\", to = \"2026-02-28\", why = \"example\" }]";
        let timing = timing(closed);
        let mut firsts = firsts(&timing, Some(400));
        firsts.sort_unstable();
        assert!(
            firsts
                .iter()
                .all(|at| timing.open(Gate::Start, *at) == Opening::Now)
        );
        assert!(firsts[2_999] - firsts[0] > 13 * DAY_MS);
    }

    #[test]
    fn a_first_start_delays_or_fills_in_and_leaves_the_due_date() {
        let first = First {
            at_ms: NOW_MS + 5,
            spread: days(14),
        };
        let (timing, id) = (timing(""), "production/a");
        let overdue = first.delays(rotated(&timing, id, Some(400)));
        assert_eq!(overdue.start_ms, Some(NOW_MS + 5));
        assert_eq!(overdue.due_ms, Some(NOW_MS - 370 * DAY_MS));
        let why = "spread over 14d by inventory apply";
        assert_eq!(
            overdue.reason,
            format!("{why}; 30d after the last rotation")
        );
        let filled = first.delays(rotated(&timing, id, None));
        assert_eq!((filled.due_ms, filled.start_ms), (None, Some(NOW_MS + 5)));
        assert_eq!(filled.reason, why);
        let later = rotated(&timing, id, Some(1));
        assert_eq!(first.delays(later.clone()), later);
    }

    #[test]
    fn a_stricter_schedule_pulls_a_first_start_to_its_due_date() {
        let first = First {
            at_ms: NOW_MS + 5,
            spread: days(14),
        };
        let until = |due: Option<i64>| first.until(due, NOW_MS).at_ms - NOW_MS;
        assert_eq!(until(Some(NOW_MS + 3)), 3);
        assert_eq!(until(Some(NOW_MS + 9)), 5);
        assert_eq!(until(Some(NOW_MS - 1)), 5);
        assert_eq!(until(None), 5);
    }

    #[test]
    fn spreads_are_never_empty_and_told_in_days() {
        let told = |text: &str| Spread::over(text.parse().unwrap()).map(|one| one.to_string());
        assert_eq!(told("2w").unwrap(), "14d");
        assert_eq!(told("36h").unwrap(), "36h");
        assert!(told("0").is_err() && told("0d").is_err());
    }

    #[test]
    fn a_period_is_that_of_the_schedule() {
        assert_eq!(timing("").period_ms(NOW_MS), Ok(Some(30 * DAY_MS)));
        let weekly = Timing {
            every: None,
            cron: Some("0 3 * * 2".to_owned()),
            ..timing("")
        };
        assert_eq!(weekly.period_ms(NOW_MS), Ok(Some(7 * DAY_MS)));
    }
}
