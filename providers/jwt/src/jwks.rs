//! The published set of public keys (RFC 7517, section 5), changed one key at a time (pure). Keys and members of other
//! people stay as they are written.

use crate::key::Public;
use keywheel_contract::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The member in which keys wait that are disabled: verifiers ignore what they do not know.
const DISABLED: &str = "keywheel_disabled";
/// The member that says since when a key is only kept for the tokens that it has signed: names, and epoch milliseconds.
const RETIRING: &str = "keywheel_retiring";

/// A set, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Jwks {
    keys: Vec<Entry>,
    disabled: Vec<Entry>,
    retiring: BTreeMap<String, i64>,
    others: BTreeMap<String, Text>,
}

/// One key as it is written, and what it is called; `None` for kinds of keys that are not ours.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    text: Text,
    name: Option<String>,
}

/// JSON as somebody wrote it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Text(Box<RawValue>);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Verifiers take it.
    Published,
    /// It waits, and verifiers do not see it.
    Disabled,
    /// Nowhere.
    Absent,
}

impl Jwks {
    /// Reads a set.
    ///
    /// # Errors
    /// `Invalid`: it is none.
    pub(crate) fn read(text: &[u8]) -> Result<Self> {
        let mut members: BTreeMap<String, Text> =
            serde_json::from_slice(text).map_err(|_| not_a_set("is not a JSON object"))?;
        let keys = members.remove("keys");
        let keys = keys.ok_or_else(|| not_a_set("has no `keys`"))?;
        let disabled = members.remove(DISABLED);
        let retiring = members.remove(RETIRING);
        let retiring = retiring
            .map(|text| serde_json::from_str(text.0.get()))
            .transpose();
        Ok(Self {
            keys: entries(&keys)?,
            disabled: disabled
                .as_ref()
                .map(entries)
                .transpose()?
                .unwrap_or_default(),
            retiring: retiring
                .map_err(|_| not_a_set(&format!("has a `{RETIRING}` that is not ours")))?
                .unwrap_or_default(),
            others: members,
        })
    }

    /// The set as a file.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut out = String::from("{\n  \"keys\": ");
        list(&mut out, &self.keys);
        if !self.disabled.is_empty() {
            out.push_str(&format!(",\n  \"{DISABLED}\": "));
            list(&mut out, &self.disabled);
        }
        if !self.retiring.is_empty() {
            let retiring = serde_json::to_string(&self.retiring).unwrap_or_default();
            out.push_str(&format!(",\n  \"{RETIRING}\": {retiring}"));
        }
        for (name, text) in &self.others {
            let name = serde_json::to_string(name).unwrap_or_default();
            out.push_str(&format!(",\n  {name}: {}", text.0.get()));
        }
        out.push_str("\n}\n");
        out.into_bytes()
    }

    /// Where the key of this name stands.
    pub(crate) fn standing(&self, name: &str) -> Standing {
        let holds = |entries: &[Entry]| entries.iter().any(|entry| entry.is(name));
        if holds(&self.keys) {
            Standing::Published
        } else if holds(&self.disabled) {
            Standing::Disabled
        } else {
            Standing::Absent
        }
    }

    /// Since when a key is only kept for the tokens that it has signed.
    pub(crate) fn retiring_since(&self, name: &str) -> Option<i64> {
        self.retiring.get(name).copied()
    }

    /// The same set, which says so from that moment on.
    pub(crate) fn retiring(mut self, name: &str, since_ms: i64) -> Self {
        self.retiring.entry(name.to_owned()).or_insert(since_ms);
        self
    }

    /// The same set, in which verifiers see this key.
    pub(crate) fn with(mut self, key: &Public) -> Self {
        let name = key.thumbprint();
        if self.standing(&name) == Standing::Absent {
            // What was just written is JSON.
            if let Ok(text) = RawValue::from_string(key.entry()) {
                self.keys.push(Entry::new(Text(text)));
            }
        }
        self.enabled(&name)
    }

    /// The same set, in which verifiers do not see this key; it waits to be brought back.
    pub(crate) fn disabled(mut self, name: &str) -> Self {
        let (ended, kept) = self.keys.into_iter().partition(|entry| entry.is(name));
        self.keys = kept;
        self.disabled.extend(ended);
        self
    }

    /// The same set, in which a disabled key is seen again as it was.
    pub(crate) fn enabled(mut self, name: &str) -> Self {
        let (back, kept) = self.disabled.into_iter().partition(|entry| entry.is(name));
        self.disabled = kept;
        self.keys.extend(back);
        self.retiring.remove(name);
        self
    }

    /// The same set without this key.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.keys.retain(|entry| !entry.is(name));
        self.disabled.retain(|entry| !entry.is(name));
        self.retiring.remove(name);
        self
    }
}

