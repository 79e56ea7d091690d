//! Which characters a value is made of, and which kinds of them it must have.

use keywheel_contract::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Printable ASCII that is neither a letter nor a digit nor the space.
const SYMBOLS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// A kind of character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digit,
    /// Printable ASCII that is none of the above, without the space.
    Symbol,
}

impl Class {
    /// Whether the character is of this kind.
    pub(crate) fn has(self, c: char) -> bool {
        match self {
            Self::Lower => c.is_ascii_lowercase(),
            Self::Upper => c.is_ascii_uppercase(),
            Self::Digit => c.is_ascii_digit(),
            Self::Symbol => SYMBOLS.contains(c),
        }
    }

    /// The word a person writes.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        }
    }
}

/// A set of printable ASCII characters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alphabet(Vec<char>);

impl Alphabet {
    /// The characters of the text, each once.
    ///
    /// # Errors
    /// `Invalid`: empty, or a character that is not printable ASCII or comes twice.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let set: BTreeSet<char> = text.chars().collect();
        if set.is_empty() || set.len() != text.chars().count() {
            return Err(Error::invalid("alphabet is empty or has a character twice"));
        }
        if !set.iter().all(char::is_ascii_graphic) {
            return Err(Error::invalid(
                "alphabet has a character that is not printable ASCII, or a space",
            ));
        }
        Ok(Self(set.into_iter().collect()))
    }

    pub(crate) fn chars(&self) -> &[char] {
        &self.0
    }

    /// The same as bytes, for all are ASCII.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .filter_map(|c| u8::try_from(*c).ok())
            .collect()
    }

    pub(crate) fn has(&self, c: char) -> bool {
        self.0.binary_search(&c).is_ok()
    }

    /// How many of its characters are of this kind.
    pub(crate) fn count(&self, class: Class) -> usize {
        self.0.iter().filter(|c| class.has(**c)).count()
    }
}

/// Checks that each required kind occurs.
///
/// # Errors
/// `Invalid`, with the kind that is missing.
pub(crate) fn has_required(text: &str, required: &[Class]) -> Result<()> {
    let missing = required
        .iter()
        .find(|class| !text.chars().any(|c| class.has(c)));
    match missing {
        None => Ok(()),
        Some(class) => Err(Error::invalid(format!(
            "the value has no character of class `{}`",
            class.word()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Alphabet, Class, SYMBOLS, has_required};

    #[test]
    fn every_printable_character_is_of_one_class() {
        let classes = [Class::Lower, Class::Upper, Class::Digit, Class::Symbol];
        for c in (b'!'..=b'~').map(char::from) {
            assert_eq!(
                classes.iter().filter(|class| class.has(c)).count(),
                1,
                "{c}"
            );
        }
        assert_eq!(SYMBOLS.len(), 32);
    }

    #[test]
    fn an_alphabet_is_plain_and_has_no_repeats() {
        assert_eq!(Alphabet::parse("cab").unwrap().chars(), ['a', 'b', 'c']);
        for wrong in ["", "aba", "a b", "é", "a\n"] {
            assert!(Alphabet::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_missing_class_is_named() {
        assert!(has_required("aB3", &[Class::Upper, Class::Digit]).is_ok());
        let error = has_required("ab3", &[Class::Upper]).unwrap_err();
        assert!(error.message.contains("`upper`"));
    }
}
