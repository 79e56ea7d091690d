//! The versions of one secret: which is newest, which are ours, what a write keeps of the one before (pure).

use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::ResourceExt as _;
use azure_security_keyvault_secrets::models::{SecretAttributes, SecretProperties};
use keywheel_contract::{Base, Error, Mark, Result, VersionId};
use std::collections::HashMap;

/// Tag of ours: the rotation that wrote the version.
const ROTATION: &str = "keywheel-rotation";
/// Tag of ours: the token under which it was written.
const MARK: &str = "keywheel-mark";
/// Tag of ours: the version it was written over.
const OVER: &str = "keywheel-over";
/// All of them.
const OURS: [&str; 3] = [ROTATION, MARK, OVER];
/// Tags that a version can have.
const MOST_TAGS: usize = 15;
/// Who rotates what is `managed`.
pub(crate) const MANAGED_BY: &str =
    "Key Vault itself, as part of a certificate or of a managed storage account";
/// Key Vault itself tells of an expiry so many days ahead.
const NEAR_DAYS: i64 = 30;

/// One version, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    /// Whole seconds: two versions may have the same.
    pub(crate) created: Option<OffsetDateTime>,
    pub(crate) expires: Option<OffsetDateTime>,
    pub(crate) not_before: Option<OffsetDateTime>,
    pub(crate) content_type: Option<String>,
    pub(crate) tags: HashMap<String, String>,
    pub(crate) managed: bool,
}

/// What whoever asks for no version gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// This version.
    Version(String),
    /// A refusal, for the newest version is disabled; never an older one.
    Disabled,
    /// There is no such secret.
    Nothing,
}

/// Everything known of one secret at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    /// Newest first.
    versions: Vec<Kept>,
    shown: Shown,
}

impl Kept {
    pub(crate) fn of(listed: SecretProperties) -> Option<Self> {
        let id = listed.resource_id().ok()?.version?;
        let attributes = listed.attributes.unwrap_or_default();
        Some(Self {
            id,
            enabled: attributes.enabled.unwrap_or(true),
            created: attributes.created,
            expires: attributes.expires,
            not_before: attributes.not_before,
            content_type: listed.content_type,
            tags: listed.tags.unwrap_or_default(),
            managed: listed.managed.unwrap_or(false),
        })
    }

    fn over(&self) -> Option<&str> {
        self.tags.get(OVER).map(String::as_str)
    }
}

