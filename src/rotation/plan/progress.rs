//! What a phase still has to do, collected from its parts: calls, waits and questions.

use super::{Order, Step, Waiting, used};
use crate::rotation::facts::{Effect, Facts, Probe, backoff_ms};
use crate::rotation::gate::{self, Missing, Required};
use crate::rotation::phase::Event;
use crate::rotation::words::{Kind, Look, Status};

/// Collects what is left of a phase. A part that is done adds nothing.
pub(super) struct Progress<'f> {
    facts: &'f Facts,
    orders: Vec<Order>,
    waits: Vec<(i64, Waiting)>,
    stuck: Vec<String>,
}

impl<'f> Progress<'f> {
    pub(super) fn new(facts: &'f Facts) -> Self {
        Self {
            facts,
            orders: Vec::new(),
            waits: Vec::new(),
            stuck: Vec::new(),
        }
    }

    /// Whether this effect took effect; if not, adds its next try, its wait or its question.
    pub(super) fn effect(&mut self, kind: Kind, target: &str) -> bool {
        self.effect_limited(kind, target, self.facts.pace.attempts)
    }

    /// The same, retried for ever: for what must end one day whatever happens.
    pub(super) fn effect_forever(&mut self, kind: Kind, target: &str) -> bool {
        self.effect_limited(kind, target, i64::MAX)
    }

    fn effect_limited(&mut self, kind: Kind, target: &str, limit: i64) -> bool {
        let facts = self.facts;
        let Some(last) = facts.effect(kind, target) else {
            self.perform(kind, target, 1);
            return false;
        };
        let failed_since = facts
            .effects
            .iter()
            .filter(|e| e.kind == kind && e.target == target && e.created_ms >= facts.retried_ms)
            .filter(|e| e.word != THROTTLED);
        let tries = i64::try_from(failed_since.count()).unwrap_or(i64::MAX);
        match last.status {
            Status::Applied if undone(facts, last) => self.perform(kind, target, last.attempt + 1),
            Status::Applied => return true,
            // Each try made something that nobody can use: not for ever.
            Status::Orphaned if tries >= limit => {
                let lost = format!("{}: {tries} answers in a row were lost", kind.word());
                self.stuck.push(lost);
            }
            Status::Absent | Status::Orphaned => self.perform(kind, target, last.attempt + 1),
            // Unsettled ones are looked up before any phase is planned.
            Status::Intent | Status::Pending => self.wait(last.deadline_ms, "outcome", target),
            Status::Failed if last.created_ms < facts.retried_ms => {
                self.perform(kind, target, last.attempt + 1);
            }
            Status::Failed
                if (is_final(&last.word) || (tries >= limit && last.word != THROTTLED))
                    && !super::never_gives_up(facts)
                    && !look_again(facts, last.settled_ms) =>
            {
                let question = format!("{} {target}: {}", kind.word(), last.result.detail);
                self.stuck.push(question);
            }
            Status::Failed if facts.now_ms >= last.retry_ms => {
                self.perform(kind, target, last.attempt + 1);
            }
            Status::Failed => {
                let what = format!("{target} ({})", last.result.detail);
                self.wait(last.retry_ms, "retry", &what);
            }
        }
        false
    }

    /// Adds a try of an effect, whatever became of the one before.
    pub(super) fn perform(&mut self, kind: Kind, target: &str, attempt: i64) {
        self.orders.push(Order::Perform {
            kind,
            target: target.to_owned(),
            attempt,
        });
    }

    /// Adds a reading, whatever the one before said.
    pub(super) fn read(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// The result of a reading younger than `since_ms` that said yes; if there is none, adds the reading, its
    /// wait or its question.
    pub(super) fn look(
        &mut self,
        look: Look,
        target: &str,
        since_ms: i64,
        order: impl FnOnce() -> Order,
    ) -> Option<&'f Probe> {
        self.look_limited(look, target, since_ms, self.facts.pace.attempts, order)
    }

