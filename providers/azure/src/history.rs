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
mod tests;