impl History {
    pub(crate) fn new(versions: Vec<Kept>, shown: Shown) -> Self {
        let mut ranked: Vec<_> = versions
            .iter()
            .map(|kept| (rank(kept, &versions, &shown), kept.clone()))
            .collect();
        ranked.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.id.cmp(&y.id)));
        Self {
            versions: ranked.into_iter().map(|(_, kept)| kept).collect(),
            shown,
        }
    }

    /// Whether the list and what is shown are of the same moment: nothing was written between the two readings, and
    /// neither is an old copy.
    pub(crate) fn is_of_one_moment(&self) -> bool {
        let latest = self.versions.iter().filter_map(|kept| kept.created).max();
        match (&self.shown, self.versions.first()) {
            (Shown::Nothing, newest) => newest.is_none(),
            (Shown::Version(id), Some(newest)) => newest.id == *id && newest.created >= latest,
            (Shown::Disabled, Some(newest)) => !newest.enabled,
            (_, None) => false,
        }
    }

    pub(crate) fn newest(&self) -> Option<&Kept> {
        self.versions.first()
    }

    /// What consumers see.
    pub(crate) fn current(&self) -> Option<&Kept> {
        let seen = matches!(self.shown, Shown::Version(_));
        self.newest().filter(|_| seen)
    }

    pub(crate) fn current_id(&self) -> Option<VersionId> {
        self.current().map(|kept| VersionId::new(&*kept.id))
    }

    pub(crate) fn versions(&self) -> &[Kept] {
        &self.versions
    }

    pub(crate) fn version(&self, id: &VersionId) -> Option<&Kept> {
        self.versions.iter().find(|kept| kept.id == id.as_str())
    }

    /// Versions that carry this mark, the oldest first. Whoever makes a version out of ours may copy its tags.
    pub(crate) fn marked(&self, mark: &Mark) -> impl Iterator<Item = &Kept> {
        let carries = |kept: &&Kept| kept.tags.get(MARK) == Some(&mark.token);
        self.versions.iter().rev().filter(carries)
    }

    /// # Errors
    /// `Conflict`: another version than the one that the write expects to replace is newest.
    pub(crate) fn expect(&self, name: &str, base: &Base) -> Result<()> {
        let newest = self.newest().map(|kept| kept.id.as_str());
        let by_token = base.token.as_deref() == newest;
        if by_token && base.version == self.current_id() {
            return Ok(());
        }
        Err(Error::conflict(
            self.current_id(),
            match newest {
                Some(newest) => format!(
                    "the newest version of `{name}` is {newest} now, which is not the one seen before"
                ),
                None => format!("`{name}` has no version any more"),
            },
        ))
    }

    /// A version that somebody wrote after `before` was seen and before ours, which now covers it.
    pub(crate) fn covered(&self, before: &Self, ours: &VersionId) -> Option<&Kept> {
        if self.current_id().as_ref() != Some(ours) {
            // What covers ours is the business of whoever looks next.
            return None;
        }
        let known = |kept: &Kept| before.versions.iter().any(|old| old.id == kept.id);
        let mut new = self.versions.iter().skip(1).filter(|kept| !known(kept));
        new.next()
    }

    /// The same, as it can still be told later: from what ours says it was written over.
    fn covered_later(&self) -> Option<&Kept> {
        let ours = self.current()?;
        let over = ours.over()?;
        let between = self.versions.get(1).filter(|kept| kept.id != over)?;
        let base = self.versions.iter().find(|kept| kept.id == over)?;
        (between.created > base.created).then_some(between)
    }

    /// Tags of a new version: the ones that people gave the newest one, and ours.
    ///
    /// # Errors
    /// `Invalid`: they would be too many.
    pub(crate) fn tags(&self, name: &str, mark: &Mark) -> Result<HashMap<String, String>> {
        let mut tags = self.foreign_tags();
        if tags.len() + OURS.len() > MOST_TAGS {
            return Err(Error::invalid(format!(
                "`{name}` has {} tags; a version takes {MOST_TAGS}, of which {} are needed here: remove some",
                tags.len(),
                OURS.len()
            )));
        }
        let over = self.newest().map(|kept| (OVER.to_owned(), kept.id.clone()));
        tags.extend(over);
        tags.insert(ROTATION.to_owned(), mark.rotation.as_str().to_owned());
        tags.insert(MARK.to_owned(), mark.token.clone());
        Ok(tags)
    }

    fn foreign_tags(&self) -> HashMap<String, String> {
        let mut tags = self
            .newest()
            .map(|kept| kept.tags.clone())
            .unwrap_or_default();
        tags.retain(|name, _| !is_ours(name));
        tags
    }

    /// Attributes of a new version: enabled, and with the dates of the newest one.
    pub(crate) fn attributes(&self) -> SecretAttributes {
        let newest = self.newest();
        SecretAttributes {
            enabled: Some(true),
            expires: newest.and_then(|kept| kept.expires),
            not_before: newest.and_then(|kept| kept.not_before),
            ..SecretAttributes::default()
        }
    }

    /// What a person should know before this is rotated.
    ///
    /// # Errors
    /// `Invalid`, with the next step: a new version could not be used, or not be written.
    pub(crate) fn review(&self, name: &str, now: OffsetDateTime) -> Result<Vec<String>> {
        let Some(newest) = self.newest() else {
            return Ok(Vec::new());
        };
        if self.foreign_tags().len() + OURS.len() > MOST_TAGS {
            return Err(Error::invalid(format!(
                "`{name}` has too many tags: {} of {MOST_TAGS} are needed here, remove some",
                OURS.len()
            )));
        }
        let mut warnings = Vec::new();
        if let Some(end) = newest.expires {
            let days = (end - now).whole_days();
            if end <= now {
                return Err(Error::invalid(format!(
                    "version {} of `{name}` expired on {}, and a new one would take that date over: move it first \
                     (`az keyvault secret set-attributes --name {name} --expires …`)",
                    newest.id,
                    end.date()
                )));
            }
            if days < NEAR_DAYS {
                warnings.push(format!(
                    "version {} of `{name}` expires on {}; new versions take that date over",
                    newest.id,
                    end.date()
                ));
            }
        }
        if let Some(start) = newest.not_before.filter(|start| *start > now) {
            warnings.push(format!(
                "version {} of `{name}` is not to be used before {start}; new versions take that over",
                newest.id
            ));
        }
        if self.shown == Shown::Disabled {
            warnings.push(format!(
                "version {} of `{name}`, the newest, is disabled: consumers that name no version get nothing",
                newest.id
            ));
        }
        warnings.extend(
            self.covered_later()
                .map(|kept| covers(name, &newest.id, kept)),
        );
        Ok(warnings)
    }
}

