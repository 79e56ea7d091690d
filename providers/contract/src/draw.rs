//! Values that we choose: characters of an alphabet, each as likely as any other.

use crate::{Error, Result, SecretValue};
use zeroize::Zeroizing;

/// What no file, address or shell has to quote.
pub const LETTERS_AND_DIGITS: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// So many characters of an alphabet of at most 256.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid): the alphabet is empty or too large.
/// [`Unavailable`](crate::ErrorKind::Unavailable): there is no randomness.
pub fn draw(alphabet: &[u8], length: usize) -> Result<SecretValue> {
    if alphabet.is_empty() || alphabet.len() > 256 {
        return Err(Error::invalid("an alphabet has from 1 to 256 characters"));
    }
    let mut drawn = Vec::with_capacity(length);
    let mut bytes = Zeroizing::new([0; 64]);
    while drawn.len() < length {
        fill(&mut *bytes)?;
        let picked = bytes.iter().filter_map(|byte| pick(alphabet, *byte));
        drawn.extend(picked.take(length - drawn.len()));
    }
    Ok(SecretValue::new(drawn))
}

/// Fills with random bytes.
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable): there is no randomness.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes)
        .map_err(|_| Error::unavailable("the operating system gives no usable randomness"))
}

/// Maps a byte to a character, or rejects it: a bare remainder would favour the first characters.
fn pick(alphabet: &[u8], byte: u8) -> Option<u8> {
    let fair = 256 - 256 % alphabet.len();
    let byte = usize::from(byte);
    (byte < fair).then(|| alphabet[byte % alphabet.len()])
}

#[cfg(test)]
mod tests {
    use super::{LETTERS_AND_DIGITS, draw, pick};
    use std::collections::BTreeSet;

    #[test]
    fn every_character_is_picked_by_as_many_bytes() {
        for alphabet in [b"01".as_slice(), b"abc", LETTERS_AND_DIGITS] {
            let times = |c: &u8| (0..=255).filter(|b| pick(alphabet, *b) == Some(*c)).count();
            let fair = 256 / alphabet.len();
            assert!(alphabet.iter().map(times).all(|count| count == fair));
        }
    }

    #[test]
    fn values_have_the_length_and_the_alphabet() {
        for length in [0, 1, 20, 64, 65, 10_000] {
            let value = draw(LETTERS_AND_DIGITS, length).unwrap();
            let fits = |byte: &u8| LETTERS_AND_DIGITS.contains(byte);
            assert_eq!(value.len(), length);
            assert!(value.expose_secret().iter().all(fits));
        }
        let long = draw(LETTERS_AND_DIGITS, 10_000).unwrap();
        let kinds: BTreeSet<_> = long.expose_secret().iter().collect();
        assert_eq!(kinds.len(), 62);
        assert!(draw(b"", 1).is_err());
    }
}
