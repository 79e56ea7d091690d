//! What a service tells of a credential (pure).

use crate::pack::{Cut, Item, Moment, States};
use crate::scope::plain;
use chrono::{DateTime, NaiveDate};
use keywheel_contract::{CredentialState, FingerprintKey, SecretValue};
use serde_json::Value;

/// Fewest characters of a hint that tell one credential from others.
const SHORTEST_HINT: usize = 4;
/// What the name of a value begins with that nothing else names.
pub(crate) const FINGERPRINT: &str = "hmac:";

/// One listed credential. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// What later calls name it by.
    pub(crate) reference: String,
    pub(crate) tag: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) state: CredentialState,
}

/// An item as a list has it; `None` where it is no credential of ours.
pub(crate) fn entry(how: &Item, item: &Value, key: &FingerprintKey) -> Option<Entry> {
    let text = |pointer: &String| item.pointer(pointer).and_then(plain);
    let ours = how
        .only
        .iter()
        .all(|(pointer, wanted)| item.pointer(pointer) == Some(wanted));
    let id = text(&how.id)
        .filter(|_| ours)
        .and_then(|text| cut(how.id_is, &text, key))?;
    Some(Entry {
        reference: how.reference.as_ref().map_or(Some(id.clone()), text)?,
        id,
        tag: how.tag.as_ref().and_then(text),
        hint: how.hint.as_ref().and_then(text),
        state: how
            .state
            .as_ref()
            .map_or(CredentialState::Active, |states| state(states, item)),
    })
}

/// The state by its word.
pub(crate) fn state(states: &States, item: &Value) -> CredentialState {
    let Some(word) = item.pointer(&states.at) else {
        return CredentialState::Unknown;
    };
    match () {
        () if states.active.contains(word) => CredentialState::Active,
        () if states.disabled.contains(word) => CredentialState::Disabled,
        () if states.gone.contains(word) => CredentialState::Absent,
        () => CredentialState::Unknown,
    }
}

/// What is computed from a text; `None` where it has not the form.
pub(crate) fn cut(how: Cut, text: &str, key: &FingerprintKey) -> Option<String> {
    match how {
        Cut::Itself => Some(text.to_owned()),
        Cut::Fingerprint => {
            let value = SecretValue::from(text.to_owned());
            Some(format!("{FINGERPRINT}{}", key.of(&value)))
        }
        Cut::SshFingerprint => keywheel_ssh_keys::fingerprint(text),
    }
}

/// Whether a value begins and ends as the hint shows: `sk-abc...xyz`, `sk-abc***xyz`, or the last characters alone.
pub(crate) fn fits_hint(hint: &str, value: &SecretValue) -> bool {
    let Some(value) = value.expose_secret_str() else {
        return false;
    };
    let hidden = |c: char| matches!(c, '.' | '*' | '…');
    let runs = ["...", "***", "…"];
    let split = runs.iter().find_map(|run| hint.split_once(run));
    let (head, tail) = split.unwrap_or(("", hint));
    let (head, tail) = (
        head.trim_end_matches(hidden),
        tail.trim_start_matches(hidden),
    );
    let known = head.len() + tail.len();
    known >= SHORTEST_HINT
        && known < value.len()
        && value.starts_with(head)
        && value.ends_with(tail)
}

/// A moment in epoch milliseconds; `Ok(None)` where the service says that there was none: by null, 0 or an empty text.
///
/// # Errors
/// It is not written as the pack says.
pub(crate) fn moment(how: Moment, found: &Value) -> Result<Option<i64>, ()> {
    if found.is_null() || found.as_i64() == Some(0) || found.as_str() == Some("") {
        return Ok(None);
    }
    let read = match how {
        Moment::Unix => found.as_i64().and_then(|seconds| seconds.checked_mul(1000)),
        Moment::Rfc3339 => found
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|at| at.timestamp_millis()),
        Moment::Date => found
            .as_str()
            .and_then(|text| text.parse::<NaiveDate>().ok())
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .map(|at| at.and_utc().timestamp_millis()),
    };
    read.map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::{cut, entry, fits_hint, moment};
    use crate::pack::{Cut, Item, Moment};
    use keywheel_contract::{CredentialState, FingerprintKey, SecretValue};
    use serde_json::json;

    fn key(byte: u8) -> FingerprintKey {
        FingerprintKey::new(&SecretValue::new(vec![byte; 32]))
    }

    #[test]
    fn an_item_is_read_by_its_pointers() {
        let how: Item = toml::from_str(
            "id = '/key'\nid_is = 'fingerprint'\nref = '/n'\ntag = '/name'\nonly = { '/kind' = 'app' }\n\
             state = { at = '/s', active = ['on'], disabled = ['off'], gone = [false] }",
        )
        .unwrap();
        let item = |kind: &str, s: serde_json::Value| json!({ "key": "abc", "n": 7, "name": "t", "kind": kind, "s": s });
        let read = entry(&how, &item("app", json!("on")), &key(1)).unwrap();
        assert_eq!(
            (read.reference.as_str(), read.tag.as_deref()),
            ("7", Some("t"))
        );
        assert!(
            read.id.starts_with("hmac:") && read.id.len() == 37,
            "{}",
            read.id
        );
        let under_another = entry(&how, &item("app", json!("on")), &key(2)).unwrap();
        assert_ne!(
            under_another.id, read.id,
            "whoever has no key cannot try values"
        );
        assert_eq!(entry(&how, &item("other", json!("on")), &key(1)), None);
        for (word, expected) in [
            (json!("off"), CredentialState::Disabled),
            (json!(false), CredentialState::Absent),
            (json!("new"), CredentialState::Unknown),
        ] {
            assert_eq!(
                entry(&how, &item("app", word), &key(1)).unwrap().state,
                expected
            );
        }
    }

    #[test]
    fn a_hint_shows_the_ends_of_a_value() {
        let value = SecretValue::from("sk-abcdefgh-wxyz".to_owned());
        for good in [
            "sk-abc...wxyz",
            "sk-abc***wxyz",
            "sk-ab*****xyz",
            "wxyz",
            "…wxyz",
        ] {
            assert!(fits_hint(good, &value), "{good}");
        }
        for wrong in [
            "sk-abd...wxyz",
            "sk-abc...wxyy",
            "xyz",
            "",
            "...",
            "sk-abcdefgh-wxyz",
        ] {
            assert!(!fits_hint(wrong, &value), "{wrong}");
        }
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        let at = |how, value| moment(how, &value);
        assert_eq!(
            at(Moment::Unix, json!(1_700_000_000)),
            Ok(Some(1_700_000_000_000))
        );
        assert_eq!(
            at(Moment::Rfc3339, json!("1970-01-01T00:00:01.5Z")),
            Ok(Some(1500))
        );
        assert_eq!(at(Moment::Date, json!("1970-01-02")), Ok(Some(86_400_000)));
        assert_eq!(at(Moment::Unix, json!(0)), Ok(None));
        assert_eq!(at(Moment::Rfc3339, json!(null)), Ok(None));
        assert_eq!(at(Moment::Date, json!("")), Ok(None));
        assert_eq!(at(Moment::Rfc3339, json!("yesterday")), Err(()));
    }

    #[test]
    fn a_public_key_is_named_as_openssh_names_it() {
        // The key of RFC 8709's tests, named by `ssh-keygen -l`.
        let public =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(
            cut(Cut::SshFingerprint, public, &key(1))
                .unwrap()
                .starts_with("SHA256:")
        );
        assert_eq!(cut(Cut::SshFingerprint, "nonsense", &key(1)), None);
    }
}
