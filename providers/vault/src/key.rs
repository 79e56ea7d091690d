//! One path as its metadata tells it: versions, limits, and which write of ours got which number (pure).

use chrono::{DateTime, Utc};
use keywheel_contract::{Base, Error, Mark, Result, Retired, Version, VersionId};
use std::collections::{BTreeMap, HashMap};
use vaultrs::api::kv2::responses::{
    ReadConfigurationResponse, ReadSecretMetadataResponse, SecretMetadata,
};

/// Custom metadata of ours begins with this.
const PREFIX: &str = "keywheel_";
/// As many digits of a token as tell two apart for certain.
const DIGITS: usize = 32;
/// Marks of writes this many versions ago are nobody's question any more.
const REMEMBERED: u64 = 8;
/// What the engine keeps where neither path nor mount says another number.
const DEFAULT_VERSIONS: u64 = 10;
/// A rotation and its way back write two versions, and the first must outlive both.
const FEWEST_VERSIONS: u64 = 3;

/// Whether a version can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Readable,
    Deleted,
    Destroyed,
}

struct Slot {
    state: State,
    written_at_ms: Option<i64>,
    /// When the engine will delete it by itself.
    goes_at: Option<DateTime<Utc>>,
}

/// What stands at one path.
#[derive(Default)]
pub(crate) struct Key {
    /// Number of the newest version, 0 where there is none.
    pub(crate) newest: u64,
    exists: bool,
    slots: BTreeMap<u64, Slot>,
    marks: HashMap<String, u64>,
    /// Custom metadata of people.
    tags: BTreeMap<String, String>,
    max_versions: u64,
    delete_after: String,
}

impl Key {
    pub(crate) fn new(read: ReadSecretMetadataResponse, now: DateTime<Utc>) -> Self {
        let slot = |(number, version): (String, SecretMetadata)| {
            Some((number.parse().ok()?, Slot::new(&version, now)))
        };
        let custom = read.custom_metadata.unwrap_or_default();
        let theirs = custom.iter().filter(|(name, _)| !name.starts_with(PREFIX));
        let tags = theirs.map(|(name, text)| (name.clone(), text.clone()));
        let tags = tags.collect();
        let custom = custom.into_iter();
        Self {
            newest: read.current_version,
            exists: true,
            slots: read.versions.into_iter().filter_map(slot).collect(),
            marks: custom
                .filter_map(|(name, text)| mark_of(name, &text))
                .collect(),
            tags,
            max_versions: read.max_versions,
            delete_after: read.delete_version_after,
        }
    }

    /// What people noted about it.
    pub(crate) fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// The metadata is there, perhaps without any version.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    pub(crate) fn state(&self, number: u64) -> Option<State> {
        self.slots.get(&number).map(|slot| slot.state)
    }

    /// What consumers see: the newest version, unless it was deleted; they see no older one then.
    pub(crate) fn current(&self) -> Option<u64> {
        (self.state(self.newest) == Some(State::Readable)).then_some(self.newest)
    }

    pub(crate) fn current_id(&self) -> Option<VersionId> {
        self.current().map(id)
    }

    pub(crate) fn written_at_ms(&self) -> Option<i64> {
        self.slots.get(&self.current()?)?.written_at_ms
    }

    /// Newest first.
    pub(crate) fn list(&self) -> Vec<Version> {
        let version = |(number, slot): (&u64, &Slot)| Version {
            id: id(*number),
            current: self.current() == Some(*number),
            enabled: slot.state == State::Readable,
            ended: (slot.state == State::Destroyed).then_some(Retired::Destroyed),
        };
        self.slots.iter().rev().map(version).collect()
    }

    /// Whether old versions stay as long as a rotation needs them.
    ///
    /// # Errors
    /// `Invalid`: the engine would drop or delete a version that consumers may still use.
    pub(crate) fn ensure_keeps(&self, path: &str, mount: &ReadConfigurationResponse) -> Result<()> {
        for (whose, after) in [
            ("the path", &self.delete_after),
            ("the mount", &mount.delete_version_after),
        ] {
            if !never(after) {
                return Err(Error::invalid(format!(
                    "`{path}` would lose its live value: `delete_version_after` of {whose} is {after}; set it \
                     to 0s"
                )));
            }
        }
        if let Some(goes_at) = self.slots.get(&self.newest).and_then(|slot| slot.goes_at) {
            return Err(Error::invalid(format!(
                "`{path}` would lose its live value: version {} deletes itself at {goes_at}; write it once more",
                self.newest
            )));
        }
        let kept = [self.max_versions, mount.max_versions, DEFAULT_VERSIONS];
        let kept = kept.into_iter().find(|most| *most > 0).unwrap_or_default();
        if kept >= FEWEST_VERSIONS {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "`{path}` keeps {kept} versions (`max_versions`): a rotation and its way back need at least \
             {FEWEST_VERSIONS}"
        )))
    }

    /// The number that the write with this mark can only have got, if it was announced.
    pub(crate) fn announced(&self, mark: &Mark) -> Option<u64> {
        self.marks.get(&name_of(mark)).copied()
    }

    /// The entries that announce a write as `number`, and drop what nobody asks for any more.
    pub(crate) fn announcement(
        &self,
        mark: &Mark,
        number: u64,
    ) -> BTreeMap<String, Option<String>> {
        let old = |number: &u64| number + REMEMBERED <= self.newest;
        let stale = self.marks.iter().filter(|(_, number)| old(number));
        let mut entries: BTreeMap<_, _> = stale.map(|(name, _)| (name.clone(), None)).collect();
        let text = format!("{number} {}", mark.rotation);
        entries.insert(name_of(mark), Some(text));
        entries
    }
}

