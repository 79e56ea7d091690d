//! Keyed fingerprints: how two values are compared without keeping either.

use crate::SecretValue;
use aws_lc_rs::hmac;

/// The long-lived key of all fingerprints. A bare hash of a short value could be guessed; a keyed one cannot.
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// A key from 32 bytes of randomness.
    pub fn new(key: &SecretValue) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()))
    }

    /// The fingerprint of a value: the first 16 bytes of HMAC-SHA256, as 32 hexadecimal digits.
    pub fn of(&self, value: &SecretValue) -> String {
        hex::encode(&hmac::sign(&self.0, value.expose_secret()).as_ref()[..16])
    }
}
