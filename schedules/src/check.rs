//! Everything wrong with a schedule, at once, before it is used.

use crate::gate::{Gate, Openings};
use crate::slots::Slots;
use crate::timing::Timing;
use crate::windows::Windows;
use crate::zone;

/// Shorter, a window closes before a rotation has been published and its consumers notified.
const USEFUL_MINUTES: u32 = 15;

/// Closed for longer than this counts as for ever: two years.
const FOR_EVER_MS: i64 = 731 * 86_400_000;

/// One thing wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key that has to change.
    pub key: &'static str,
    /// What is wrong and what to do, a lower-case fragment.
    pub message: String,
}

/// Everything wrong with `timing`; empty if it can be used.
pub fn check(timing: &Timing) -> Vec<Problem> {
    let cron = timing
        .cron
        .as_ref()
        .map(|cron| Slots::parse(cron, timing.time_zone));
    let mut found = Found(Vec::new());
    found.policy(timing);
    match &cron {
        Some(Err(why)) => found.add("cron", why),
        Some(Ok(slots)) => found.cron(timing, slots),
        None => found.period(timing),
    }
    found.windows("window", &timing.window);
    found.windows("disable_window", &timing.disable_window);
    found.dates(timing);
    found.for_ever(timing);
    found.0
}

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, key: &'static str, message: impl Into<String>) {
        self.0.push(Problem {
            key,
            message: message.into(),
        });
    }

    fn policy(&mut self, timing: &Timing) {
        match (&timing.every, &timing.cron) {
            (None, None) => self.add("every", "nothing says how often; set `every` or `cron`"),
            (Some(_), Some(_)) => self.add(
                "cron",
                "both `every` and `cron` are set; remove one of them",
            ),
            _ => {}
        }
        if timing.every.is_some_and(|every| every.millis() == 0) {
            self.add(
                "every",
                "a period of no time would rotate without end; set a longer one",
            );
        }
    }

    fn period(&mut self, timing: &Timing) {
        let Some(every) = timing.every.filter(|every| every.millis() > 0) else {
            return;
        };
        if timing.jitter >= every {
            self.add(
                "jitter",
                format!(
                    "jitter {} is not smaller than the period {every}",
                    timing.jitter
                ),
            );
        }
        let Ok(windows) = Windows::parse(&timing.window) else {
            return;
        };
        let closed_ms = i64::from(windows.longest_closed()) * 60_000;
        if closed_ms > every.millis() {
            let hours = closed_ms / 3_600_000;
            self.add(
                "window",
                format!(
                    "no window opens for {hours}h in a row, longer than the period {every}, \
                so it can never be kept; add a window or lengthen the period"
                ),
            );
        }
    }

    fn cron(&mut self, timing: &Timing, slots: &Slots) {
        let cron = timing.cron.as_deref().unwrap_or_default();
        let Some(smallest_ms) = smallest_gap(slots) else {
            return self.add(
                "cron",
                format!("`{cron}` never fires; no year has such a date"),
            );
        };
        if timing.jitter.millis() >= smallest_ms {
            let minutes = smallest_ms / 60_000;
            self.add(
                "jitter",
                format!(
                    "jitter {} is not smaller than the {minutes}m between two times of `{cron}`",
                    timing.jitter
                ),
            );
        }
        let Ok(windows) = Windows::parse(&timing.window) else {
            return;
        };
        if !slots.any_minute(|minute| windows.opens_at(minute)) {
            self.add(
                "window",
                format!("no time of cron `{cron}` is in a window; move one of them"),
            );
        }
    }

    fn windows(&mut self, key: &'static str, texts: &[String]) {
        for text in texts {
            if let Err(error) = Windows::parse(std::slice::from_ref(text)) {
                self.add(key, error.to_string());
            }
        }
        let shortest = Windows::parse(texts)
            .ok()
            .and_then(|windows| windows.shortest());
        if let Some(minutes) = shortest.filter(|minutes| *minutes < USEFUL_MINUTES) {
            self.add(key, format!("a window of {minutes}m is too short to be useful; give it at least {USEFUL_MINUTES}m"));
        }
    }

    fn dates(&mut self, timing: &Timing) {
        if let Some(text) = timing
            .first_due
            .as_ref()
            .filter(|text| zone::date(text).is_none())
        {
            self.add(
                "first_due",
                format!("`{text}` is not a date; write it like \"2026-12-01\""),
            );
        }
        for blackout in &timing.blackout {
            let alone = Timing {
                blackout: vec![blackout.clone()],
                window: Vec::new(),
                ..timing.clone()
            };
            if let Err(why) = Openings::of(&alone, Gate::Start) {
                self.add("blackout", why);
            }
        }
    }

    /// Blackouts that leave no opening for longer than anybody waits.
    fn for_ever(&mut self, timing: &Timing) {
        for gate in [Gate::Start, Gate::Disable] {
            let Ok(openings) = Openings::of(timing, gate) else {
                continue;
            };
            let closed = |blackout: &&crate::Blackout| {
                let from_ms =
                    zone::date(&blackout.from).map(|date| zone::midnight(date, timing.time_zone));
                from_ms.is_some_and(|from_ms| {
                    openings.next(from_ms).saturating_sub(from_ms) > FOR_EVER_MS
                })
            };
            if let Some(blackout) = timing.blackout.iter().find(closed) {
                self.add(
                    "blackout",
                    format!(
                        "from {} on every {} lies in a blackout for more than two years; \
                    end it earlier, or only track the secret",
                        blackout.from,
                        openings.name()
                    ),
                );
            }
        }
    }
}

