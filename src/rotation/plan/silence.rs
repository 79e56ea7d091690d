//! Whether anybody still uses the old credential, as far as its issuer can say.

use super::Order;
use super::forward::said_since;
use super::progress::Progress;
use crate::rotation::OLD_UNUSED;
use crate::rotation::facts::{Facts, Probe};
use crate::rotation::phase::Phase;
use crate::rotation::words::{Look, Mode};
use keywheel_contract::{LastUse, Session, Style};

/// So many of those who use it are named; the others are found with the first.
pub(crate) const NAMED: usize = 5;

/// The last figure that was read is kept under this target too: a reading that fails does not take away what was seen.
pub(crate) const SEEN: &str = "seen";

/// Readings that are further apart than so many times the usual pause leave a gap in the watch.
const GAP: i64 = 4;

/// What an issuer says of the last use, as kept in the reading.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct UseFigure {
    pub(crate) at_ms: Option<i64>,
    pub(crate) as_of_ms: i64,
    pub(crate) granularity_ms: i64,
    /// Since when every reading looked at who is logged in, with no gap in which somebody could have come and gone
    /// unseen; `None` where the issuer dates uses by itself.
    #[serde(default)]
    pub(crate) watched_since_ms: Option<i64>,
    /// Who is logged in with it, and from where.
    #[serde(default)]
    pub(crate) by: Vec<String>,
}

impl UseFigure {
    /// Nothing was seen until this moment.
    pub(crate) fn complete_at(as_of_ms: i64) -> Self {
        Self {
            at_ms: None,
            as_of_ms,
            granularity_ms: 0,
            watched_since_ms: Some(as_of_ms),
            by: Vec::new(),
        }
    }

    /// Whoever is logged in uses it now. A list tells of one moment only: what the readings before saw still counts.
    pub(crate) fn also_by(&mut self, sessions: Vec<Session>, facts: &Facts) {
        let (now_ms, before) = (facts.now_ms, Self::before(facts));
        let seen_ms = (!sessions.is_empty()).then_some(now_ms);
        self.at_ms = self
            .at_ms
            .max(seen_ms)
            .max(before.as_ref().and_then(|one| one.at_ms));
        let unbroken = before.filter(|one| now_ms - one.as_of_ms <= GAP * stale_ms(facts));
        let since_ms = unbroken.and_then(|one| one.watched_since_ms);
        self.watched_since_ms = self.watched_since_ms.and(since_ms.or(Some(now_ms)));
        let mut by: Vec<String> = sessions.into_iter().map(|one| one.from).collect();
        by.sort();
        by.dedup();
        by.truncate(NAMED);
        self.by = by;
    }

    /// The last reading that was answered.
    fn before(facts: &Facts) -> Option<Self> {
        let probe = facts.probe(Look::LastUse, SEEN)?;
        serde_json::from_str(&probe.detail).ok()
    }
}

impl From<LastUse> for UseFigure {
    fn from(last: LastUse) -> Self {
        Self {
            at_ms: last.at_ms,
            as_of_ms: last.as_of_ms,
            granularity_ms: i64::try_from(last.granularity.as_millis()).unwrap_or(i64::MAX),
            watched_since_ms: None,
            by: Vec::new(),
        }
    }
}

/// A figure that is no older than `since_ms` has to say that the old credential was silent for `quiet`, and nobody may
/// be logged in with it.
///
/// Silence is counted only from what the figure can really say: it is complete up to `as_of`, and a use may have been
/// as late as its coarsest unit allows.
pub(super) fn silent(facts: &Facts, progress: &mut Progress<'_>, since_ms: i64) {
    let quiet = facts.plan.timing.quiet.millis();
    let published_ms = facts.published_ms.unwrap_or(facts.phase_since_ms);
    let asks = quiet > 0 || facts.can.issuer.sessions;
    if !asks || !is_known(facts) || said_since(facts, OLD_UNUSED, published_ms) {
        return;
    }
    let Some(probe) = progress.look(Look::LastUse, "", since_ms, || Order::LastUse) else {
        return;
    };
    let Some((last_ms, figure)) = silent_since(facts, probe) else {
        progress.ask(format!(
            "when was the old credential last used? its issuer's figure cannot be read; nothing is ended: look there, \
             and say so: keywheel vouch {} --old-unused --reason \"…\"",
            facts.plan.id
        ));
        return;
    };
    let long_enough = quiet == 0 || figure.as_of_ms >= last_ms + quiet;
    if long_enough && figure.by.is_empty() {
        return;
    }
    // No sooner than that: a figure that lags says the same until then.
    let again_ms = probe.at_ms + stale_ms(facts) + 1;
    match facts.now_ms >= again_ms {
        true => progress.read(Order::LastUse),
        false => still_used(facts, progress, again_ms, last_ms, &figure),
    }
}

