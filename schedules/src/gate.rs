//! What may happen at a moment: windows open, blackouts close.

use crate::timing::{Blackout, Timing};
use crate::windows::Windows;
use crate::zone::{self, NEVER};
use chrono_tz::Tz;
use std::ops::Range;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Minting, publishing, notifying: `window`.
    Start,
    /// Disabling, revoking: `disable_window`.
    Disable,
}

/// When a gate is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It is open.
    Now,
    /// It is closed.
    At {
        /// The first moment from which on it is open; `i64::MAX` if never, as where a window
        /// cannot be read.
        at_ms: i64,
        /// Why, for people: `window opens Mon 06:00 Europe/Berlin`.
        reason: String,
    },
}

impl Timing {
    /// Whether a rotation that waits until then for a gate could no longer replace a credential that ends by itself: to
    /// prove it, and for the overlap and undo after that, too little would be left. Epoch milliseconds.
    pub fn cannot_wait(&self, until_ms: i64, ends_ms: i64) -> bool {
        let steps = [self.prove_within, self.overlap, self.undo];
        let needed = steps.map(|step| step.millis());
        let last_ms = needed.into_iter().fold(ends_ms, i64::saturating_sub);
        until_ms > last_ms
    }

    /// Whether `gate` is open at `at_ms`, and if not, when it will be and why.
    ///
    /// A window or blackout that cannot be read keeps the gate closed; [`check`](crate::check())
    /// finds those beforehand.
    pub fn open(&self, gate: Gate, at_ms: i64) -> Opening {
        match Openings::of(self, gate) {
            Ok(openings) if openings.next(at_ms) == at_ms => Opening::Now,
            Ok(openings) => Opening::At {
                at_ms: openings.next(at_ms),
                reason: openings.reason(at_ms),
            },
            Err(reason) => Opening::At {
                at_ms: NEVER,
                reason,
            },
        }
    }
}

/// The open stretches of one gate.
pub(crate) struct Openings<'a> {
    name: &'static str,
    windows: Windows,
    blackouts: Vec<(Range<i64>, &'a Blackout)>,
    zone: Tz,
}

impl<'a> Openings<'a> {
    /// The error names the window or blackout that cannot be read.
    pub(crate) fn of(timing: &'a Timing, gate: Gate) -> Result<Self, String> {
        let (name, texts) = match gate {
            Gate::Start => ("window", &timing.window),
            Gate::Disable => ("disable window", &timing.disable_window),
        };
        let windows = Windows::parse(texts).map_err(|error| error.to_string())?;
        let zone = timing.time_zone;
        let closed = |blackout: &'a Blackout| Ok((stretch(blackout, zone)?, blackout));
        let blackouts: Result<Vec<_>, String> = timing.blackout.iter().map(closed).collect();
        Ok(Self {
            name,
            windows,
            blackouts: blackouts?,
            zone,
        })
    }

    /// The gate's window, for people.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The first open moment from `at_ms` on.
    pub(crate) fn next(&self, at_ms: i64) -> i64 {
        self.next_stretch(at_ms).start
    }

    /// The first open stretch from `at_ms` on, cut at `at_ms`.
    pub(crate) fn next_stretch(&self, mut at_ms: i64) -> Range<i64> {
        loop {
            let open = self.windows.opening(at_ms, self.zone);
            match self.blackout(open.start) {
                Some((closed, _)) if open.start < NEVER => at_ms = closed.end,
                _ => return open.start..open.end.min(self.next_blackout(open.start)),
            }
        }
    }

    /// The last open stretch that begins before `until_ms`, cut at both ends.
    pub(crate) fn last_stretch(&self, from_ms: i64, until_ms: i64) -> Option<Range<i64>> {
        // Looked for from the end, a little more than a week at a time: long periods stay cheap.
        const REACH_MS: i64 = 8 * 86_400_000;
        let from_ms = from_ms.max(zone::FIRST_MS);
        let mut until_ms = until_ms.min(zone::LAST_MS);
        while until_ms > from_ms {
            let near_ms = from_ms.max(until_ms.saturating_sub(REACH_MS));
            let last = self.stretches(near_ms, until_ms).last();
            if last.is_some() {
                return last;
            }
            until_ms = near_ms;
        }
        None
    }

    /// The open stretches between two moments.
    pub(crate) fn stretches(
        &self,
        mut at_ms: i64,
        until_ms: i64,
    ) -> impl Iterator<Item = Range<i64>> {
        std::iter::from_fn(move || {
            let open = self.next_stretch(at_ms);
            at_ms = open.end;
            (open.start < until_ms).then(|| open.start..open.end.min(until_ms))
        })
    }