/// Milliseconds between the two closest of the first slots from 2024 on; `None` if none fires.
fn smallest_gap(slots: &Slots) -> Option<i64> {
    const YEAR_2024_MS: i64 = 1_704_067_200_000;
    // A year of daily slots, so with both changes of daylight saving; leap days to the end.
    const ENOUGH: usize = 400;
    let mut found = slots.after(YEAR_2024_MS).take(ENOUGH).peekable();
    let first = found.next()?;
    // With a single slot, or from the first to the second of a pair, there is always one before.
    Some(
        found
            .map(|slot| slot.at_ms - slot.before_ms)
            .min()
            .unwrap_or(first.at_ms),
    )
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::Timing;

    /// The keys of all problems, in the order they are found.
    fn keys(text: &str) -> Vec<&'static str> {
        let timing: Timing = toml::from_str(&format!("prove_within = \"1h\"\n{text}")).unwrap();
        check(&timing)
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    #[test]
    fn usable_schedules_have_no_problem() {
        for text in [
            "every = \"30d\"\njitter = \"3d\"",
            "cron = \"0 3 * * TUE\"\nwindow = [\"Tue 02:00-04:00\"]\njitter = \"1h\"",
            "cron = \"0 3 29 2 *\"",
            "cron = \"30 2 * * *\"\ntime_zone = \"Europe/Berlin\"\njitter = \"22h\"",
            "every = \"7d\"\nwindow = [\"Sat 06:00-22:00\"]\ndisable_window = [\"Sun 01:00-05:00\"]",
            "every = \"30d\"\nblackout = [{ from = \"2026-12-18\", to = \"2027-01-04\", why = \"year end\" }]",
        ] {
            assert_eq!(keys(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn each_problem_is_found() {
        for (text, key) in [
            ("", "every"),
            ("every = \"1d\"\ncron = \"0 3 * * *\"", "cron"),
            ("every = \"0\"", "every"),
            ("cron = \"0 3 * *\"", "cron"),
            ("cron = \"@daily\"", "cron"),
            ("cron = \"61 3 * * *\"", "cron"),
            ("cron = \"0 3 31 2 *\"", "cron"),
            ("every = \"3d\"\njitter = \"3d\"", "jitter"),
            ("cron = \"0 3 * * *\"\njitter = \"1d\"", "jitter"),
            (
                "cron = \"0 3 * * TUE\"\nwindow = [\"Mon 02:00-04:00\"]",
                "window",
            ),
            ("cron = \"0 3 * * *\"\nwindow = [\"22:00-03:00\"]", "window"),
            ("every = \"1d\"\nwindow = [\"Sat 06:00-22:00\"]", "window"),
            ("every = \"30d\"\nwindow = [\"whenever\"]", "window"),
            (
                "every = \"30d\"\ndisable_window = [\"Mon 06:00-06:10\"]",
                "disable_window",
            ),
            ("every = \"30d\"\nfirst_due = \"soon\"", "first_due"),
            (
                "every = \"30d\"\nblackout = [{ from = \"2027-01-04\", to = \"2026-12-18\", why = \"\" }]",
                "blackout",
            ),
            (
                "every = \"30d\"\nblackout = [{ from = \"2027-02-29\", to = \"2027-03-18\", why = \"\" }]",
                "blackout",
            ),
        ] {
            assert_eq!(keys(text), [key], "{text}");
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let text = "cron = \"x\"\nwindow = [\"a\", \"b\"]\nfirst_due = \"c\"";
        assert_eq!(keys(text), ["cron", "window", "window", "first_due"]);
    }

    #[test]
    fn windows_that_blackouts_cover_for_ever_are_found() {
        let text = "every = \"30d\"\nblackout = [{ from = \"2026-01-01\", to = \"2027-06-30\", why = \"a\" }, \
                    { from = \"2027-07-01\", to = \"9999-12-31\", why = \"b\" }]";
        assert_eq!(keys(text), ["blackout", "blackout"]);
    }
}