impl Slot {
    fn new(version: &SecretMetadata, now: DateTime<Utc>) -> Self {
        let goes = time(&version.deletion_time);
        Self {
            state: match goes {
                _ if version.destroyed => State::Destroyed,
                Some(at) if at <= now => State::Deleted,
                _ => State::Readable,
            },
            written_at_ms: time(&version.created_time).map(|at| at.timestamp_millis()),
            goes_at: goes.filter(|at| *at > now && !version.destroyed),
        }
    }
}

/// The version that a write expects to replace.
///
/// # Errors
/// `Conflict`: it never was one of ours, or it contradicts itself.
pub(crate) fn expected(base: &Base, key: &Key) -> Result<u64> {
    let by_version = base.version.as_ref().map(VersionId::as_str);
    let by_token = base.token.as_deref();
    let text = match (by_token, by_version) {
        (Some(token), Some(version)) if token != version => None,
        (token, version) => Some(token.or(version).unwrap_or("0")),
    };
    let number = text.and_then(|text| text.parse().ok());
    match number {
        Some(number) if number == key.newest => Ok(number),
        _ => Err(Error::conflict(
            key.current_id(),
            format!("another version stands there now: {}", key.newest),
        )),
    }
}

/// The name of a version.
pub(crate) fn id(number: u64) -> VersionId {
    VersionId::new(number.to_string())
}

/// The number in a version's name; 0 would mean the newest, whichever that is.
pub(crate) fn number(path: &str, version: &VersionId) -> Result<u64> {
    let number = version
        .as_str()
        .parse()
        .ok()
        .filter(|number: &u64| *number > 0);
    number.ok_or_else(|| Error::not_found(format!("`{path}` has no version `{version}`")))
}

fn name_of(mark: &Mark) -> String {
    let digits = mark.token.get(..DIGITS).unwrap_or(&mark.token);
    format!("{PREFIX}{digits}")
}

fn mark_of(name: String, text: &str) -> Option<(String, u64)> {
    let number = text.split(' ').next()?.parse().ok()?;
    name.starts_with(PREFIX).then_some((name, number))
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.to_utc())
}

/// `0s` and its like; a negative one turns the mount's setting off.
fn never(after: &str) -> bool {
    after.starts_with('-') || !after.contains(|c: char| c.is_ascii_digit() && c != '0')
}

#[cfg(test)]
mod tests {
    use super::{Key, State, expected, never, number};
    use chrono::DateTime;
    use keywheel_contract::{Base, Mark, RotationId, VersionId};
    use serde_json::{Value, json};

    const NOW: &str = "2026-01-02T00:00:00Z";

    fn key(versions: Value, custom: Value) -> Key {
        let read = json!({
            "cas_required": false, "created_time": "2026-01-01T00:00:00Z", "current_version": 3,
            "delete_version_after": "0s", "max_versions": 0, "oldest_version": 0,
            "updated_time": "2026-01-01T00:00:00Z", "custom_metadata": custom, "versions": versions,
        });
        let now = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
        Key::new(serde_json::from_value(read).unwrap(), now)
    }

    fn version(deletion: &str, destroyed: bool) -> Value {
        json!({ "created_time": "2026-01-01T00:00:00Z", "deletion_time": deletion, "destroyed": destroyed })
    }

    #[test]
    fn the_newest_version_is_current_unless_it_was_deleted() {
        let past = version("2026-01-01T12:00:00.5Z", false);
        let live = key(json!({ "2": past, "3": version("", false) }), Value::Null);
        assert_eq!(
            (live.current(), live.state(2)),
            (Some(3), Some(State::Deleted))
        );
        assert_eq!(live.written_at_ms(), Some(1_767_225_600_000));
        let future = version("2026-01-03T00:00:00Z", false);
        assert_eq!(key(json!({ "3": future }), Value::Null).current(), Some(3));
        for gone in [past, version("", true)] {
            let key = key(json!({ "2": version("", false), "3": gone }), Value::Null);
            assert_eq!((key.current(), key.newest), (None, 3));
        }
    }

    #[test]
    fn a_base_is_the_newest_version_or_a_conflict() {
        let key = key(json!({ "3": version("", false) }), Value::Null);
        let base = |version: Option<&str>, token: Option<&str>| Base {
            version: version.map(VersionId::new),
            token: token.map(str::to_owned),
        };
        for right in [
            base(Some("3"), Some("3")),
            base(None, Some("3")),
            base(Some("3"), None),
        ] {
            assert_eq!(expected(&right, &key).ok(), Some(3), "{right:?}");
        }
        for wrong in [
            base(None, None),
            base(Some("2"), Some("3")),
            base(Some("x"), None),
        ] {
            let refusal = expected(&wrong, &key).unwrap_err();
            assert_eq!(refusal.word(), "conflict", "{wrong:?}");
        }
        assert_eq!(expected(&base(None, None), &Key::default()).ok(), Some(0));
    }

    #[test]
    fn marks_are_told_from_other_people_s_entries() {
        let mark = Mark {
            rotation: RotationId::new("example"),
            token: "a".repeat(64),
        };
        let ours = format!("keywheel_{}", "a".repeat(32));
        let custom = json!({ ours.clone(): "4 example", "keywheel_note": "by hand", "team": "3" });
        let key = key(json!({}), custom);
        assert_eq!(key.announced(&mark), Some(4));
        let entries = key.announcement(&mark, 4);
        assert_eq!(entries.keys().collect::<Vec<_>>(), [&ours]);
    }

    #[test]
    fn version_0_would_be_the_newest_and_is_nobody_s() {
        for wrong in ["0", "-1", "v1", ""] {
            assert!(number("a", &VersionId::new(wrong)).is_err(), "{wrong}");
        }
        assert!(never("0s") && never("-1s") && !never("10m0s"));
    }
}
