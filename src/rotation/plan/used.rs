//! Whether the issuer saw somebody use the new credential, where the entry asks for that (`new_used`).
//!
//! A use of our own shows nothing: we try the credential before it is published, and again before the old one is ended.
//! Of a session the name tells that it is ours. A figure of last use names nobody, and counts only where it is later
//! than our last try could make it. What was seen once stays seen; only from then on the credential is tried again, for
//! that would hide what others do.

use super::Order;
use super::forward::said_since;
use super::progress::{Progress, poll_after_ms};
use super::silence::NAMED;
use crate::rotation::NEW_USED;
use crate::rotation::facts::{Facts, Probe};
use crate::rotation::words::Look;
use chrono::{DateTime, SecondsFormat};
use keywheel_contract::{LastUse, Session, Style};

/// What an issuer says of uses of the new credential, as kept in the reading.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct NewUse {
    /// The last one that it dates, whoever it was.
    at_ms: Option<i64>,
    /// That figure is complete up to this moment.
    as_of_ms: i64,
    /// The coarsest unit of that figure.
    granularity_ms: i64,
    /// When we tried it last, as far as was known when this was asked.
    tried_ms: Option<i64>,
    /// Who is logged in with it and is not us.
    by: Vec<String>,
}

impl NewUse {
    /// From the figure of last use, where there is one, and from who is logged in.
    pub(crate) fn of(last: Option<LastUse>, sessions: Vec<Session>, facts: &Facts) -> Self {
        let theirs = |one: &Session| one.application.as_deref() != Some(Session::OURS);
        let mut by: Vec<String> = sessions
            .into_iter()
            .filter(theirs)
            .map(|one| one.from)
            .collect();
        by.sort();
        by.dedup();
        by.truncate(NAMED);
        let tried = facts.probe(Look::TestCandidate, "");
        let granularity = last.as_ref().map_or(0, |last| last.granularity.as_millis());
        Self {
            at_ms: last.as_ref().and_then(|last| last.at_ms),
            as_of_ms: last.as_ref().map_or(facts.now_ms, |last| last.as_of_ms),
            granularity_ms: i64::try_from(granularity).unwrap_or(i64::MAX),
            tried_ms: tried
                .filter(|_| facts.can.issuer.tests)
                .map(|one| one.at_ms),
            by,
        }
    }

    /// How it was used by somebody else, for people; `None` where that is not shown.
    fn shown(&self, facts: &Facts) -> Option<String> {
        if !self.by.is_empty() {
            return Some(format!("logged in with it: {}", self.by.join(", ")));
        }
        let at_ms = self.at_ms.filter(|at| *at > self.counts_after_ms(facts))?;
        Some(format!("used at {}", moment(at_ms)))
    }

    /// A dated use is somebody else's where it is later than this: than the publish and our last try, by more than the
    /// figure's coarsest unit and by more than clocks differ. That unit may be the start or the end of a span, or how
    /// long the service does not write down another use after one.
    fn counts_after_ms(&self, facts: &Facts) -> i64 {
        let published_ms = facts.published_ms.unwrap_or(facts.phase_since_ms);
        let ours_ms = self
            .tried_ms
            .map_or(published_ms, |tried| tried.max(published_ms));
        ours_ms
            .saturating_add(self.granularity_ms)
            .saturating_add(facts.pace.clocks_ms)
    }

    /// What is missing, for people.
    fn missing(&self, facts: &Facts) -> String {
        let nobody = "nobody but keywheel was seen to use the new credential";
        if !facts.can.issuer.reports_last_use {
            return nobody.to_owned();
        }
        let from = moment(self.counts_after_ms(facts));
        match self.at_ms {
            Some(at_ms) => format!(
                "{nobody}: its last use, at {}, may be our own test; one after {from} counts",
                moment(at_ms)
            ),
            None => format!("{nobody}; a use after {from} counts"),
        }
    }
}

/// How somebody else was seen to use the new credential; `None` where nobody was.
pub(crate) fn seen_in_use(facts: &Facts) -> Option<String> {
    let probe = facts
        .probe(Look::NewUse, "")
        .filter(|probe| probe.is_ok())?;
    figure(probe)?.shown(facts)
}

