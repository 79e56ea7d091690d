//! Secret values in JSON: `{"text": "…"}`, or `{"base64": "…"}` where the bytes are not UTF-8.
//!
//! These two keys mark a secret wherever they stand, so that `scrub` finds every value of a message
//! without knowing the operation.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keywheel_contract::{self as contract, CredentialId, SecretValue};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// A value on its way out.
pub(crate) struct SealedRef<'a>(pub(crate) &'a SecretValue);

impl Serialize for SealedRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        match self.0.expose_secret_str() {
            Some(text) => object.serialize_entry("text", text)?,
            None => {
                let text = Zeroizing::new(BASE64_STANDARD.encode(self.0.expose_secret()));
                object.serialize_entry("base64", text.as_str())?;
            }
        }
        object.end()
    }
}

/// A value on its way in.
pub(crate) struct Sealed(pub(crate) SecretValue);

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SealedVisitor)
    }
}

struct SealedVisitor;

impl<'de> Visitor<'de> for SealedVisitor {
    type Value = Sealed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret: an object with `text` or `base64`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Sealed, A::Error> {
        let mut found = None;
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "text" => found = Some(object.next_value::<Text>()?.0),
                "base64" => found = Some(object.next_value::<Base64>()?.0),
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        found
            .map(Sealed)
            .ok_or_else(|| A::Error::missing_field("text"))
    }
}

struct Text(SecretValue);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BytesVisitor).map(Self)
    }
}

struct Base64(SecretValue);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(BytesVisitor)?;
        decode_base64(text.expose_secret())
            .map(Self)
            .ok_or_else(|| D::Error::custom("a value under `base64` is not base64"))
    }
}

/// Takes the bytes straight out of the message, without a `String` between that nobody wipes.
struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = SecretValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret's text")
    }

    fn visit_str<E>(self, text: &str) -> Result<SecretValue, E> {
        Ok(SecretValue::new(text.as_bytes().to_vec()))
    }
}

/// The value of a base64 text with padding, or `None`.
pub(crate) fn decode_base64(text: &[u8]) -> Option<SecretValue> {
    BASE64_STANDARD.decode(text).ok().map(SecretValue::new)
}

/// Named values on their way out.
pub(crate) struct FieldsRef<'a>(pub(crate) &'a contract::Fields);

impl Serialize for FieldsRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, SealedRef(value))))
    }
}

/// Named values on their way in.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(BTreeMap<String, Sealed>);

impl From<Fields> for contract::Fields {
    fn from(fields: Fields) -> Self {
        fields
            .0
            .into_iter()
            .map(|(name, value)| (name, value.0))
            .collect()
    }
}

/// A credential on its way in.
#[derive(Deserialize)]
pub(crate) struct Credential {
    pub(crate) id: CredentialId,
    pub(crate) fields: Fields,
}

#[cfg(test)]
mod tests {
    use super::{Sealed, SealedRef};
    use keywheel_contract::SecretValue;

    #[test]
    fn every_value_survives_its_json() {
        for bytes in [
            &b"example"[..],
            b"",
            b"\"quoted\"\n\\",
            b"\x00\xff",
            "é".as_bytes(),
        ] {
            let value = SecretValue::new(bytes.to_vec());
            let json = serde_json::to_string(&SealedRef(&value)).unwrap();
            let back: Sealed = serde_json::from_str(&json).unwrap();
            assert!(back.0.matches(&value), "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_bare_string_is_not_a_secret() {
        for wrong in [
            "\"example\"",
            "{}",
            "{\"value\":\"example\"}",
            "{\"base64\":\"*\"}",
            "{\"text\":1}",
        ] {
            assert!(serde_json::from_str::<Sealed>(wrong).is_err(), "{wrong}");
        }
    }
}