    /// Why the gate is closed at `at_ms`, for people.
    pub(crate) fn reason(&self, at_ms: i64) -> String {
        let mut reasons = Vec::new();
        let mut open_ms = at_ms;
        let opens = loop {
            if let Some((closed, blackout)) = self.blackout(open_ms) {
                reasons.push(format!("blackout until {}: {}", blackout.to, blackout.why));
                open_ms = closed.end;
            }
            let next_ms = self.windows.next_open(open_ms, self.zone);
            if self.blackout(next_ms).is_none() {
                break next_ms;
            }
            open_ms = next_ms;
        };
        if opens > open_ms {
            reasons.push(format!(
                "{} opens {}",
                self.name,
                zone::words(opens, at_ms, self.zone)
            ));
        }
        reasons.join("; then ")
    }

    /// The blackout at `at_ms`; of several, the one that lasts longest.
    fn blackout(&self, at_ms: i64) -> Option<&(Range<i64>, &'a Blackout)> {
        let at = self
            .blackouts
            .iter()
            .filter(|(closed, _)| closed.contains(&at_ms));
        at.max_by_key(|(closed, _)| closed.end)
    }

    fn next_blackout(&self, at_ms: i64) -> i64 {
        let starts = self.blackouts.iter().map(|(closed, _)| closed.start);
        starts.filter(|start| *start > at_ms).min().unwrap_or(NEVER)
    }
}

/// From the first moment of the first date to the end of the last one.
fn stretch(blackout: &Blackout, zone: Tz) -> Result<Range<i64>, String> {
    let date = |text: &str| {
        zone::date(text).ok_or_else(|| {
            format!("blackout date `{text}` is not a date; write it like \"2026-12-18\"")
        })
    };
    let (from, to) = (date(&blackout.from)?, date(&blackout.to)?);
    if from > to {
        return Err(format!(
            "blackout ends on {to}, before it begins on {from}; swap `from` and `to`"
        ));
    }
    Ok(zone::midnight(from, zone)..zone::end_of(to, zone))
}

#[cfg(test)]
mod tests {
    use super::{Gate, Opening};
    use crate::Timing;
    use crate::zone;
    use chrono_tz::Europe::Berlin;

    fn timing() -> Timing {
        toml::from_str(
            r#"
            every = "30d"
            prove_within = "1h"
            time_zone = "Europe/Berlin"
            window = ["Mon-Thu 06:00-16:00"]
            disable_window = ["Sat 06:00-22:00"]
            blackout = [{ from = "2026-12-18", to = "2027-01-04", why = "year end" }]
            "#,
        )
        .unwrap()
    }

    fn at(text: &str) -> i64 {
        zone::moment(text.parse().unwrap(), Berlin)
    }

    fn closed(gate: Gate, moment: &str) -> (i64, String) {
        match timing().open(gate, at(moment)) {
            Opening::At { at_ms, reason } => (at_ms, reason),
            Opening::Now => panic!("open at {moment}"),
        }
    }

    #[test]
    fn each_gate_has_its_window() {
        assert_eq!(
            timing().open(Gate::Start, at("2026-11-19T06:00:00")),
            Opening::Now
        );
        assert_eq!(
            timing().open(Gate::Disable, at("2026-11-21T06:00:00")),
            Opening::Now
        );
        let expected = (
            at("2026-11-23T06:00:00"),
            "window opens Mon 06:00 Europe/Berlin".to_owned(),
        );
        assert_eq!(closed(Gate::Start, "2026-11-19T16:00:00"), expected);
    }

    #[test]
    fn a_blackout_closes_both_and_says_until_when_and_why() {
        let (opens, reason) = closed(Gate::Start, "2026-12-21T07:00:00");
        assert_eq!(opens, at("2027-01-05T06:00:00"));
        assert_eq!(
            reason,
            "blackout until 2027-01-04: year end; then window opens Tue 2027-01-05 06:00 Europe/Berlin"
        );
        let (opens, reason) = closed(Gate::Disable, "2026-12-17T12:00:00");
        assert_eq!(opens, at("2027-01-09T06:00:00"));
        assert!(
            reason.starts_with("blackout until 2027-01-04: year end; then disable window opens"),
            "{reason}"
        );
    }

    #[test]
    fn what_cannot_be_read_stays_closed() {
        let unreadable = Timing {
            window: vec!["sometimes".to_owned()],
            ..timing()
        };
        assert!(matches!(
            unreadable.open(Gate::Start, 0),
            Opening::At {
                at_ms: i64::MAX,
                ..
            }
        ));
    }
}
