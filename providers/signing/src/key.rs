//! Key pairs that sign.

use crate::pem;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use keywheel_contract::{Error, Result};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How texts are signed (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSA with 2048 bits or more, PKCS#1 version 1.5.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// As tokens and people name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// A private key in memory.
pub struct Key(Kind);

enum Kind {
    Elliptic(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
    Modular(RsaKeyPair),
}

impl Key {
    /// A new one; RSA has 2048 bits and takes a part of a second.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the library failed.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let made = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Kind::Elliptic)
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Kind::Edwards),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Kind::Modular),
        };
        made.map(Self).map_err(|_| failed("made"))
    }

    /// Reads one: PKCS#8, or the older forms of RSA (PKCS#1) and of elliptic curves (RFC 5915). `what` names it in
    /// errors.
    ///
    /// # Errors
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): it is none, is encrypted, or is of another kind.
    pub fn read(what: &str, text: &str) -> Result<Self> {
        let none = || Error::invalid(format!("{what} is no unencrypted private key (PEM)"));
        let pem = pem::read(text).ok_or_else(none)?;
        let read = match pem.label {
            "PRIVATE KEY" => of_any_kind(&pem.der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&pem.der).map(Kind::Modular),
            "EC PRIVATE KEY" => {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &pem.der)
                    .map(Kind::Elliptic)
            }
            _ => return Err(none()),
        };
        read.map(Self).map_err(|_| {
            Error::invalid(format!(
                "{what} is of another kind than ES256, EdDSA and RS256 (2048 bits or more) are signed with"
            ))
        })
    }

    /// As PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the library failed.
    pub fn pem(&self) -> Result<Zeroizing<String>> {
        let der = self.der().map_err(|_| failed("written down"))?;
        Ok(pem::armoured("PRIVATE KEY", &der))
    }

    fn der(&self) -> std::result::Result<Zeroizing<Vec<u8>>, Unspecified> {
        Ok(Zeroizing::new(match &self.0 {
            Kind::Elliptic(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Kind::Edwards(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Kind::Modular(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                der.as_ref().to_vec()
            }
        }))
    }

    /// What it signs by.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::Elliptic(_) => Algorithm::Es256,
            Kind::Edwards(_) => Algorithm::EdDsa,
            Kind::Modular(_) => Algorithm::Rs256,
        }
    }

    /// The public half: an uncompressed point (SEC 1, section 2.3.3), the 32 bytes of Ed25519, or modulus and exponent
    /// (RFC 8017, appendix A.1.1).
    #[must_use]
    pub fn public(&self) -> &[u8] {
        match &self.0 {
            Kind::Elliptic(pair) => pair.public_key().as_ref(),
            Kind::Edwards(pair) => pair.public_key().as_ref(),
            Kind::Modular(pair) => pair.public_key().as_ref(),
        }
    }

    /// The signature of a text, as JSON web tokens have it.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the library failed.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.0 {
            Kind::Elliptic(pair) => pair.sign(&random, text).map(|one| one.as_ref().to_vec()),
            Kind::Edwards(pair) => Ok(pair.sign(text).as_ref().to_vec()),
            Kind::Modular(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(|_| Error::unavailable("a text could not be signed"))
    }
}

fn of_any_kind(der: &[u8]) -> std::result::Result<Kind, KeyRejected> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
        .map(Kind::Elliptic)
        .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Kind::Edwards))
        .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Kind::Modular))
}

fn failed(done: &str) -> Error {
    Error::unavailable(format!("a key could not be {done}"))
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Key};
    use crate::pem;

    #[test]
    fn every_kind_of_key_survives_its_text() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let key = Key::generate(algorithm).unwrap();
            let again = Key::read("it", &key.pem().unwrap()).unwrap();
            assert_eq!(again.algorithm(), algorithm);
            assert_eq!(again.public(), key.public());
            let named = serde_json::to_value(algorithm).unwrap();
            assert_eq!(named, algorithm.name());
        }
    }

    #[test]
    fn a_key_of_rsa_is_read_in_the_older_form_too() {
        let key = Key::generate(Algorithm::Rs256).unwrap();
        // In PKCS#8 it stands behind 26 bytes that say what it is (RFC 5208).
        let older = pem::armoured("RSA PRIVATE KEY", &key.der().unwrap()[26..]);
        let read = Key::read("it", &older).unwrap();
        assert_eq!(read.public(), key.public());
    }

    #[test]
    fn what_is_no_key_is_refused_without_its_text() {
        let inside = |label: &str, text: &str| {
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        for (wrong, words) in [
            ("example-of-a-value".to_owned(), "no unencrypted"),
            (
                inside("PRIVATE KEY", "example-of-a-value"),
                "no unencrypted",
            ),
            (
                inside("ENCRYPTED PRIVATE KEY", "ZXhhbXBsZS1vZg=="),
                "no unencrypted",
            ),
            (inside("PRIVATE KEY", "ZXhhbXBsZS1vZg=="), "another kind"),
            (
                inside("RSA PRIVATE KEY", "ZXhhbXBsZS1vZg=="),
                "another kind",
            ),
            (inside("EC PRIVATE KEY", "ZXhhbXBsZS1vZg=="), "another kind"),
        ] {
            let said = Key::read("`key`", &wrong).err().unwrap().message;
            assert!(said.contains(words) && said.starts_with("`key` "), "{said}");
            assert!(
                !said.contains("example-of") && !said.contains("ZXh"),
                "{said}"
            );
        }
    }
}