/// Says that a version of somebody else is no longer seen.
pub(crate) fn covers(name: &str, ours: &str, theirs: &Kept) -> String {
    format!(
        "version {ours} of `{name}` covers version {}, which somebody else wrote at the same time: it is kept, \
         compare the two",
        theirs.id
    )
}

pub(crate) fn is_ours(tag: &str) -> bool {
    OURS.contains(&tag)
}

/// What tells the newer of two: the store's own word first, then the second it was made in, then what was written
/// over what.
type Rank = (bool, Option<OffsetDateTime>, bool, usize);

fn rank(kept: &Kept, all: &[Kept], shown: &Shown) -> Rank {
    let is_shown = *shown == Shown::Version(kept.id.clone());
    let hides = *shown == Shown::Disabled && !kept.enabled;
    (is_shown, kept.created, hides, depth(kept, all))
}

/// How many versions lie under it, as far as their tags tell. Tags that somebody edited may lead in a circle.
fn depth(kept: &Kept, all: &[Kept]) -> usize {
    let below = |kept: &&Kept| {
        let over = kept.over()?;
        all.iter().find(|other| other.id == over)
    };
    let chain = std::iter::successors(Some(kept), |kept| below(kept));
    chain.take(all.len()).count()
}

#[cfg(test)]
mod tests {
    use super::{History, Kept, MARK, OVER, Shown};
    use azure_core::time::OffsetDateTime;
    use keywheel_contract::{Base, Mark, RotationId, VersionId};
    use std::collections::HashMap;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(second).unwrap()
    }

    fn kept(id: &str, second: i64, over: &str) -> Kept {
        let over = (!over.is_empty()).then(|| (OVER.to_owned(), over.to_owned()));
        Kept {
            id: id.to_owned(),
            enabled: true,
            created: Some(at(second)),
            expires: None,
            not_before: None,
            content_type: None,
            tags: over.into_iter().collect(),
            managed: false,
        }
    }

    fn ids(history: &History) -> Vec<&str> {
        let each = history.versions().iter();
        each.map(|kept| kept.id.as_str()).collect()
    }

    fn shown(id: &str) -> Shown {
        Shown::Version(id.to_owned())
    }

    fn mark() -> Mark {
        Mark {
            rotation: RotationId::new("example"),
            token: "a".repeat(64),
        }
    }

    #[test]
    fn within_one_second_what_lies_over_what_tells_the_order() {
        let all = vec![
            kept("b", 5, "c"),
            kept("a", 5, "b"),
            kept("c", 5, "d"),
            kept("d", 4, ""),
        ];
        let history = History::new(all.clone(), shown("a"));
        assert_eq!(ids(&history), ["a", "b", "c", "d"]);
        assert!(history.is_of_one_moment());
        // What consumers see is the vault's word, whatever tags say.
        let history = History::new(all, shown("c"));
        assert_eq!(ids(&history)[0], "c");
    }

    #[test]
    fn tags_that_lead_in_a_circle_do_no_harm() {
        let history = History::new(vec![kept("a", 5, "b"), kept("b", 5, "a")], shown("b"));
        assert_eq!(ids(&history), ["b", "a"]);
    }

    #[test]
    fn two_readings_of_different_moments_are_noticed() {
        let two = || vec![kept("a", 5, ""), kept("b", 6, "")];
        assert!(History::new(two(), shown("b")).is_of_one_moment());
        for (versions, shown) in [
            (two(), shown("a")),
            (two(), shown("c")),
            (two(), Shown::Nothing),
            (two(), Shown::Disabled),
            (Vec::new(), shown("a")),
        ] {
            let history = History::new(versions, shown);
            assert!(!history.is_of_one_moment(), "{history:?}");
        }
        assert!(History::new(Vec::new(), Shown::Nothing).is_of_one_moment());
        let disabled = Kept {
            enabled: false,
            ..kept("b", 6, "")
        };
        let history = History::new(vec![kept("a", 6, ""), disabled], Shown::Disabled);
        assert!(history.is_of_one_moment());
        assert_eq!((ids(&history), history.current()), (vec!["b", "a"], None));
    }

    #[test]
    fn a_base_is_what_is_newest_now_or_a_conflict() {
        let history = History::new(vec![kept("a", 5, ""), kept("b", 6, "")], shown("b"));
        let base = |version: Option<&str>, token: Option<&str>| Base {
            version: version.map(VersionId::new),
            token: token.map(str::to_owned),
        };
        assert!(history.expect("n", &base(Some("b"), Some("b"))).is_ok());
        for wrong in [
            base(None, None),
            base(Some("a"), Some("a")),
            base(Some("b"), Some("a")),
            base(None, Some("b")),
        ] {
            assert_eq!(
                history.expect("n", &wrong).unwrap_err().word(),
                "conflict",
                "{wrong:?}"
            );
        }
        let empty = History::new(Vec::new(), Shown::Nothing);
        assert!(empty.expect("n", &base(None, None)).is_ok());
        assert!(empty.expect("n", &base(Some("a"), Some("a"))).is_err());
    }

    #[test]
    fn a_stranger_s_version_under_ours_is_noticed_now_and_later() {
        let before = History::new(vec![kept("a", 5, "")], shown("a"));
        let after = |versions: Vec<Kept>, id: &str| History::new(versions, shown(id));
        let ours = VersionId::new("c");
        let alone = after(vec![kept("a", 5, ""), kept("c", 7, "a")], "c");
        assert_eq!(alone.covered(&before, &ours), None);
        assert_eq!(alone.covered_later(), None);
        let three = || vec![kept("a", 5, ""), kept("b", 7, ""), kept("c", 7, "a")];
        let covering = after(three(), "c");
        assert_eq!(covering.covered(&before, &ours).unwrap().id, "b");
        assert_eq!(covering.covered_later().unwrap().id, "b");
        let below = after(three(), "b");
        assert_eq!(below.covered(&before, &ours), None);
    }

    #[test]
    fn a_new_version_keeps_what_people_said_of_the_old_one_and_not_our_old_tags() {
        let mut old = kept("a", 5, "z");
        old.tags.insert("team".to_owned(), "example".to_owned());
        old.tags.insert(MARK.to_owned(), "b".repeat(64));
        old.expires = Some(at(100));
        let history = History::new(vec![old.clone()], shown("a"));
        let tags = history.tags("n", &mark()).unwrap();
        let expected = [
            ("team", "example"),
            ("keywheel-rotation", "example"),
            ("keywheel-mark", &"a".repeat(64)),
            ("keywheel-over", "a"),
        ];
        let expected: HashMap<_, _> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(tags, expected);
        let attributes = history.attributes();
        assert_eq!(
            (attributes.enabled, attributes.expires),
            (Some(true), Some(at(100)))
        );
        let many = (0..13).map(|number| (format!("t{number}"), String::new()));
        old.tags.extend(many);
        let history = History::new(vec![old], shown("a"));
        assert!(history.tags("n", &mark()).is_err());
    }

    #[test]
    fn an_expiry_is_told_ahead_and_refused_when_it_has_come() {
        let day = 86_400;
        let review = |expires: i64, now: i64| {
            let expiring = Kept {
                expires: Some(at(expires)),
                ..kept("a", 5, "")
            };
            History::new(vec![expiring], shown("a")).review("n", at(now))
        };
        assert_eq!(review(31 * day, 0).unwrap(), Vec::<String>::new());
        assert_eq!(review(29 * day, 0).unwrap().len(), 1);
        let refusal = review(day, day).unwrap_err();
        assert!(refusal.message.contains("--expires"), "{refusal}");
    }
}
