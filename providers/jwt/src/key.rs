//! Key pairs: drawn, read, and what is published of them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_signing::{Algorithm, Key};
use serde::{Deserialize, Serialize};

/// The members of a public key that make it that key, in the order of RFC 7638, section 3.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Public {
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl Public {
    /// RFC 7638: what the key is called here, and its `kid`.
    pub(crate) fn thumbprint(&self) -> String {
        // Text members of a struct can always be written.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &canonical))
    }

    /// As an entry of the published set.
    pub(crate) fn entry(&self) -> String {
        let algorithm = match self.kty.as_str() {
            "EC" => Algorithm::Es256,
            "OKP" => Algorithm::EdDsa,
            _ => Algorithm::Rs256,
        };
        let entry = Entry {
            public: self,
            kid: self.thumbprint(),
            alg: algorithm,
            r#use: "sig",
        };
        serde_json::to_string(&entry).unwrap_or_default()
    }

    fn elliptic(point: &[u8]) -> Option<Self> {
        // Uncompressed (SEC 1, section 2.3.3): a 4, then both coordinates.
        let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
        Some(Self {
            x: Some(URL_SAFE_NO_PAD.encode(x)),
            y: Some(URL_SAFE_NO_PAD.encode(y)),
            ..Self::of("EC", Some("P-256"))
        })
    }

    fn edwards(key: &[u8]) -> Self {
        Self {
            x: Some(URL_SAFE_NO_PAD.encode(key)),
            ..Self::of("OKP", Some("Ed25519"))
        }
    }

    /// The key in the form of RFC 8017, appendix A.1.1: a sequence of modulus and exponent.
    fn modular(der: &[u8]) -> Option<Self> {
        let (both, _) = value(der, 0x30)?;
        let (n, rest) = value(both, 0x02)?;
        let (e, _) = value(rest, 0x02)?;
        let text = |number: &[u8]| {
            // A zero in front says that the number is not negative; RFC 7518, section 2 leaves it out.
            URL_SAFE_NO_PAD.encode(number.strip_prefix(&[0]).unwrap_or(number))
        };
        Some(Self {
            n: Some(text(n)),
            e: Some(text(e)),
            ..Self::of("RSA", None)
        })
    }

    fn of(kty: &str, crv: Option<&str>) -> Self {
        Self {
            kty: kty.to_owned(),
            crv: crv.map(str::to_owned),
            e: None,
            n: None,
            x: None,
            y: None,
        }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    public: &'a Public,
    kid: String,
    alg: Algorithm,
    r#use: &'static str,
}

/// A new private key: PKCS#8 in PEM.
pub(crate) fn draw(algorithm: Algorithm) -> Result<SecretValue> {
    let pem = Key::generate(algorithm)?.pem()?;
    Ok(SecretValue::new(pem.as_bytes().to_vec()))
}

/// The public half of a private key, of whichever of the algorithms it is.
///
/// # Errors
/// `Invalid`: it is not in that form, or of another kind.
pub(crate) fn public(private: &SecretValue) -> Result<Public> {
    let text = private.expose_secret_str().unwrap_or_default();
    let key = Key::read("`private_key`", text)?;
    let public = match key.algorithm() {
        Algorithm::Es256 => Public::elliptic(key.public()),
        Algorithm::EdDsa => Some(Public::edwards(key.public())),
        Algorithm::Rs256 => Public::modular(key.public()),
    };
    public.ok_or_else(|| Error::invalid("the public half of `private_key` cannot be read"))
}

/// What stands in DER behind this tag and its length (X.690, section 8.1), and what follows.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (bytes, rest) = match length {
        0..=0x7f => (std::slice::from_ref(length), rest),
        // So many bytes of length follow; no key has more than two.
        0x81 | 0x82 => rest.split_at_checked(usize::from(length - 0x80))?,
        _ => return None,
    };
    let length = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::{Public, draw, public};
    use keywheel_contract::SecretValue;
    use keywheel_signing::Algorithm;

    #[test]
    fn every_kind_of_key_is_drawn_and_read() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let (one, two) = (draw(algorithm).unwrap(), draw(algorithm).unwrap());
            assert!(!one.matches(&two));
            let (one, two) = (public(&one).unwrap(), public(&two).unwrap());
            assert_ne!(one.thumbprint(), two.thumbprint());
            let entry = one.entry();
            let read: Public = serde_json::from_str(&entry).unwrap();
            assert_eq!(read, one);
            let read: serde_json::Value = serde_json::from_str(&entry).unwrap();
            assert_eq!(read["kid"], one.thumbprint());
            assert_eq!(read["use"], "sig");
            assert_eq!(read["d"], serde_json::Value::Null);
        }
    }

    #[test]
    fn a_key_is_named_as_in_the_example_of_the_rfc() {
        // RFC 7638, section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
                 jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSq\
                 zs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHa\
                 Q-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let text = format!(
            "{{\"kty\":\"RSA\",\"n\":\"{n}\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}}"
        );
        let key: Public = serde_json::from_str(&text).unwrap();
        assert_eq!(
            key.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_its_text() {
        let pem = |inside: &str| {
            format!("-----BEGIN PRIVATE KEY-----\n{inside}\n-----END PRIVATE KEY-----\n")
        };
        for wrong in [
            "example-of-a-value".to_owned(),
            pem("example-of-a-value"),
            pem("ZXhhbXBsZS1vZg=="),
        ] {
            let error = public(&SecretValue::from(wrong)).unwrap_err();
            assert!(!error.message.contains("example-of"), "{error}");
        }
    }
}
