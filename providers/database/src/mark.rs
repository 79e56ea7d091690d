//! What a principal's mark says about its value, and what follows from it for a change (pure).
//!
//! Numbers only rise. A new value gets the number after the highest that was ever used for its principal, and is set only
//! while that is still the highest: whatever happened to the principal meanwhile used it up. So a statement that was sent
//! long ago and arrives now finds its number gone. Where the mark is kept is each server's own matter.

use crate::identity::Value;
use keywheel_contract::{Error, Result};

/// The state of a principal, as its mark has it. One without a mark has its value from before keywheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark<const N: usize> {
    /// The highest number used so far.
    pub fence: u64,
    /// The value set last.
    pub value: Value<N>,
    /// Whether that was ended for good.
    pub ended: bool,
}

impl<const N: usize> Mark<N> {
    /// Whether this value is the one set last, ended or not.
    #[must_use]
    pub fn stands(&self, value: Value<N>) -> bool {
        self.value == value
    }

    /// The same, and it was not ended.
    #[must_use]
    pub fn is_live(&self, value: Value<N>) -> bool {
        self.stands(value) && !self.ended
    }

    /// The number that a new value gets.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.fence + 1
    }

    /// The mark after a value was set, for the first time or once more.
    ///
    /// # Errors
    /// `Conflict`: it comes too late, or somebody else changed the principal meanwhile.
    pub fn set(&self, value: Value<N>) -> Result<Self> {
        let fence = if self.is_live(value) {
            self.fence
        } else if value.serial == self.next() {
            value.serial
        } else {
            return Err(Error::conflict(
                None,
                "the role or user was changed since this value was made for it: nothing was altered",
            ));
        };
        Ok(self.with(fence, value))
    }

    /// The mark after a value was set that may have stood before: a number is used up, so that one that is still on its
    /// way finds its own gone.
    #[must_use]
    pub fn return_to(&self, value: Value<N>) -> Self {
        self.with(self.next(), value)
    }

    /// The mark after a value was ended; `None` where nothing is to be done. One that was never set uses up its number.
    #[must_use]
    pub fn end(&self, value: Value<N>) -> Option<Self> {
        if self.is_live(value) {
            let ended = true;
            return Some(Self { ended, ..*self });
        }
        let fence = value.serial;
        (fence == self.next()).then_some(Self { fence, ..*self })
    }

    fn with(&self, fence: u64, value: Value<N>) -> Self {
        Self {
            fence,
            value,
            ended: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;
    use crate::identity::Value;
    use keywheel_contract::ErrorKind;

    fn value(serial: u64) -> Value<4> {
        Value {
            serial,
            salt: (serial > 0).then_some([7; 4]),
        }
    }

    #[test]
    fn a_value_is_set_again_and_never_late() {
        let set = Mark::default().set(value(1)).unwrap();
        assert_eq!(set.set(value(1)).unwrap(), set);
        let other = Value {
            serial: 1,
            salt: Some([8; 4]),
        };
        let ended = set.end(value(1)).unwrap();
        let next = ended.set(value(2)).unwrap();
        for (mark, late) in [
            (set, other),
            (set, value(0)),
            (ended, value(1)),
            (next, value(1)),
        ] {
            let error = mark.set(late).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict { seen: None });
        }
        assert!(next.is_live(value(2)) && !next.stands(value(1)));
        assert!(ended.stands(value(1)) && !ended.is_live(value(1)));
    }

    #[test]
    fn the_end_of_what_never_arrived_uses_its_number_up() {
        let burnt = Mark::default().end(value(1)).unwrap();
        assert!(burnt.is_live(value(0)) && burnt.set(value(1)).is_err());
        assert!(burnt.set(value(2)).is_ok());
        assert_eq!(burnt.end(value(1)), None);
        let back = burnt.return_to(value(1));
        assert!(back.is_live(value(1)) && back.set(value(2)).is_err());
    }
}
