//! What a service may not show yet, because it was made just now.

use keywheel_contract::Error;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What was made lately, by id. Entries on one account share it, and so it is kept for each of them.
pub struct Young {
    /// A change is seen everywhere after so long.
    converges: Duration,
    born: Instant,
    /// Since when; `None`: it is young no longer, whenever it was made.
    made: Mutex<BTreeMap<String, Option<Instant>>>,
}

impl Young {
    /// Of a service where a change is seen everywhere after that long.
    pub fn new(converges: Duration) -> Self {
        Self {
            converges,
            born: Instant::now(),
            made: Mutex::default(),
        }
    }

    /// The same as if it had started long ago, where this machine runs for as long.
    pub fn long_running(converges: Duration) -> Self {
        let young = Self::new(converges);
        Self {
            born: young.born.checked_sub(converges).unwrap_or(young.born),
            ..young
        }
    }

    /// After how long a change is seen everywhere.
    pub fn converges(&self) -> Duration {
        self.converges
    }

    /// It was made now.
    pub fn made(&self, name: &str) {
        self.remember()
            .insert(name.to_owned(), Some(Instant::now()));
    }

    /// It was seen: unless it was made here, it is taken for an old one, so that its end can be seen too.
    pub fn seen(&self, name: &str) {
        self.remember().entry(name.to_owned()).or_insert(None);
    }

    /// It was ended: that it is not listed is believed from now on.
    pub fn ended(&self, name: &str) {
        self.remember().insert(name.to_owned(), None);
    }

    /// Whether it need not be listed yet. What nobody here made may have been made just before we started.
    pub fn is(&self, name: &str) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let since = made.get(name).copied().unwrap_or(Some(self.born));
        since.is_some_and(|since| self.is_lately(since))
    }

    /// What is said in place of *it is not there*; `what` names the service and the call.
    pub fn unsure(&self, what: &str) -> Error {
        let seconds = self.converges.as_secs();
        Error::unavailable(format!(
            "{what}: what was made in the last {seconds} seconds may not be shown yet"
        ))
    }

    fn is_lately(&self, since: Instant) -> bool {
        since.elapsed() < self.converges
    }

    /// Without what is as good as forgotten: we started before it, and so what is not named here is not young then.
    fn remember(&self) -> MutexGuard<'_, BTreeMap<String, Option<Instant>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, since| self.is_lately(since.unwrap_or(self.born)));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::Young;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn each_is_young_by_itself_and_not_for_ever() {
        let young = Young::long_running(MINUTE);
        assert!(!young.is("one"));
        young.made("one");
        young.made("other");
        assert!(young.is("one") && young.is("other") && !young.is("third"));
        young.seen("one");
        young.ended("other");
        assert!(young.is("one") && !young.is("other"));
        let at_once = Young::new(Duration::ZERO);
        at_once.made("one");
        assert!(!at_once.is("one"));
    }

    #[test]
    fn what_nobody_here_made_may_be_of_just_before() {
        let young = Young::new(MINUTE);
        young.seen("one");
        young.ended("other");
        assert!(!young.is("one") && !young.is("other") && young.is("third"));
    }

    #[test]
    fn what_is_young_no_longer_is_forgotten() {
        let young = Young::long_running(MINUTE);
        let long_ago = Some(young.born);
        young
            .made
            .lock()
            .unwrap()
            .insert("one".to_owned(), long_ago);
        young.ended("other");
        young.made("third");
        let made = young.made.lock().unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), ["third"]);
    }
}