    /// The same, asked for ever.
    pub(super) fn look_forever(
        &mut self,
        look: Look,
        target: &str,
        since_ms: i64,
        order: impl FnOnce() -> Order,
    ) -> Option<&'f Probe> {
        self.look_limited(look, target, since_ms, i64::MAX, order)
    }

    fn look_limited(
        &mut self,
        look: Look,
        target: &str,
        since_ms: i64,
        limit: i64,
        order: impl FnOnce() -> Order,
    ) -> Option<&'f Probe> {
        let facts = self.facts;
        let since_ms = since_ms.max(facts.retried_ms);
        let Some(probe) = facts
            .probe(look, target)
            .filter(|probe| probe.at_ms >= since_ms)
        else {
            self.orders.push(order());
            return None;
        };
        if probe.is_ok() {
            return Some(probe);
        }
        let throttled = probe.result == THROTTLED;
        let pause_ms = match throttled {
            // The quotas pace what is told to slow down; what takes hours to be in force is asked for seldom.
            true => backoff_ms(&facts.pace, 1, target).max(poll_ms(facts)),
            false => backoff_ms(&facts.pace, probe.failures, target),
        };
        let retry_ms = probe.at_ms + pause_ms;
        let tired = probe.failures >= limit && !throttled;
        let given_up = (is_final(&probe.result) && limit != i64::MAX) || tired;
        if given_up && !super::never_gives_up(facts) && !look_again(facts, Some(probe.at_ms)) {
            let question = format!("{} {target}: {}", look.word(), probe.detail).replace("  ", " ");
            self.stuck.push(question);
        } else if facts.now_ms >= retry_ms {
            self.orders.push(order());
        } else {
            self.wait(retry_ms, "retry", &format!("{target} ({})", probe.detail));
        }
        None
    }

    /// Whether every one of `consumers` is proven on `credential`; if not, asks those that are missing, not
    /// more often than their poll allows. Consumers that cannot be seen are waited for without asking.
    pub(super) fn proven(
        &mut self,
        consumers: &[Required],
        credential: &str,
        since: impl Fn(&Required) -> i64,
    ) -> Vec<Missing> {
        let facts = self.facts;
        let missing = gate::missing(facts, consumers, credential, &since);
        for one in &missing {
            let Some(required) = consumers.iter().find(|c| c.name == one.consumer) else {
                continue;
            };
            let asked = facts
                .probe(Look::Observe, &one.consumer)
                .map(|probe| probe.at_ms);
            let (poll_ms, since_ms) = (poll_ms(facts), since(required));
            match asked {
                _ if !can_be_seen(facts, &one.consumer) => {
                    self.wait(facts.now_ms + poll_ms, "consumer", &label(one));
                }
                Some(at)
                    if facts.now_ms < at + poll_ms
                        && (at > since_ms || since_ms > facts.now_ms) =>
                {
                    self.wait(at + poll_ms, "consumer", &label(one));
                }
                // Answered in the instant after which answers count: only a later one does.
                Some(at) if at == facts.now_ms => self.wait(at + 1, "consumer", &label(one)),
                Some(_) | None => self.orders.push(Order::Observe {
                    consumer: one.consumer.clone(),
                }),
            }
        }
        self.read_again(consumers, &missing);
        missing
    }

    /// An instance may have said something else since one of its consumer was found proven: what is posted is read again
    /// before it is relied upon.
    fn read_again(&mut self, consumers: &[Required], missing: &[Missing]) {
        let facts = self.facts;
        let is_missing = |name: &str| missing.iter().any(|one| one.consumer == name);
        for one in consumers
            .iter()
            .filter(|c| c.attests() && !is_missing(&c.name))
        {
            let read = facts.probe(Look::Observe, &one.name);
            if read.is_none_or(|probe| facts.now_ms >= probe.at_ms + poll_ms(facts)) {
                self.orders.push(Order::Observe {
                    consumer: one.name.clone(),
                });
            }
        }
    }

    /// Waits until then for something named.
    pub(super) fn wait(&mut self, until_ms: i64, kind: &'static str, name: &str) {
        let waiting = Waiting {
            kind: kind.to_owned(),
            name: match super::in_critical_section(self.facts) {
                true => format!("{name}; consumers are locked out until then"),
                false => name.to_owned(),
            },
            since_ms: self.facts.phase_since_ms,
            until_ms: Some(until_ms),
            next_command: typed(kind, self.facts.plan.id.as_str()),
        };
        self.waits.push((until_ms, waiting));
    }

    /// Waits for something named that ends by itself, looking again often at first, seldom later.
    pub(super) fn wait_a_little(&mut self, kind: &'static str, name: &str) {
        let facts = self.facts;
        self.wait(facts.now_ms + poll_ms(facts), kind, name);
    }

    /// Asks a person.
    pub(super) fn ask(&mut self, question: impl Into<String>) {
        self.stuck.push(question.into());
    }

    /// What to do now: calls first, then questions, then waits; `event` where nothing is left.
    pub(super) fn or(self, event: Event) -> Step {
        self.or_else(|| Step::Advance(event), super::blocked)
    }

    /// The same, where a question means the way back.
    pub(super) fn or_turn_back(self, event: Event) -> Step {
        let give_up = |facts: &Facts, question: &str| match super::can_turn_back(facts) {
            Ok(()) => Step::TurnBack {
                reason: question.to_owned(),
            },
            Err(_) => super::blocked(facts, question),
        };
        self.or_else(|| Step::Advance(event), give_up)
    }

    /// The general form.
    pub(super) fn or_else(
        self,
        done: impl FnOnce() -> Step,
        stuck: impl FnOnce(&Facts, &str) -> Step,
    ) -> Step {
        if !self.orders.is_empty() {
            return Step::Act(self.orders);
        }
        if let Some(first) = self.stuck.first() {
            return stuck(self.facts, first);
        }
        match self.waits.iter().map(|(until, _)| *until).min() {
            Some(until_ms) => {
                let waiting = self.waits.into_iter().map(|(_, waiting)| waiting).collect();
                Step::Wait { until_ms, waiting }
            }
            None => done(),
        }
    }

    /// Whether nothing is left so far.
    pub(super) fn is_done(&self) -> bool {
        self.orders.is_empty() && self.waits.is_empty() && self.stuck.is_empty()
    }
}

