//! A key pair, and the certificate that carries its public part and our tag.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use keywheel_contract::{Error, Result, Tag};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey, date_time_ymd,
};
use std::time::Duration;
use zeroize::Zeroizing;

/// A certificate begins so much earlier than it is made: clocks differ.
const EARLIER: TimeDelta = TimeDelta::minutes(5);
/// The longest common name (X.520).
const LONGEST_NAME: usize = 64;
/// The tag of the type that common names are written in (DER: `UTF8String`).
const UTF8: u8 = 0x0c;

/// A private key in memory.
pub(crate) struct Pair {
    key: RsaKeyPair,
}

impl Pair {
    /// Of 2,048 bits, as Google makes them. It takes a part of a second.
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn generate() -> Result<Self> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048);
        let key = key.map_err(|_| Error::unavailable("a key could not be made"))?;
        Ok(Self { key })
    }

    /// The private key of a PEM text: PKCS#8, as Google writes it, or PKCS#1, as OpenSSL did.
    pub(crate) fn read(pem: &str) -> Option<Self> {
        let body = pem.split("-----").nth(2)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
        let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        key.ok().map(|key| Self { key })
    }

    /// The private key as PEM.
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn pem(&self) -> Result<Zeroizing<String>> {
        let der: std::result::Result<aws_lc_rs::encoding::Pkcs8V1Der<'_>, _> = self.key.as_der();
        let der = der.map_err(|_| Error::unavailable("a key could not be written down"))?;
        Ok(armoured("PRIVATE KEY", der.as_ref()))
    }

    /// The signature of a text (RS256).
    ///
    /// # Errors
    /// `Unavailable`: the library failed.
    pub(crate) fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signed = self
            .key
            .sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        signed.map_err(|_| Error::unavailable("a text could not be signed"))?;
        Ok(signature)
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
        Ok(armoured("CERTIFICATE", made.der()).to_string())
    }
}

impl PublicKeyData for Pair {
    fn der_bytes(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Pair {
    fn sign(&self, text: &[u8]) -> std::result::Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, text).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Whether a certificate, as PEM, has exactly this common name: by its encoding, which says the length too.
pub(crate) fn is_named(pem: &str, tag: &Tag) -> bool {
    let body = pem.split("-----").nth(2).unwrap_or_default();
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).unwrap_or_default();
    let text = tag.as_str().as_bytes();
    let Ok(length @ 1..=0x7f) = u8::try_from(text.len()) else {
        return false;
    };
    let name = [&[UTF8, length], text].concat();
    der.windows(name.len()).any(|part| part == name)
}

/// PEM in lines of 64 characters.
fn armoured(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let room = body.len() + body.len() / 64 + 2 * label.len() + 40;
    let mut pem = Zeroizing::new(String::with_capacity(room));
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::{Pair, armoured, is_named};
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use chrono::Utc;
    use keywheel_contract::Tag;

    #[test]
    fn a_key_survives_its_text_and_signs() {
        let pair = Pair::generate().unwrap();
        let again = Pair::read(&pair.pem().unwrap()).unwrap();
        let signature = again.sign(b"example").unwrap();
        let public = pair.key.public_key().as_ref();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        assert!(public.verify(b"example", &signature).is_ok());
        assert!(public.verify(b"other", &signature).is_err());
        for wrong in [
            "",
            "example",
            "-----BEGIN PRIVATE KEY-----\nZXhhbXBsZQ==\n-----END PRIVATE KEY-----",
        ] {
            assert!(Pair::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_in_the_older_form_too() {
        let pair = Pair::generate().unwrap();
        let der: Pkcs8V1Der<'_> = pair.key.as_der().unwrap();
        // In PKCS#8 it stands behind 26 bytes that say what it is (RFC 5208).
        let older = armoured("RSA PRIVATE KEY", &der.as_ref()[26..]);
        let read = Pair::read(&older).unwrap();
        assert_eq!(*read.pem().unwrap(), *pair.pem().unwrap());
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
