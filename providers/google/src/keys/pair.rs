//! A key pair, and the certificate that carries its public part and our tag.

use chrono::{DateTime, TimeDelta, Utc};
use keywheel_contract::{Error, Result, SecretValue, Tag};
use keywheel_signing::{Algorithm, Key, pem, signed};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey, date_time_ymd,
};
use serde_json::{Map, Value};
use std::time::Duration;
use zeroize::Zeroizing;

/// A certificate begins so much earlier than it is made: clocks differ.
const EARLIER: TimeDelta = TimeDelta::minutes(5);
/// The longest common name (X.520).
const LONGEST_NAME: usize = 64;
/// The tag of the type that common names are written in (DER: `UTF8String`).
const UTF8: u8 = 0x0c;

/// A private key of RSA in memory.
pub(crate) struct Pair {
    key: Key,
}

impl Pair {
    /// Of 2,048 bits, as Google makes them. It takes a part of a second.
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn generate() -> Result<Self> {
        let key = Key::generate(Algorithm::Rs256)?;
        Ok(Self { key })
    }

    /// The private key of a PEM text: PKCS#8, as Google writes it, or PKCS#1, as OpenSSL did.
    pub(crate) fn read(pem: &str) -> Option<Self> {
        let key = Key::read("the key", pem).ok()?;
        (key.algorithm() == Algorithm::Rs256).then_some(Self { key })
    }

    /// The private key as PEM.
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn pem(&self) -> Result<Zeroizing<String>> {
        self.key.pem()
    }

    /// A JSON web token that says these claims.
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn token(&self, header: Map<String, Value>, claims: &Value) -> Result<SecretValue> {
        signed(&self.key, header, claims)
    }

    /// A certificate of its own, as PEM, for so many days.
    ///
    /// # Errors
    /// `Invalid`: the tag is too long for a name. `Unavailable`: the library failed.
    pub(crate) fn certificate(&self, tag: &Tag, now: DateTime<Utc>, days: u32) -> Result<String> {
        if tag.as_str().len() > LONGEST_NAME {
            return Err(Error::invalid("the tag is too long for a certificate"));
        }
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(
            DnType::CommonName,
            DnValue::Utf8String(tag.as_str().to_owned()),
        );
        params.distinguished_name = name;
        let at = |date: DateTime<Utc>| {
            let seconds = u64::try_from(date.timestamp()).unwrap_or(0);
            date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
        };
        params.not_before = at(now - EARLIER);
        params.not_after = at(now + TimeDelta::days(days.into()));
        let made = params.self_signed(self);
        let made = made.map_err(|_| Error::unavailable("a certificate could not be made"))?;
        Ok(pem::armoured("CERTIFICATE", made.der()).to_string())
    }
}

impl PublicKeyData for Pair {
    fn der_bytes(&self) -> &[u8] {
        self.key.public()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Pair {
    fn sign(&self, text: &[u8]) -> std::result::Result<Vec<u8>, rcgen::Error> {
        self.key
            .sign(text)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Whether a certificate, as PEM, has exactly this common name: by its encoding, which says the length too.
pub(crate) fn is_named(text: &str, tag: &Tag) -> bool {
    let Some(read) = pem::read(text) else {
        return false;
    };
    let text = tag.as_str().as_bytes();
    let Ok(length @ 1..=0x7f) = u8::try_from(text.len()) else {
        return false;
    };
    let name = [&[UTF8, length], text].concat();
    read.der.windows(name.len()).any(|part| part == name)
}

#[cfg(test)]
mod tests {
    use super::{Pair, is_named};
    use chrono::Utc;
    use keywheel_contract::Tag;
    use keywheel_signing::{Algorithm, Key, opened};
    use serde_json::{Map, json};

    #[test]
    fn a_key_survives_its_text_and_signs() {
        let pair = Pair::generate().unwrap();
        let again = Pair::read(&pair.pem().unwrap()).unwrap();
        let token = again
            .token(Map::new(), &json!({ "iss": "example" }))
            .unwrap();
        let token = token.expose_secret_str().unwrap();
        assert!(opened(Algorithm::Rs256, pair.key.public(), token).is_some());
        let elliptic = Key::generate(Algorithm::Es256).unwrap().pem().unwrap();
        for wrong in [
            "",
            "example",
            "-----BEGIN PRIVATE KEY-----\nZXhhbXBsZQ==\n-----END PRIVATE KEY-----",
            &elliptic,
        ] {
            assert!(Pair::read(wrong).is_none());
        }
    }

    #[test]
    fn a_certificate_is_known_by_its_whole_tag() {
        let pair = Pair::generate().unwrap();
        let tag = |text: &str| Tag::new(text);
        let pem = pair
            .certificate(&tag("keywheel-a-1"), Utc::now(), 30)
            .unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert!(pem.lines().all(|line| line.len() <= 64));
        assert!(is_named(&pem, &tag("keywheel-a-1")));
        for other in ["keywheel-a-11", "keywheel-a-", "eywheel-a-1", ""] {
            assert!(!is_named(&pem, &tag(other)), "{other}");
        }
        assert!(!is_named("example", &tag("keywheel-a-1")));
        assert!(
            pair.certificate(&tag(&"x".repeat(65)), Utc::now(), 30)
                .is_err()
        );
    }
}