/// What a person can type about a wait; nothing where only time passes.
fn typed(kind: &str, id: &str) -> String {
    match kind {
        "consumer" => format!("keywheel prove {id}"),
        "retry" => format!("keywheel retry {id}"),
        "outcome" => format!("keywheel show {id}"),
        "new_use" => used::vouch(id),
        _ => String::new(),
    }
}

fn can_be_seen(facts: &Facts, consumer: &str) -> bool {
    facts
        .can
        .consumers
        .get(consumer)
        .is_none_or(|can| can.strongest.is_some())
}

fn label(missing: &Missing) -> String {
    format!(
        "{} {}/{} ({})",
        missing.consumer, missing.proven, missing.instances, missing.why
    )
}

/// Whether a later effect took this one back, or may have.
fn undone(facts: &Facts, effect: &Effect) -> bool {
    let by = match effect.kind {
        Kind::DisableCredential => Kind::EnableCredential,
        Kind::DisableVersion => Kind::EnableVersion,
        Kind::EnableCredential => Kind::DisableCredential,
        Kind::EnableVersion => Kind::DisableVersion,
        _ => return false,
    };
    let later = |other: &Effect| other.created_ms > effect.created_ms;
    let same = |other: &&Effect| other.kind == by && other.target == effect.target;
    let mut others = facts.effects.iter().filter(same);
    others.any(|other| later(other) && super::ending::may_hold(other))
}

/// What was given up is tried again now and then, so that a cure is noticed without being told.
fn look_again(facts: &Facts, last_ms: Option<i64>) -> bool {
    last_ms.is_some_and(|last| facts.now_ms >= last + super::LOOK_AGAIN_MS)
}

/// An eighth of the time spent in the phase: often at first, seldom later.
fn poll_ms(facts: &Facts) -> i64 {
    poll_after_ms(facts, facts.now_ms)
}

/// The same after a reading of that moment.
pub(super) fn poll_after_ms(facts: &Facts, read_ms: i64) -> i64 {
    let spent = (read_ms - facts.phase_since_ms).max(0);
    (spent / 8).clamp(facts.pace.poll_min_ms, facts.pace.poll_max_ms)
}

/// Being told to wait is no failure: it never counts as a try and never ends in a question.
const THROTTLED: &str = "throttled";

/// Errors that the same call meets for ever.
fn is_final(word: &str) -> bool {
    matches!(
        word,
        "not_found" | "denied" | "invalid" | "natively_managed" | "dead" | "changed"
    )
}
