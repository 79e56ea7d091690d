//! Under which mark our keys were last written: one annotation, an entry for each set of keys (pure).

use keywheel_contract::{Mark, VersionId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The annotation's name.
pub(crate) const PUBLISHED: &str = "keywheel/published";

/// What one write left behind. Nothing in it is secret: the version is a keyed fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// The rotation that wrote.
    pub(crate) rotation: String,
    /// Its idempotency token, one for each try.
    #[serde(rename = "try")]
    pub(crate) token: String,
    /// The version that it made.
    pub(crate) version: String,
}

/// All entries, by the keys they are about, joined with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Published(BTreeMap<String, Written>);

impl Published {
    /// What the annotation says; nothing where somebody wrote something else into it.
    pub(crate) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// The entry of exactly these keys.
    pub(crate) fn of(&self, keys: &[String]) -> Option<&Written> {
        self.0.get(&joined(keys))
    }

    /// The same after a write of these keys. Entries that share a key with it are history.
    pub(crate) fn with(&self, keys: &[String], mark: &Mark, version: &VersionId) -> Self {
        let ours: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        let apart =
            |(about, _): &(&String, &Written)| about.split(',').all(|key| !ours.contains(key));
        let mut entries: BTreeMap<String, Written> = self
            .0
            .iter()
            .filter(apart)
            .map(|(about, written)| (about.clone(), written.clone()))
            .collect();
        let written = Written {
            rotation: mark.rotation.as_str().to_owned(),
            token: mark.token.clone(),
            version: version.as_str().to_owned(),
        };
        entries.insert(joined(keys), written);
        Self(entries)
    }

    /// The annotation's text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// No key has a comma in it.
fn joined(keys: &[String]) -> String {
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(",")
}

#[cfg(test)]
mod tests {
    use super::Published;
    use keywheel_contract::{Mark, RotationId, VersionId};

    #[test]
    fn each_set_of_keys_has_its_last_mark() {
        let mark = |token: &str| Mark {
            rotation: RotationId::new("example"),
            token: token.to_owned(),
        };
        let keys = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let version = VersionId::new("fp-1");
        let (both, other) = (keys(&["B", "A"]), keys(&["C"]));
        let first = Published::read(Some("not ours")).with(&both, &mark("1"), &version);
        let second = first.with(&other, &mark("2"), &version);
        let read = Published::read(Some(&second.text()));
        assert_eq!(read.of(&keys(&["A", "B"])).unwrap().token, "1");
        assert_eq!(read.of(&other).unwrap().token, "2");
        let third = read.with(&keys(&["A"]), &mark("3"), &version);
        assert_eq!((third.of(&both), third.0.len()), (None, 2));
    }
}
