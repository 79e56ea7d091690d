//! A Secret as the cluster tells it. Values are wiped when dropped, also those that annotations hold.

use crate::managed::Manager;
use crate::mark::{PUBLISHED, Published};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use keywheel_contract::{Fields, FingerprintKey, SecretValue, VersionId};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Where `kubectl apply` keeps what was applied last: values too.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Secret that is there.
#[derive(Deserialize)]
pub(crate) struct Standing {
    pub(crate) metadata: Meta,
    #[serde(default)]
    data: Option<BTreeMap<String, Encoded>>,
    #[serde(default)]
    pub(crate) immutable: Option<bool>,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
}

/// What is told about a Secret beside its content.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    #[serde(default)]
    pub(crate) creation_timestamp: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, Text>,
    #[serde(default)]
    pub(crate) owner_references: Vec<Owner>,
    #[serde(default)]
    pub(crate) managed_fields: Vec<Manager>,
}

/// What a thing belongs to.
#[derive(Deserialize)]
pub(crate) struct Owner {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
}

/// Text that may hold values.
struct Text(SecretValue);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretValue::from(text)))
    }
}

/// A value in base64.
struct Encoded(SecretValue);

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = STANDARD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| D::Error::custom("not base64"))?;
        Ok(Self(SecretValue::new(bytes)))
    }
}

impl Standing {
    /// One value.
    pub(crate) fn value(&self, key: &str) -> Option<&SecretValue> {
        self.data.as_ref()?.get(key).map(|value| &value.0)
    }

    /// Names of all keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.data
            .iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
    }

    /// Our keys; one that is not there is left out.
    pub(crate) fn ours(&self, keys: &[String]) -> Fields {
        let there = |key: &String| Some((key.clone(), self.value(key)?.duplicate()));
        keys.iter().filter_map(there).collect()
    }

    /// Bytes of the values of everybody else's keys.
    pub(crate) fn bytes_beside(&self, keys: &[String]) -> usize {
        let theirs = self
            .keys()
            .filter(|key| !keys.iter().any(|ours| ours == key));
        theirs
            .filter_map(|key| self.value(key))
            .map(SecretValue::len)
            .sum()
    }

    /// Under which marks we wrote here.
    pub(crate) fn published(&self) -> Published {
        Published::read(self.metadata.annotation(PUBLISHED))
    }

    /// When one of these keys was written last, epoch milliseconds, as far as the cluster keeps it.
    pub(crate) fn written_at_ms(&self, keys: &[String]) -> Option<i64> {
        let managers = self.metadata.managed_fields.iter();
        let writers = managers.filter(|one| keys.iter().any(|key| one.owns(key)));
        let last = writers.filter_map(|one| one.time.as_deref()).max();
        epoch_ms(last.or(self.metadata.creation_timestamp.as_deref())?)
    }
}

impl Meta {
    /// The text of an annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name)?.0.expose_secret_str()
    }

    /// Whether a label or an annotation of that name is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.labels.contains_key(name) || self.annotations.contains_key(name)
    }

    /// Whether what `kubectl` applied last has one of these keys with a value.
    pub(crate) fn remembers(&self, keys: &[String]) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Applied {
            #[serde(default)]
            data: BTreeMap<String, IgnoredAny>,
            #[serde(default)]
            string_data: BTreeMap<String, IgnoredAny>,
        }
        let text = self.annotation(LAST_APPLIED);
        let applied = text.and_then(|text| serde_json::from_str::<Applied>(text).ok());
        applied.is_some_and(|applied| {
            let has = |key: &String| {
                applied.data.contains_key(key) || applied.string_data.contains_key(key)
            };
            keys.iter().any(has)
        })
    }
}

/// The name of what these keys hold; `None` where none of them is there. Lengths come first, so that no two contents
/// read the same.
pub(crate) fn version(key: &FingerprintKey, fields: &Fields) -> Option<VersionId> {
    if fields.is_empty() {
        return None;
    }
    let each = |(name, value): (&str, &SecretValue)| name.len() + value.len() + 16;
    let mut bytes = Vec::with_capacity(fields.iter().map(each).sum());
    for (name, value) in fields.iter() {
        for part in [name.as_bytes(), value.expose_secret()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    let print = key.of(&SecretValue::new(bytes));
    Some(VersionId::new(format!("fp-{}", &print[..12])))
}

/// A time as Kubernetes writes it, in whole seconds.
pub(crate) fn epoch_ms(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::{Standing, version};
    use keywheel_contract::{Fields, FingerprintKey, SecretValue};
    use serde_json::json;

    fn standing() -> Standing {
        let told = json!({
            "metadata": { "uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z",
                          "managedFields": [{ "manager": "x", "operation": "Update", "time": "2026-01-02T00:00:00Z",
                                              "fieldsV1": { "f:data": { "f:A": {} } } }] },
            "data": { "A": "ZXhhbXBsZQ==", "B": "AP8=" }, "type": "Opaque",
        });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn values_are_bytes_and_times_are_of_our_keys() {
        let standing = standing();
        assert_eq!(standing.value("A").unwrap().expose_secret(), b"example");
        assert_eq!(standing.value("B").unwrap().expose_secret(), [0, 255]);
        assert_eq!(standing.bytes_beside(&["A".to_owned()]), 2);
        let at = |key: &str| standing.written_at_ms(&[key.to_owned()]).unwrap();
        assert_eq!(at("A") - at("B"), 24 * 3600 * 1000);
    }

    #[test]
    fn what_lies_in_other_keys_has_another_name() {
        let key = FingerprintKey::new(&SecretValue::new(vec![7; 32]));
        let named = |pairs: &[(&str, &str)]| {
            let pair = |(name, text): &(&str, &str)| {
                ((*name).to_owned(), SecretValue::from((*text).to_owned()))
            };
            version(&key, &pairs.iter().map(pair).collect::<Fields>())
        };
        assert_eq!(named(&[]), None);
        assert_ne!(named(&[("A", "bc")]), named(&[("Ab", "c")]));
        assert_ne!(named(&[("A", "b")]), named(&[("A", "b"), ("B", "")]));
    }
}