impl Entry {
    fn new(text: Text) -> Self {
        let public = serde_json::from_str::<Public>(text.0.get());
        let name = public.ok().map(|public| public.thumbprint());
        Self { text, name }
    }

    fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

fn entries(list: &Text) -> Result<Vec<Entry>> {
    let texts: Vec<Text> =
        serde_json::from_str(list.0.get()).map_err(|_| not_a_set("has `keys` that are no list"))?;
    Ok(texts.into_iter().map(Entry::new).collect())
}

fn list(out: &mut String, entries: &[Entry]) {
    let texts: Vec<&str> = entries.iter().map(|entry| entry.text.0.get()).collect();
    match texts.is_empty() {
        true => out.push_str("[]"),
        false => out.push_str(&format!("[\n    {}\n  ]", texts.join(",\n    "))),
    }
}

fn not_a_set(why: &str) -> Error {
    Error::invalid(format!(
        "the set of public keys {why}: a set without keys is `{{\"keys\": []}}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Jwks, Standing};
    use crate::key::{Public, draw, public};
    use keywheel_signing::Algorithm;

    const THEIRS: &str = r#"{"x-owner": {"b": 1.50},
      "keys": [ {"kty":"RSA","kid":"theirs","n":"AQAB","e":"AQAB","x5t":"a"}, {"kty":"oct","k":"AA"}, 7 ]}"#;

    fn drawn() -> Public {
        public(&draw(Algorithm::Es256).unwrap()).unwrap()
    }

    fn theirs() -> Jwks {
        Jwks::read(THEIRS.as_bytes()).unwrap()
    }

    #[test]
    fn a_set_is_read_as_it_was_written() {
        for set in [theirs(), Jwks::read(b"{\"keys\":[]}").unwrap()] {
            assert_eq!(Jwks::read(&set.written()).unwrap(), set);
        }
        let text = String::from_utf8(theirs().written()).unwrap();
        for kept in [
            r#"{"b": 1.50}"#,
            r#"{"kty":"RSA","kid":"theirs","n":"AQAB","e":"AQAB","x5t":"a"}"#,
            "7",
        ] {
            assert!(text.contains(kept), "{text}");
        }
        assert!(!text.contains("keywheel"), "{text}");
    }

    #[test]
    fn a_key_comes_waits_comes_back_and_goes() {
        let (ours, other) = (drawn(), drawn());
        let name = ours.thumbprint();
        let set = theirs().with(&ours).with(&other);
        assert_eq!(set.clone().with(&ours), set, "twice equals once");
        assert_eq!(set.standing(&name), Standing::Published);
        let off = Jwks::read(&set.clone().disabled(&name).written()).unwrap();
        assert_eq!(off.standing(&name), Standing::Disabled);
        assert_eq!(off.clone().disabled(&name), off);
        let seen: serde_json::Value = serde_json::from_slice(&off.written()).unwrap();
        assert_eq!(seen["keys"].as_array().unwrap().len(), 4);
        assert_eq!(
            off.clone().enabled(&name).standing(&name),
            Standing::Published
        );
        assert_eq!(off.clone().with(&ours).standing(&name), Standing::Published);
        for gone in [set.without(&name), off.without(&name)] {
            assert_eq!(gone, theirs().with(&other));
        }
    }

    #[test]
    fn a_key_that_retires_is_seen_and_says_since_when() {
        let key = drawn();
        let name = key.thumbprint();
        let set = theirs().with(&key).retiring(&name, 5).retiring(&name, 6);
        let set = Jwks::read(&set.written()).unwrap();
        assert_eq!(set.retiring_since(&name), Some(5));
        assert_eq!(set.standing(&name), Standing::Published);
        assert_eq!(set.clone().with(&key).retiring_since(&name), None);
        assert_eq!(set.without(&name), theirs());
    }

    #[test]
    fn the_key_of_a_person_comes_back_with_its_own_kid() {
        let theirs_name = {
            let key: Public =
                serde_json::from_str(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#).unwrap();
            key.thumbprint()
        };
        let back = theirs().disabled(&theirs_name).enabled(&theirs_name);
        let text = String::from_utf8(back.written()).unwrap();
        assert!(
            text.contains(r#""kid":"theirs""#) && text.contains(r#""x5t":"a""#),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_set_is_told() {
        for (wrong, said) in [
            ("", "no"),
            ("[]", "not a JSON object"),
            ("{}", "no `keys`"),
            ("{\"keys\":{}}", "no list"),
        ] {
            let error = Jwks::read(wrong.as_bytes()).unwrap_err();
            assert!(error.message.contains(said), "{wrong}: {error}");
        }
    }
}
