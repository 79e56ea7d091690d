//! Which outside systems give no answer, and how many rotations may try one meanwhile, so that those of a system that
//! hangs do not hold up the others. Each process knows this for itself, from its own calls, and nothing rests on it
//! but when a rotation is looked at again.

use keywheel_contract::{Error, ErrorKind};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A system hangs when a call has waited for it so long and no other was answered meanwhile.
const SILENT: Duration = Duration::from_secs(2);
/// So many rotations go on trying a system that hangs.
const TRYING: usize = 2;
/// The next one comes back after this, and each one after it a little later: what comes back can be served.
const BACK_AFTER: Duration = Duration::from_secs(5);
/// A little later.
const APART: Duration = Duration::from_millis(20);
/// The last one comes back after this.
const BACK_WITHIN: Duration = Duration::from_secs(300);

/// All work of one process.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    numbers: u64,
    /// The systems of each rotation that is worked on, by the number of the work.
    works: HashMap<u64, BTreeSet<String>>,
    systems: HashMap<String, System>,
}

#[derive(Debug, Default)]
struct System {
    /// Since when each call waits, by its number.
    waiting: HashMap<u64, Instant>,
    answered: Option<Instant>,
    /// Whether a call waited in vain since.
    in_vain: bool,
    /// Rotations that were sent away since.
    sent_away: u32,
}

impl System {
    fn hangs(&self, now: Instant) -> bool {
        let oldest = self.waiting.values().min().copied();
        let silent_since = oldest.max(oldest.and(self.answered));
        let is_silent = silent_since.is_some_and(|since| now.duration_since(since) >= SILENT);
        self.in_vain || is_silent
    }
}

/// Why a rotation is not worked on now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hangs {
    /// The system that gives no answer.
    pub system: String,
    /// When to come back.
    pub after: Duration,
}

impl Crowd {
    /// Whether a rotation of these systems should be worked on now.
    ///
    /// # Errors
    /// One of its systems hangs, and enough others try it.
    pub fn look(&self, systems: &BTreeSet<String>, now: Instant) -> Result<(), Hangs> {
        let mut state = self.state();
        let Some(name) = state.full(systems, now) else {
            return Ok(());
        };
        let system = state.systems.entry(name.clone()).or_default();
        let after = BACK_AFTER.saturating_add(APART.saturating_mul(system.sent_away));
        system.sent_away = system.sent_away.saturating_add(1);
        Err(Hangs {
            system: name,
            after: after.min(BACK_WITHIN),
        })
    }

    /// A rotation of these systems is worked on, until what is returned is dropped.
    pub fn enter(&self, systems: BTreeSet<String>) -> Work<'_> {
        let mut state = self.state();
        let number = state.next();
        state.works.insert(number, systems);
        Work {
            crowd: self,
            number,
        }
    }

    /// How many rotations that are worked on have to do with a system that hangs.
    pub fn stuck(&self, now: Instant) -> usize {
        let state = self.state();
        let hangs = |name: &String| state.hangs(name, now);
        let works = state.works.values();
        works.filter(|systems| systems.iter().any(hangs)).count()
    }

    /// A call to a system begins.
    pub(super) fn call(&self, system: String, now: Instant) -> Call<'_> {
        let mut state = self.state();
        let number = state.next();
        let waiting = &mut state.systems.entry(system.clone()).or_default().waiting;
        waiting.insert(number, now);
        Call {
            crowd: self,
            number,
            system,
            since: now,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn hangs(&self, name: &str, now: Instant) -> bool {
        let system = self.systems.get(name);
        system.is_some_and(|system| system.hangs(now))
    }

    /// The first of these systems that hangs and that enough rotations try.
    fn full(&self, systems: &BTreeSet<String>, now: Instant) -> Option<String> {
        let is_full = |name: &&String| {
            let works = self.works.values();
            self.hangs(name, now) && works.filter(|work| work.contains(*name)).count() >= TRYING
        };
        systems.iter().find(is_full).cloned()
    }
}

/// One rotation is worked on.
#[derive(Debug)]
pub struct Work<'a> {
    crowd: &'a Crowd,
    number: u64,
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.crowd.state().works.remove(&self.number);
    }
}

/// One call waits for an answer.
pub(super) struct Call<'a> {
    crowd: &'a Crowd,
    number: u64,
    system: String,
    since: Instant,
}

