//! Which versions a folder holds, read from its names alone, and what a write does about them (pure).

use keywheel_contract::{Base, Error, Found, Mark, Result, Version, VersionId};

/// The link to the version that consumers see.
pub(super) const CURRENT: &str = "current";
/// A link or content under way; after a crash they are leftovers.
pub(super) const NEXT_LINK: &str = ".current";
/// Content being written.
pub(super) const NEXT: &str = ".next";
/// Content being removed.
pub(super) const GONE: &str = ".gone";
/// Held while a folder is changed or looked at.
pub(super) const LOCK: &str = ".lock";
/// Only its owner may enter: disabled versions lie here.
pub(super) const DISABLED: &str = ".disabled";
/// Prefix of an empty file that keeps the number of a destroyed version from being given again.
pub(super) const ENDED: &str = ".ended-";

/// One version: `v3.<token of its write>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) token: String,
    pub(super) enabled: bool,
}

impl Entry {
    pub(super) fn parse(name: &str, enabled: bool) -> Option<Self> {
        let (number, token) = name.strip_prefix('v')?.split_once('.')?;
        Some(Self {
            number: number_of(number)?,
            token: is_token(token).then(|| token.to_owned())?,
            enabled,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("v{}.{}", self.number, self.token)
    }

    /// Where it lies below the folder of its place.
    pub(super) fn path(&self) -> String {
        if self.enabled {
            return self.name();
        }
        format!("{DISABLED}/{}", self.name())
    }

    pub(super) fn id(&self) -> VersionId {
        VersionId::new(format!("v{}", self.number))
    }
}

/// All versions of a place, newest first, and the number of the current one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Versions {
    entries: Vec<Entry>,
    current: Option<u64>,
    highest: u64,
}

/// What a write has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is current already.
    Done(Entry),
    /// Its content is there; only the link is missing.
    Link(Entry),
    /// Everything.
    Write(Entry),
}

impl Versions {
    /// `highest` is the largest number ever ended; entries and link count too, even a link to nothing.
    pub(super) fn new(mut entries: Vec<Entry>, current: Option<u64>, highest: u64) -> Self {
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
        let newest = entries.first().map(|entry| entry.number);
        let highest = highest.max(newest.unwrap_or(0)).max(current.unwrap_or(0));
        Self {
            entries,
            current,
            highest,
        }
    }

    pub(super) fn current(&self) -> Option<&Entry> {
        let number = self.current?;
        self.entries.iter().find(|entry| entry.number == number)
    }

    pub(super) fn by_id(&self, id: &VersionId) -> Option<&Entry> {
        let number = id.as_str().strip_prefix('v').and_then(number_of)?;
        self.entries.iter().find(|entry| entry.number == number)
    }

    pub(super) fn is_current(&self, entry: &Entry) -> bool {
        self.current == Some(entry.number)
    }

    /// Newer than what consumers see: written by a try that was cut off, or passed over by a person.
    pub(super) fn is_ahead(&self, entry: &Entry) -> bool {
        entry.number > self.current.unwrap_or(0)
    }

    /// The newest version that consumers do not see yet.
    pub(super) fn ahead(&self) -> Option<&Entry> {
        self.entries.first().filter(|entry| self.is_ahead(entry))
    }

    pub(super) fn list(&self) -> Vec<Version> {
        let version = |entry: &Entry| Version {
            id: entry.id(),
            current: self.is_current(entry),
            enabled: entry.enabled,
            ended: None,
        };
        self.entries.iter().map(version).collect()
    }

    pub(super) fn find(&self, mark: &Mark) -> Found {
        match self.by_token(&mark.token) {
            None => Found::Absent,
            Some(entry) if self.is_current(entry) => Found::Current(entry.id()),
            Some(entry) if self.is_ahead(entry) => Found::Staged(entry.id()),
            Some(entry) => Found::Superseded(entry.id()),
        }
    }

