//! What a service may not show yet, because it was made just now.

use keywheel_contract::{CredentialId, Error};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The last credential that was made.
pub(crate) struct Young {
    /// A change is seen everywhere after so long.
    converges: Duration,
    /// Which one, where its answer came, and since when.
    last: Mutex<(Option<CredentialId>, Instant)>,
}

impl Young {
    /// Whoever ran before us may have made one just now.
    pub(crate) fn new(converges: Duration) -> Self {
        Self {
            converges,
            last: Mutex::new((None, Instant::now())),
        }
    }

    /// One is made from now on, or was made now: its name, where it is known.
    pub(crate) fn made(&self, id: Option<&CredentialId>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = (id.cloned(), Instant::now());
    }

    /// This one was ended: that it is not listed is believed from now on.
    pub(crate) fn ended(&self, id: &CredentialId) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.as_ref() == Some(id) {
            last.0 = None;
        }
    }

    /// Whether one that was made need not be listed yet.
    pub(crate) fn may_be_hidden(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.1.elapsed() < self.converges
    }

    /// Whether it is the last one, and need not be listed yet.
    pub(crate) fn is(&self, id: &CredentialId) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.0.as_ref() == Some(id) && last.1.elapsed() < self.converges
    }

    /// What is said in place of *it is not there*.
    pub(crate) fn unsure(&self, what: &str) -> Error {
        let seconds = self.converges.as_secs();
        Error::unavailable(format!(
            "{what}: what was made in the last {seconds} seconds may not be shown yet"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Young;
    use keywheel_contract::CredentialId;
    use std::time::Duration;

    #[test]
    fn only_the_last_one_is_young_and_not_for_ever() {
        let (one, other) = (CredentialId::new("one"), CredentialId::new("other"));
        let young = Young::new(Duration::from_secs(60));
        assert!(young.may_be_hidden() && !young.is(&one));
        young.made(Some(&one));
        assert!(young.is(&one) && !young.is(&other));
        young.ended(&other);
        assert!(young.is(&one));
        young.ended(&one);
        assert!(!young.is(&one) && young.may_be_hidden());
        let settled = Young::new(Duration::ZERO);
        settled.made(Some(&one));
        assert!(!settled.is(&one) && !settled.may_be_hidden());
    }
}