impl Call<'_> {
    /// What became of it. A provider that gives up by itself after a while was not answered either; a refused
    /// connection is an answer, and holds nobody up.
    pub(super) fn end<T>(self, outcome: &Result<T, Error>, now: Instant) {
        let gave_up = now.duration_since(self.since) >= SILENT;
        let kind = outcome.as_ref().map_err(|error| &error.kind);
        let mut state = self.crowd.state();
        let system = state.systems.entry(self.system.clone()).or_default();
        match kind {
            // Of our own making perhaps, before anything was sent.
            Err(ErrorKind::Throttled { .. } | ErrorKind::Invalid) => {}
            Err(ErrorKind::Unavailable | ErrorKind::UnknownOutcome) if gave_up => {
                system.in_vain = true;
            }
            _ => {
                system.answered = Some(now);
                system.in_vain = false;
                system.sent_away = 0;
            }
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state = self.crowd.state();
        let Some(system) = state.systems.get_mut(&self.system) else {
            return;
        };
        system.waiting.remove(&self.number);
        // Nothing is kept of one that answers.
        if system.waiting.is_empty() && !system.in_vain {
            state.systems.remove(&self.system);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> BTreeSet<String> {
        BTreeSet::from([name.to_owned()])
    }

    fn after(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_system_hangs_when_nothing_was_answered_while_a_call_waits() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let _work = crowd.enter(of("a"));
        let call = crowd.call("a".to_owned(), start);
        assert_eq!(crowd.stuck(after(start, 1.9)), 0);
        assert_eq!(crowd.stuck(after(start, 2.0)), 1);
        let other = crowd.call("a".to_owned(), after(start, 2.0));
        other.end(&Ok(()), after(start, 2.1));
        assert_eq!(
            crowd.stuck(after(start, 4.0)),
            0,
            "another call was answered"
        );
        assert_eq!(
            crowd.stuck(after(start, 4.1)),
            1,
            "and then none for a while"
        );
        call.end(&Ok(()), after(start, 5.0));
        assert_eq!(crowd.stuck(after(start, 60.0)), 0);
    }

    #[test]
    fn one_that_let_a_call_wait_in_vain_hangs_until_it_answers() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let unheard: Result<(), Error> = Err(Error::unavailable("no answer"));
        crowd
            .call("a".to_owned(), start)
            .end(&unheard, after(start, 10.0));
        let _work = crowd.enter(of("a"));
        assert_eq!(crowd.stuck(after(start, 20.0)), 1);
        crowd
            .call("a".to_owned(), after(start, 20.0))
            .end(&Ok(()), after(start, 20.0));
        assert_eq!(crowd.stuck(after(start, 20.0)), 0);
    }

    #[test]
    fn a_refused_connection_is_an_answer() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let _work = crowd.enter(of("a"));
        let refused: Result<(), Error> = Err(Error::unavailable("connection refused"));
        crowd
            .call("a".to_owned(), start)
            .end(&refused, after(start, 0.1));
        assert_eq!(crowd.stuck(after(start, 60.0)), 0);
    }

    #[test]
    fn what_we_refuse_ourselves_is_no_answer() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let _work = crowd.enter(of("a"));
        let call = crowd.call("a".to_owned(), start);
        let ours: Result<(), Error> = Err(Error::invalid("too long"));
        crowd
            .call("a".to_owned(), start)
            .end(&ours, after(start, 2.0));
        assert_eq!(crowd.stuck(after(start, 2.0)), 1);
        drop(call);
    }

    #[test]
    fn few_try_one_that_hangs_and_the_others_come_back_one_after_the_other() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let _call = crowd.call("a".to_owned(), start);
        let now = after(start, 3.0);
        let first = crowd.enter(of("a"));
        assert_eq!(crowd.look(&of("a"), now), Ok(()), "two try it");
        let _second = crowd.enter(of("a"));
        let third = crowd.look(&of("a"), now).unwrap_err();
        let fourth = crowd.look(&of("a"), now).unwrap_err();
        assert_eq!(
            (third.system.as_str(), third.after),
            ("a", Duration::from_secs(5))
        );
        assert_eq!(fourth.after, Duration::from_millis(5_020));
        assert_eq!(crowd.look(&of("b"), now), Ok(()), "another one is served");
        drop(first);
        assert_eq!(crowd.look(&of("a"), now), Ok(()), "somebody has to try");
    }

    #[test]
    fn nothing_is_kept_of_systems_that_answer() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let work = crowd.enter(of("a"));
        crowd.call("a".to_owned(), start).end(&Ok(()), start);
        drop(work);
        let state = crowd.state();
        assert!(state.systems.is_empty() && state.works.is_empty());
    }
}
