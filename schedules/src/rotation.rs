//! When a secret is due, when its rotation starts, and why then.

use crate::gate::{Gate, Openings};
use crate::jitter;
use crate::placing::{Placed, Wanted, place};
use crate::slots::{Slot, Slots};
use crate::timing::Timing;
use crate::zone;

/// A credential that is over when it is new is replaced no sooner than this.
const APART_MS: i64 = 3_600_000;

/// What is known about a secret's age. Epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// When the current credential was published by a rotation that later completed. Recorded no
    /// earlier than that rotation's planned start, a clock set back meanwhile cannot make a slot
    /// fire twice.
    pub last_rotated_ms: Option<i64>,
    /// When the current credential ends by itself, where the issuer says so.
    pub credential_expires_ms: Option<i64>,
    /// When the secret was first seen in the inventory.
    pub enrolled_ms: i64,
}

/// When a secret is rotated next. Epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Overdue after this; `None` where nothing says when.
    pub due_ms: Option<i64>,
    /// When to start; `None` with no due.
    pub start_ms: Option<i64>,
    /// The start is *not* to wait for [`Gate::Start`]: the credential would expire before it opens.
    pub outside_window: bool,
    /// Why then, for people.
    pub reason: String,
}

/// When the secret `id` is due and when its rotation starts.
///
/// Due is the earlier of the policy (`every` after the last rotation, or the next cron slot not yet
/// served) and the credential's expiry less a margin: the larger of `prove_within + overlap + undo`
/// and a tenth of the period, but at most half of what the credential lives.
///
/// The start is due less the secret's stable share of `jitter`, moved to where the start gate is
/// open: later up to due, else earlier, else (late, and said so) to the first opening after due.
/// It is never in the first tenth of a period, so that a narrow window cannot rotate twice in a row.
/// A cron slot counts as served once its own start has passed: starting early does not repeat it,
/// and of several missed ones the rotation that catches up serves all.
///
/// A secret of unknown age is due on `first_due` or before its credential expires, else never.
pub fn next_rotation(timing: &Timing, id: &str, history: &History) -> Next {
    candidates(timing, id, history).map_or_else(undated, |candidates| {
        let due_ms = candidates.iter().map(|each| each.due_ms).min();
        // The earliest start decides: a late policy start must not let the credential expire.
        let first = candidates
            .into_iter()
            .min_by_key(|each| (each.start_ms, each.due_ms));
        let Some(first) = first else {
            return undated("never rotated and undated: adopt it or give first_due".to_owned());
        };
        Next {
            due_ms,
            start_ms: Some(first.start_ms),
            outside_window: first.outside_window,
            reason: first.reason,
        }
    })
}

fn undated(reason: String) -> Next {
    Next {
        due_ms: None,
        start_ms: None,
        outside_window: false,
        reason,
    }
}

/// One reason to rotate.
struct Candidate {
    due_ms: i64,
    start_ms: i64,
    outside_window: bool,
    reason: String,
}

/// What all candidates of one secret are made from.
struct Case<'a> {
    timing: &'a Timing,
    id: &'a str,
    openings: Openings<'a>,
}

fn candidates(timing: &Timing, id: &str, history: &History) -> Result<Vec<Candidate>, String> {
    let unusable = |why: String| format!("the schedule cannot be used: {why}");
    let openings = Openings::of(timing, Gate::Start).map_err(unusable)?;
    let case = Case {
        timing,
        id,
        openings,
    };
    let policy = match (history.last_rotated_ms, &timing.every, &timing.cron) {
        (None, _, _) => case.first().map_err(unusable)?,
        (Some(last_ms), Some(every), None) => Some(case.period(last_ms, every.millis())),
        (Some(last_ms), None, Some(cron)) => Some(case.slot(last_ms, cron).map_err(unusable)?),
        _ => {
            return Err(unusable(
                "it needs exactly one of `every` and `cron`".to_owned(),
            ));
        }
    };
    let expiry = case.expiry(history).map_err(unusable)?;
    Ok(policy.into_iter().chain(expiry).collect())
}

