//! What is sent instead of a password: its SCRAM-SHA-256 verifier, computed here (RFC 5802, section 3; the text form is
//! that of `pg_authid.rolpassword`).

use crate::identity::{SALT_LENGTH, Salt};
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::{Error, Result, SecretValue, draw};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// As PostgreSQL itself takes (`SCRAM_SHA_256_DEFAULT_ITERATIONS`). A drawn password needs no stretching; whoever logs
/// in has to do as many.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// A fresh salt.
///
/// # Errors
/// `Unavailable`: the operating system gives no randomness.
pub(crate) fn salt() -> Result<Salt> {
    let mut salt = [0; SALT_LENGTH];
    draw::fill(&mut salt)?;
    Ok(salt)
}

/// The verifier. The same password and salt give the same one.
///
/// # Errors
/// `Invalid`: the password is not text.
pub(crate) fn verifier(password: &SecretValue, salt: &Salt) -> Result<String> {
    let text = password
        .expose_secret_str()
        .ok_or_else(|| Error::invalid("the password is not UTF-8 text"))?;
    // Clients prepare what they are given; what cannot be prepared is taken as it is (`pg_saslprep`).
    let prepared = stringprep::saslprep(text)
        .map(|text| Zeroizing::new(text.into_owned()))
        .unwrap_or_else(|_| Zeroizing::new(text.to_owned()));
    let mut salted = Zeroizing::new([0; 32]);
    let hash = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(
        hash,
        ITERATIONS,
        salt,
        prepared.as_bytes(),
        salted.as_mut_slice(),
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, salted.as_slice());
    let client_key = hmac::sign(&key, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
    let server_key = hmac::sign(&key, b"Server Key");
    Ok(format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    ))
}

#[cfg(test)]
mod tests {
    use super::verifier;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use keywheel_contract::SecretValue;

    /// Salt and keys of the exchange in RFC 7677, section 3, for the password `pencil`: the proof there is
    /// the client key masked by a signature under the stored key, so that a wrong stored key would not undo it.
    #[test]
    fn the_verifier_is_that_of_the_standards_example() {
        use aws_lc_rs::{digest, hmac};
        let salt: [u8; 16] = STANDARD
            .decode("W22ZaJ0SNY7soEsUEjb6gQ==")
            .unwrap()
            .try_into()
            .unwrap();
        let made = verifier(&SecretValue::from("pencil".to_owned()), &salt).unwrap();
        let keys = made
            .strip_prefix("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
            .unwrap();
        let (stored, server) = keys.split_once(':').unwrap();
        let message = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let sign = |key: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).unwrap());
            hmac::sign(&key, message).as_ref().to_vec()
        };
        let proof = STANDARD
            .decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
            .unwrap();
        let client_key: Vec<u8> = proof.iter().zip(sign(stored)).map(|(a, b)| a ^ b).collect();
        let hashed = digest::digest(&digest::SHA256, &client_key);
        assert_eq!(STANDARD.encode(hashed), stored);
        let signed = STANDARD.encode(sign(server));
        assert_eq!(signed, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