/// How old a figure may be while the old credential is watched.
pub(super) fn stale_ms(facts: &Facts) -> i64 {
    let pace = &facts.pace;
    let quiet = facts.plan.timing.quiet.millis();
    quiet.clamp(pace.poll_min_ms, pace.poll_max_ms)
}

/// Whether the issuer tells of uses of the old credential by itself. In place of another there is only one.
fn is_known(facts: &Facts) -> bool {
    let issuer = &facts.can.issuer;
    let tells = issuer.reports_last_use || issuer.sessions;
    tells
        && facts.mode == Mode::Normal
        && issuer.style != Style::InPlace
        && facts.old_ref().is_some()
}

fn still_used(
    facts: &Facts,
    progress: &mut Progress<'_>,
    again_ms: i64,
    last_ms: i64,
    figure: &UseFigure,
) {
    let who = match figure.by.is_empty() {
        true => String::new(),
        false => format!(" by {}", figure.by.join(", ")),
    };
    let proven_ms = facts.proven_ms.unwrap_or(facts.phase_since_ms);
    let dated = figure.at_ms.filter(|_| figure.watched_since_ms.is_none());
    let seen = !figure.by.is_empty() || dated.is_some_and(|at| at > proven_ms);
    let waited = facts.now_ms - facts.phase_since_ms.max(facts.retried_ms);
    if !seen || waited < facts.plan.timing.prove_within.millis() {
        let told = match seen {
            true => format!("the old credential is still used{who}"),
            false => "the old credential is watched: nobody was seen with it".to_owned(),
        };
        // A list of sessions is read often; a figure that lags says the same until then.
        let until_ms = match figure.watched_since_ms {
            Some(_) => again_ms,
            None => again_ms.max(last_ms + facts.plan.timing.quiet.millis()),
        };
        progress.wait(until_ms, "quiet", &told);
        return;
    }
    progress.ask(format!(
        "the old credential is still used{who}; nothing is ended: bring them to the new one, or say that they may \
         lose it: keywheel vouch {} --old-unused --reason \"…\"",
        facts.plan.id
    ));
}

/// The moment of the last use that counts, and the figure.
fn silent_since(facts: &Facts, probe: &Probe) -> Option<(i64, UseFigure)> {
    let figure: UseFigure = serde_json::from_str(&probe.detail).ok()?;
    let proven = facts.proven_ms.unwrap_or(facts.phase_since_ms);
    let last = figure
        .at_ms
        .map_or(proven, |at| at + figure.granularity_ms)
        .max(proven);
    // Once it was quiet for that long, a later end asks again who is there, not for another watch: it may lie in a window
    // that is shorter.
    let watched = figure
        .watched_since_ms
        .filter(|_| facts.phase == Phase::Overlapping);
    let last = last.max(watched.unwrap_or(last));
    Some((last, figure))
}

/// Who tried the old credential in vain since it is disabled. A listed consumer shows by its proof what it holds;
/// anybody else is seen only here. A reading that fails is taken again with the next look.
pub(super) fn refused(facts: &Facts, progress: &mut Progress<'_>, since_ms: i64) -> Vec<String> {
    if !is_watched(facts) {
        return Vec::new();
    }
    let probe = facts.probe(Look::RefusedUses, "");
    match probe.filter(|probe| probe.at_ms >= since_ms) {
        Some(probe) => serde_json::from_str(&probe.detail).unwrap_or_default(),
        None => {
            progress.read(Order::RefusedUses);
            Vec::new()
        }
    }
}

/// Whether the old credential is ended at an issuer that could still be asked about it.
pub(super) fn is_watched(facts: &Facts) -> bool {
    facts.can.issuer.reversible && facts.old_ref().is_some()
}
