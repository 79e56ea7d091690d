//! Passwords that we choose.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use keywheel_contract::{Error, Result, SecretValue};
use zeroize::Zeroizing;

/// Letters and digits: no file, address or shell has to quote them.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Bytes from here on are drawn again, for a bare remainder would favour the first characters.
const FAIR: u8 = 248;

/// A password of this many characters, each equally likely.
///
/// # Errors
/// `Unavailable`: there is no randomness.
pub(crate) fn draw(length: usize) -> Result<SecretValue> {
    let random = SystemRandom::new();
    let mut password = Vec::with_capacity(length);
    let mut bytes = Zeroizing::new([0; 64]);
    while password.len() < length {
        random
            .fill(&mut *bytes)
            .map_err(|_| Error::unavailable("the operating system gives no usable randomness"))?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let drawn = fair.map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        password.extend(drawn.take(length - password.len()));
    }
    Ok(SecretValue::new(password))
}

/// How many bits a password of this length is worth, rounded down.
pub(crate) fn entropy_bits(length: usize) -> u32 {
    // log2(62) is 5.954…
    u32::try_from(length * 5954 / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{ALPHABET, FAIR, draw, entropy_bits};

    #[test]
    fn passwords_have_the_length_and_the_alphabet() {
        for length in [1, 20, 64, 65, 128] {
            let password = draw(length).unwrap();
            let fits = |byte: &u8| ALPHABET.contains(byte);
            assert_eq!(password.len(), length);
            assert!(password.expose_secret().iter().all(fits));
        }
        assert_eq!(usize::from(FAIR) % ALPHABET.len(), 0);
        assert_eq!((entropy_bits(20), entropy_bits(32)), (119, 190));
    }
}
