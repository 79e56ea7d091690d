//! Passwords that we choose.

use keywheel_contract::draw::{LETTERS_AND_DIGITS, draw};
use keywheel_contract::{Error, Fields, Result, SecretValue};
use std::ops::RangeInclusive;

/// 20 letters and digits are 119 bits.
const LENGTHS: RangeInclusive<usize> = 20..=128;
/// Where nothing is written.
const USUAL: usize = 32;

/// How the passwords of an account are made: letters and digits, so many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passwords {
    length: usize,
}

impl Passwords {
    /// By the setting `length`; 32 where left out.
    ///
    /// # Errors
    /// `Invalid`: too short to be worth something, or longer than every server takes.
    pub fn of_length(length: Option<usize>) -> Result<Self> {
        let length = length.unwrap_or(USUAL);
        match LENGTHS.contains(&length) {
            true => Ok(Self { length }),
            false => Err(Error::invalid(format!(
                "`length` is from {} to {}",
                LENGTHS.start(),
                LENGTHS.end()
            ))),
        }
    }

    /// A new one.
    ///
    /// # Errors
    /// `Unavailable`: there is no randomness.
    pub fn draw(self) -> Result<SecretValue> {
        draw(LETTERS_AND_DIGITS, self.length)
    }

    /// What one is worth, in bits, rounded down.
    #[must_use]
    pub fn entropy_bits(self) -> u32 {
        // log2(62) is 5.954…
        u32::try_from(self.length * 5954 / 1000).unwrap_or(u32::MAX)
    }

    /// Whether the field `password` may follow the previous one: as long as ours, and another.
    ///
    /// # Errors
    /// `Invalid`, with the rule that is broken.
    pub fn check(self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let password = candidate.field("password");
        let text = password.and_then(SecretValue::expose_secret_str);
        let text = text.unwrap_or_default();
        if text.len() < self.length || text.contains(char::is_control) {
            return Err(Error::invalid(
                "`password` is shorter than `length`, or not plain text",
            ));
        }
        let same = previous.and_then(|previous| previous.field("password"));
        match same
            .zip(password)
            .is_some_and(|(old, new)| old.matches(new))
        {
            true => Err(Error::invalid(
                "`password` is the previous one: a rotation needs another",
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Passwords;
    use keywheel_contract::{Fields, SecretValue};

    fn fields(password: &str) -> Fields {
        let value = SecretValue::from(password.to_owned());
        [("password".to_owned(), value)].into_iter().collect()
    }

    #[test]
    fn passwords_are_as_long_as_asked_for() {
        for (length, bits) in [(Some(20), 119), (None, 190), (Some(128), 762)] {
            let passwords = Passwords::of_length(length).unwrap();
            assert_eq!(passwords.draw().unwrap().len(), length.unwrap_or(32));
            assert_eq!(passwords.entropy_bits(), bits);
        }
        for wrong in [0, 19, 129, usize::MAX] {
            let error = Passwords::of_length(Some(wrong)).unwrap_err();
            assert_eq!(error.message, "`length` is from 20 to 128");
        }
    }

    #[test]
    fn a_password_that_is_short_odd_or_the_old_one_does_not_follow() {
        let passwords = Passwords::of_length(Some(20)).unwrap();
        let (old, new) = (
            fields("example-password-one-"),
            fields("example-password-two-"),
        );
        assert!(passwords.check(&new, None).is_ok());
        assert!(passwords.check(&new, Some(&old)).is_ok());
        for (wrong, words) in [
            (&old, "the previous one"),
            (&fields("example"), "shorter"),
            (&fields("example-password-two-\n"), "not plain text"),
            (&Fields::new(), "shorter"),
        ] {
            let error = passwords.check(wrong, Some(&old)).unwrap_err();
            assert!(error.message.contains(words), "{}", error.message);
        }
    }
}