/// Whether somebody was seen to use it, or nobody has to be; if not, adds the reading, its wait, or its question, which
/// is not asked before `patient_ms` and the time to prove after it.
pub(super) fn is_seen(facts: &Facts, progress: &mut Progress<'_>, patient_ms: i64) -> bool {
    let published_ms = facts.published_ms.unwrap_or(facts.phase_since_ms);
    let needless = !is_asked(facts) || said_since(facts, NEW_USED, published_ms);
    if needless || seen_in_use(facts).is_some() {
        return true;
    }
    if !is_told(facts) {
        progress.ask(format!(
            "`new_used` is asked for, and its issuer cannot say who uses a credential; nothing more is ended: take that \
             out of the entry, or vouch for it: {}",
            vouch(facts.plan.id.as_str())
        ));
        return false;
    }
    let read = facts.probe(Look::NewUse, "");
    let read = read.filter(|probe| probe.is_ok() && probe.at_ms >= facts.retried_ms);
    match read {
        Some(probe) if facts.now_ms < again_ms(facts, probe) => {
            unseen(facts, progress, probe, patient_ms);
        }
        Some(_) => progress.read(Order::NewUse),
        None => {
            progress.look(Look::NewUse, "", 0, || Order::NewUse);
        }
    }
    false
}

/// Why a rotation that has to show it is never begun.
pub(super) fn never(facts: &Facts) -> Option<String> {
    let id = &facts.plan.id;
    (is_asked(facts) && !is_told(facts)).then(|| {
        format!(
            "`new_used` is asked for, and its issuer cannot say who uses a credential while the old one works: take it \
             out of the entry, and begin anew after `keywheel cancel {id}`"
        )
    })
}

/// What a person types who knows better.
pub(super) fn vouch(id: &str) -> String {
    format!("keywheel vouch {id} --new-used --reason \"…\"")
}

/// In the plan or in today's entry, where there is an old credential to keep until then.
fn is_asked(facts: &Facts) -> bool {
    let today = facts.today.as_ref().is_some_and(|today| today.new_used);
    (facts.plan.new_used || today) && facts.old.is_some() && !facts.is_contained()
}

/// Whether the issuer tells of uses, and while both credentials work.
fn is_told(facts: &Facts) -> bool {
    let issuer = &facts.can.issuer;
    let overlaps = !matches!(issuer.style, Style::InPlace | Style::Generated);
    overlaps && (issuer.reports_last_use || issuer.sessions)
}

fn figure(probe: &Probe) -> Option<NewUse> {
    serde_json::from_str(&probe.detail).ok()
}

/// Whoever is logged in may be gone soon; a figure says the same for a while.
fn again_ms(facts: &Facts, read: &Probe) -> i64 {
    let pause_ms = match facts.can.issuer.sessions {
        true => poll_after_ms(facts, read.at_ms),
        false => facts.pace.poll_max_ms,
    };
    read.at_ms + pause_ms + 1
}

fn unseen(facts: &Facts, progress: &mut Progress<'_>, read: &Probe, patient_ms: i64) {
    let Some(figure) = figure(read) else {
        progress.ask("what its issuer says of uses of the new credential cannot be read");
        return;
    };
    let missing = figure.missing(facts);
    // No figure can show it sooner.
    let shows_ms = figure.counts_after_ms(facts) + (read.at_ms - figure.as_of_ms).max(0);
    let turn_ms = patient_ms.max(facts.phase_since_ms).max(facts.retried_ms);
    let late_ms = turn_ms
        .max(shows_ms)
        .saturating_add(facts.plan.timing.prove_within.millis());
    match facts.now_ms < late_ms {
        true => progress.wait(again_ms(facts, read), "new_use", &missing),
        false => progress.ask(format!(
            "{missing}; nothing more is ended: bring a consumer to it, or say that nobody has to use it: {}",
            vouch(facts.plan.id.as_str())
        )),
    }
}

fn moment(at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
