//! The hash of `caching_sha2_password`: SHA-256-crypt with a salt of 20 bytes and 5,000 rounds.
//!
//! As `mysys/crypt_genhash_impl.cc` of MySQL has it, which is <https://www.akkadia.org/drepper/SHA-crypt.txt> with a
//! longer salt.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use keywheel_contract::{Error, Result, SecretValue};
use zeroize::Zeroizing;

/// The name of the method.
pub(crate) const PLUGIN: &str = "caching_sha2_password";
/// What a hash begins with: the kind, and the rounds in thousands.
const BEGINNING: &[u8] = b"$A$005$";
const ROUNDS: u32 = 5_000;
/// Bytes of a salt.
pub(crate) const SALT_LENGTH: usize = 20;
/// Salts of ours are of these: a terminal and a file take them as they are.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Which bytes of the digest become four characters (the last three).
const ORDER: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];

type Digest = Zeroizing<[u8; 32]>;

/// # Errors
/// `Unavailable`: there is no randomness.
pub(crate) fn salt() -> Result<[u8; SALT_LENGTH]> {
    let mut salt = [0; SALT_LENGTH];
    let filled = SystemRandom::new().fill(&mut salt);
    filled.map_err(|_| Error::unavailable("the operating system gives no usable randomness"))?;
    Ok(salt.map(|byte| ALPHABET[usize::from(byte % 64)]))
}

/// The salt of a hash; `None` where it is none of these.
pub(crate) fn salt_of(hash: &[u8]) -> Option<&[u8]> {
    hash.strip_prefix(BEGINNING)?.get(..SALT_LENGTH)
}

/// As the server keeps it.
pub(crate) fn hash(password: &SecretValue, salt: &[u8]) -> Vec<u8> {
    let digest = crypt(password.expose_secret(), salt);
    [BEGINNING, salt, &encoded(&digest)].concat()
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn crypt(password: &[u8], salt: &[u8]) -> Digest {
    let mut sum = first(password, salt);
    let p = stretched(&digest(&vec![password; password.len()]), password.len());
    let s = stretched(&digest(&vec![salt; 16 + usize::from(sum[0])]), salt.len());
    for round in 0..ROUNDS {
        let odd = round % 2 == 1;
        let mut parts: Vec<&[u8]> = vec![if odd { &p } else { &*sum }];
        if round % 3 != 0 {
            parts.push(&s);
        }
        if round % 7 != 0 {
            parts.push(&p);
        }
        parts.push(if odd { &*sum } else { &p });
        sum = digest(&parts);
    }
    sum
}

fn first(password: &[u8], salt: &[u8]) -> Digest {
    let other = digest(&[password, salt, password]);
    let padding = stretched(&other, password.len());
    let mut parts: Vec<&[u8]> = vec![password, salt, &padding];
    let mut left = password.len();
    while left > 0 {
        parts.push(if left % 2 == 1 { &*other } else { password });
        left /= 2;
    }
    digest(&parts)
}

/// The digest over and over, cut to this length.
fn stretched(digest: &Digest, length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(digest.iter().copied().cycle().take(length).collect())
}

/// Six bits to a character, the lowest first.
fn encoded(digest: &Digest) -> Vec<u8> {
    let mut text = Vec::with_capacity(43);
    let mut write = |bytes: [u8; 3], characters: u32| {
        let mut bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for _ in 0..characters {
            text.push(ALPHABET[(bits % 64) as usize]);
            bits /= 64;
        }
    };
    for [a, b, c] in ORDER {
        write([digest[a], digest[b], digest[c]], 4);
    }
    write([0, digest[31], digest[30]], 3);
    text
}

#[cfg(test)]
mod tests {
    use super::{crypt, encoded, hash, salt, salt_of};
    use keywheel_contract::SecretValue;

    #[test]
    fn the_crypt_is_that_of_others() {
        // `openssl passwd -5 -salt saltstring 'Hello world!'`.
        let made = encoded(&crypt(b"Hello world!", b"saltstring"));
        assert_eq!(made, b"5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
    }

    /// The published example of hashcat's mode 7401, which is for hashes of MySQL.
    #[test]
    fn the_hash_is_that_of_mysql() {
        let salt = hex::decode("F9CC98CE08892924F50A213B6BC571A2C11778C5").unwrap();
        let made = hash(&SecretValue::from("hashcat".to_owned()), &salt);
        let text = b"bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/";
        assert_eq!(made[7 + 20..], text[..]);
        assert_eq!(salt_of(&made), Some(salt.as_slice()));
    }

    #[test]
    fn salts_differ_and_other_texts_have_none() {
        assert_ne!(salt().unwrap(), salt().unwrap());
        for wrong in [&b""[..], b"*AA", b"$A$005$short"] {
            assert_eq!(salt_of(wrong), None);
        }
    }
}