    /// Decides about a write: the same one again, one that was cut off, a new one, or a conflict.
    pub(super) fn step(&self, base: &Base, mark: &Mark) -> Result<Step> {
        if !is_token(&mark.token) {
            return Err(Error::invalid(
                "a write's token is not 64 hexadecimal digits",
            ));
        }
        let ours = self.by_token(&mark.token);
        if let Some(entry) = ours.filter(|entry| self.is_current(entry)) {
            return Ok(Step::Done(entry.clone()));
        }
        let seen = self.current().map(Entry::id);
        if seen != base.version {
            return Err(Error::conflict(
                seen,
                "somebody published another version first",
            ));
        }
        match ours {
            Some(entry) if entry.enabled && self.is_ahead(entry) => Ok(Step::Link(entry.clone())),
            Some(_) => Err(Error::conflict(
                seen,
                "this write was made and has been replaced since",
            )),
            None => Ok(Step::Write(Entry {
                number: self.highest + 1,
                token: mark.token.clone(),
                enabled: true,
            })),
        }
    }

    fn by_token(&self, token: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.token == token)
    }
}

/// Whether a name inside a place's folder is ours, so that no field and no nested place may have it.
pub(super) fn is_reserved(name: &str) -> bool {
    name == CURRENT || name.starts_with('.') || Entry::parse(name, true).is_some()
}

/// Reads `7` and nothing that merely looks like it (`07`, `+7`).
pub(super) fn number_of(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{Entry, Step, Versions};
    use keywheel_contract::{Base, ErrorKind, Found, Mark, RotationId, VersionId};

    fn mark(digit: &str) -> Mark {
        Mark {
            rotation: RotationId::new("example"),
            token: digit.repeat(64),
        }
    }

    fn entry(number: u64, digit: &str) -> Entry {
        Entry {
            number,
            token: digit.repeat(64),
            enabled: true,
        }
    }

    fn base(number: u64) -> Base {
        Base {
            version: Some(VersionId::new(format!("v{number}"))),
            token: None,
        }
    }

    #[test]
    fn a_name_is_a_version_or_it_is_not() {
        let name = entry(12, "a").name();
        assert_eq!(Entry::parse(&name, true), Some(entry(12, "a")));
        for other in ["v1", "v01.a", "v1.xyz", "current", ".next", "v.a"] {
            assert_eq!(Entry::parse(other, true), None, "{other}");
        }
    }

    #[test]
    fn a_write_over_its_base_gets_the_next_number() {
        let versions = Versions::new(vec![entry(1, "a"), entry(2, "b")], Some(2), 0);
        let step = versions.step(&base(2), &mark("c")).unwrap();
        assert_eq!(step, Step::Write(entry(3, "c")));
        let first = Versions::default().step(&Base::default(), &mark("c"));
        assert_eq!(first.unwrap(), Step::Write(entry(1, "c")));
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let versions = Versions::new(vec![entry(3, "a")], Some(3), 7);
        let step = versions.step(&base(3), &mark("c")).unwrap();
        assert_eq!(step, Step::Write(entry(8, "c")));
    }

    #[test]
    fn the_same_write_is_done_linked_or_replaced() {
        let both = || vec![entry(1, "a"), entry(2, "b")];
        let done = Versions::new(both(), Some(2), 0);
        assert_eq!(
            done.step(&base(1), &mark("b")).unwrap(),
            Step::Done(entry(2, "b"))
        );
        assert_eq!(
            done.find(&mark("a")),
            Found::Superseded(VersionId::new("v1"))
        );
        let cut_off = Versions::new(both(), Some(1), 0);
        assert_eq!(
            cut_off.step(&base(1), &mark("b")).unwrap(),
            Step::Link(entry(2, "b"))
        );
        assert_eq!(
            cut_off.find(&mark("b")),
            Found::Staged(VersionId::new("v2"))
        );
        let replaced = done.step(&base(2), &mark("a")).unwrap_err();
        assert!(matches!(replaced.kind, ErrorKind::Conflict { .. }));
    }

    #[test]
    fn a_wrong_base_or_token_is_refused() {
        let versions = Versions::new(vec![entry(2, "b")], Some(2), 0);
        let error = versions.step(&base(1), &mark("c")).unwrap_err();
        let seen = Some(VersionId::new("v2"));
        assert_eq!(error.kind, ErrorKind::Conflict { seen });
        let error = versions.step(&base(2), &mark("/")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
    }
}