impl Case<'_> {
    /// On `first_due`, at any time of that local day.
    fn first(&self) -> Result<Option<Candidate>, String> {
        const HALF_DAY_MS: i64 = 12 * 3_600_000;
        let Some(text) = &self.timing.first_due else {
            return Ok(None);
        };
        let date = zone::date(text).ok_or_else(|| format!("first_due `{text}` is not a date"))?;
        let zone = self.timing.time_zone;
        let (floor_ms, due_ms) = (zone::midnight(date, zone), zone::end_of(date, zone) - 1);
        let share = jitter::share(self.id, self.timing.jitter.millis().min(HALF_DAY_MS));
        let wanted = self.wanted(floor_ms, floor_ms.saturating_add(share), due_ms);
        Ok(Some(
            self.waiting(&wanted, format!("first rotation, on {date}")),
        ))
    }

    fn period(&self, last_ms: i64, every_ms: i64) -> Candidate {
        let due_ms = last_ms.saturating_add(every_ms);
        let every = self.timing.every.unwrap_or_default();
        self.waiting(
            &self.early(last_ms, due_ms),
            format!("{every} after the last rotation"),
        )
    }

    fn slot(&self, last_ms: i64, cron: &str) -> Result<Candidate, String> {
        let slots = Slots::parse(cron, self.timing.time_zone)?;
        let candidate = |slot: Slot| {
            let reason = format!("cron `{cron}` in {}", self.timing.time_zone);
            self.waiting(&self.early(slot.before_ms, slot.at_ms), reason)
        };
        let unserved = slots
            .after(last_ms)
            .map(candidate)
            .find(|each| each.start_ms > last_ms);
        unserved.ok_or_else(|| format!("cron `{cron}` does not fire any more"))
    }

    /// Before the credential ends by itself; a window that would miss that does not count.
    fn expiry(&self, history: &History) -> Result<Option<Candidate>, String> {
        let Some(expires_ms) = history.credential_expires_ms else {
            return Ok(None);
        };
        let since_ms = history.last_rotated_ms.unwrap_or(history.enrolled_ms);
        let life_ms = expires_ms.saturating_sub(since_ms);
        let due_ms = match life_ms > 0 {
            true => expires_ms.saturating_sub(self.margin(since_ms)?.min(life_ms / 2)),
            // A date that is wrong must not start one rotation after the other.
            false => since_ms.saturating_add(APART_MS),
        };
        let wanted = self.early(since_ms, due_ms);
        let expires = zone::words(expires_ms, since_ms, self.timing.time_zone);
        let reason = format!("the credential expires {expires}");
        Ok(Some(match place(&wanted, &self.openings) {
            Placed::Late(opens_ms) => self.outside(&wanted, opens_ms, &reason),
            _ => self.waiting(&wanted, reason),
        }))
    }

    /// How long before its end a credential must be replaced.
    fn margin(&self, since_ms: i64) -> Result<i64, String> {
        let timing = self.timing;
        let steps = [timing.prove_within, timing.overlap, timing.undo];
        let needed = steps
            .iter()
            .fold(0_i64, |sum, step| sum.saturating_add(step.millis()));
        let period_ms = timing.period_ms(since_ms)?.unwrap_or(0);
        Ok(needed.max(period_ms / 10))
    }

    /// Due at `due_ms`, less the jitter, in a period that began at `since_ms`.
    fn early(&self, since_ms: i64, due_ms: i64) -> Wanted<'_> {
        let floor_ms = since_ms.saturating_add(due_ms.saturating_sub(since_ms).max(0) / 10);
        let share = jitter::share(self.id, self.timing.jitter.millis());
        self.wanted(floor_ms, due_ms.saturating_sub(share).max(floor_ms), due_ms)
    }

    fn wanted(&self, floor_ms: i64, ideal_ms: i64, due_ms: i64) -> Wanted<'_> {
        Wanted {
            id: self.id,
            floor_ms,
            ideal_ms,
            due_ms,
            spread_ms: self.timing.jitter.millis(),
        }
    }

    /// Starts when the gate is open, and says what that changes.
    fn waiting(&self, wanted: &Wanted<'_>, reason: String) -> Candidate {
        let placed = place(wanted, &self.openings);
        let reason = match placed {
            Placed::Ideal(_) => reason,
            Placed::Moved(_) => format!("{reason}; moved to where the window is open"),
            Placed::Late(_) => format!("{reason}; late: {}", self.openings.reason(wanted.due_ms)),
        };
        Candidate {
            due_ms: wanted.due_ms,
            start_ms: placed.start_ms(),
            outside_window: false,
            reason,
        }
    }

    /// Starts although the gate is closed.
    fn outside(&self, wanted: &Wanted<'_>, opens_ms: i64, reason: &str) -> Candidate {
        let opens = zone::words(opens_ms, wanted.due_ms, self.timing.time_zone);
        let reason = format!(
            "{reason}; nothing opens in time (next {opens}), so it is rotated outside the window"
        );
        Candidate {
            due_ms: wanted.due_ms,
            start_ms: wanted.ideal_ms,
            outside_window: true,
            reason,
        }
    }
}
