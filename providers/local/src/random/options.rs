//! How an issuer `random` is configured, and the recipe that follows from it.

use super::draw::accepted_share;
use crate::alphabet::{Alphabet, Class};
use keywheel_contract::{Error, Result};
use serde::Deserialize;

const LETTERS_AND_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
/// RFC 4648, section 5.
const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where the drawn characters stand in a template.
const DRAWN: &str = "{random}";
/// A value below this can be guessed offline from a proof or a fingerprint.
const ENOUGH_BITS: f64 = 80.0;
/// Below this share of draws that have every required class, the length hardly fits the requirement.
const LEAST_SHARE: f64 = 0.01;
const LONGEST: usize = 4096;

/// A well-known alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Lower-case hexadecimal digits, 4 bits each.
    Hex,
    /// `A-Z a-z 0-9 - _` without padding, 6 bits each (RFC 4648, section 5).
    Base64url,
}

/// Options of the issuer `random`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomOptions {
    /// How many characters are drawn; 48 where left out. The template is not counted.
    pub length: Option<usize>,
    /// The characters to draw from; letters and digits where left out.
    pub alphabet: Option<String>,
    /// A well-known alphabet instead of `alphabet`.
    pub encoding: Option<Encoding>,
    /// Kinds of which at least one character must occur.
    pub require: Vec<Class>,
    /// Text around the drawn characters, with `{random}` once: `kw_{random}`.
    pub template: Option<String>,
    /// Why fewer than 80 bits of entropy are accepted here.
    pub allow_weak: Option<String>,
}

impl RandomOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "length",
        "alphabet",
        "encoding",
        "require",
        "template",
        "allow_weak",
    ];
}

/// What a value is made of.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) length: usize,
    pub(super) alphabet: Alphabet,
    pub(super) require: Vec<Class>,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) entropy_bits: u32,
}

impl Recipe {
    /// Checks the options and computes the entropy: of all texts of that length, those with every
    /// required class are equally likely.
    pub(super) fn parse(options: &RandomOptions) -> Result<Self> {
        let alphabet = alphabet(options)?;
        let length = options.length.unwrap_or(48);
        if length == 0 || length > LONGEST {
            return Err(Error::invalid(format!(
                "length is not between 1 and {LONGEST}"
            )));
        }
        let bits = entropy(&alphabet, length, &options.require)?;
        ensure_strong(bits, options.allow_weak.as_deref())?;
        let (before, after) = around(options.template.as_deref().unwrap_or(DRAWN))?;
        Ok(Self {
            length,
            alphabet,
            require: options.require.clone(),
            before,
            after,
            entropy_bits: bits as u32,
        })
    }
}

fn alphabet(options: &RandomOptions) -> Result<Alphabet> {
    let text = match (&options.alphabet, options.encoding) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "write either `alphabet` or `encoding`, not both",
            ));
        }
        (Some(text), None) => text,
        (None, Some(Encoding::Hex)) => HEX,
        (None, Some(Encoding::Base64url)) => BASE64URL,
        (None, None) => LETTERS_AND_DIGITS,
    };
    let alphabet = Alphabet::parse(text)?;
    if alphabet.chars().len() < 2 {
        return Err(Error::invalid(
            "an alphabet of one character leaves nothing to draw",
        ));
    }
    Ok(alphabet)
}

fn entropy(alphabet: &Alphabet, length: usize, require: &[Class]) -> Result<f64> {
    if let Some(class) = require.iter().find(|class| alphabet.count(**class) == 0) {
        return Err(Error::invalid(format!(
            "class `{}` is required, but the alphabet has no such character",
            class.word()
        )));
    }
    let share = accepted_share(alphabet, length, require);
    if share < LEAST_SHARE {
        return Err(Error::invalid(
            "length is too short for the classes that are required",
        ));
    }
    Ok(length as f64 * (alphabet.chars().len() as f64).log2() + share.log2())
}

fn ensure_strong(bits: f64, allow_weak: Option<&str>) -> Result<()> {
    let reasoned = allow_weak.is_some_and(|why| !why.trim().is_empty());
    if bits >= ENOUGH_BITS || reasoned {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a value would have {bits:.0} bits of entropy, fewer than {ENOUGH_BITS:.0}: raise `length`, or say \
         why in `allow_weak`"
    )))
}

fn around(template: &str) -> Result<(String, String)> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
    match template.split_once(DRAWN) {
        Some((before, after)) if !after.contains(DRAWN) && plain(before) && plain(after) => {
            Ok((before.to_owned(), after.to_owned()))
        }
        _ => Err(Error::invalid(format!(
            "template does not have `{DRAWN}` exactly once among printable ASCII without spaces"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{RandomOptions, Recipe};

    fn recipe(text: &str) -> Result<Recipe, String> {
        let options: RandomOptions = toml::from_str(text).map_err(|error| error.to_string())?;
        Recipe::parse(&options).map_err(|error| error.message)
    }

    #[test]
    fn entropy_follows_from_length_and_alphabet() {
        assert_eq!(recipe("").unwrap().entropy_bits, 285);
        assert_eq!(
            recipe("length = 40\nencoding = 'hex'")
                .unwrap()
                .entropy_bits,
            160
        );
        assert_eq!(
            recipe("length = 22\nencoding = 'base64url'")
                .unwrap()
                .entropy_bits,
            132
        );
        let required = "length = 20\nrequire = ['digit', 'upper']";
        assert_eq!(recipe(required).unwrap().entropy_bits, 119);
        assert_eq!(recipe("length = 20").unwrap().entropy_bits, 119);
    }

    #[test]
    fn impossible_options_are_refused_with_the_reason() {
        for (text, said) in [
            ("length = 0", "length"),
            ("length = 12\nencoding = 'hex'", "48 bits"),
            ("length = 12\nencoding = 'hex'\nallow_weak = ' '", "48 bits"),
            (
                "length = 40\nencoding = 'hex'\nrequire = ['upper']",
                "`upper`",
            ),
            ("encoding = 'hex'\nalphabet = 'ab'", "not both"),
            ("alphabet = 'a'", "one character"),
            (
                "length = 2\nrequire = ['digit', 'upper', 'lower']\nallow_weak = 'x'",
                "too short",
            ),
            ("template = 'kw_'", "exactly once"),
            ("template = '{random}{random}'", "exactly once"),
            ("template = 'a b {random}'", "exactly once"),
            ("lenght = 3", "unknown field"),
        ] {
            let error = recipe(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(recipe("length = 12\nencoding = 'hex'\nallow_weak = 'a pin pad'").is_ok());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "length = 48\nalphabet = 'ab'\nencoding = 'hex'\nrequire = []\ntemplate = ''\nallow_weak = ''";
        let read: toml::Table = toml::from_str(all).unwrap();
        assert!(toml::from_str::<RandomOptions>(all).is_ok());
        let known = |key: &String| RandomOptions::KEYS.contains(&key.as_str());
        assert!(read.len() == RandomOptions::KEYS.len() && read.keys().all(known));
    }
}
