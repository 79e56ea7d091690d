//! What the store does to its folders. Everything here blocks; one call is one piece of work.

use super::content;
use super::folder::Folder;
use super::options::Access;
use super::shape::{check_name, our_part};
use super::versions::{Entry, Step};
use keywheel_contract::{
    Base, Document, Error, Fields, Found, Inspection, Mark, Place, Result, Retired, SecretValue,
    Version, VersionId,
};
use std::path::PathBuf;

/// The root, and who may read below it. Its methods block.
pub(super) struct Shelf {
    pub(super) root: PathBuf,
    pub(super) access: Access,
}

impl Shelf {
    fn open(&self, place: &Place) -> Result<Option<Folder>> {
        Folder::open(&self.root, &place.path)
    }

    pub(super) fn inspect(&self, place: &Place) -> Result<Inspection> {
        let mut seen = Inspection {
            replicas_in_sync: true,
            ..Inspection::default()
        };
        let Some(folder) = self.open(place)? else {
            return Ok(seen);
        };
        let versions = folder.versions()?;
        if let Some(current) = versions.current() {
            seen.current = Some(current.id());
            seen.written_at_ms = folder.written_at_ms(current);
        }
        seen.warnings.extend(versions.ahead().map(|ahead| {
            format!(
                "version `{}` of `{}` is newer than what consumers see: its write was cut off, or somebody \
                 moved the link `current`",
                ahead.id(),
                place.path
            )
        }));
        Ok(seen)
    }

    /// Our fields over those of other people in the version that will be replaced.
    pub(super) fn compose(
        &self,
        place: &Place,
        ours: Document,
        current: Option<VersionId>,
    ) -> Result<SecretValue> {
        let (Document::Fields(fields), Some(version)) = (&ours, current) else {
            return ours.encode();
        };
        let (folder, entry) = self.existing(place, &version)?;
        let mut all = match folder.read(&entry)? {
            Document::Fields(theirs) => theirs,
            Document::Whole(_) => Fields::new(),
        };
        for (name, value) in fields.iter() {
            all.insert(name, value.duplicate());
        }
        Document::Fields(all).encode()
    }

    pub(super) fn promote(
        &self,
        place: &Place,
        payload: &SecretValue,
        base: &Base,
        mark: &Mark,
    ) -> Result<VersionId> {
        let document = content::parse(place, payload)?;
        if let Document::Fields(fields) = &document {
            fields
                .iter()
                .try_for_each(|(name, _)| check_name("field", name))?;
        }
        let folder = Folder::create(&self.root, &place.path, self.access)?;
        let step = folder.versions()?.step(base, mark)?;
        match &step {
            Step::Write(entry) => folder.publish(entry, &document, self.access)?,
            Step::Link(entry) => {
                ensure_same(&folder, entry, &document)?;
                folder.link(entry)?;
            }
            Step::Done(entry) => ensure_same(&folder, entry, &document)?,
        }
        let (Step::Write(entry) | Step::Link(entry) | Step::Done(entry)) = step;
        Ok(entry.id())
    }

    pub(super) fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let (folder, entry) = self.existing(place, version)?;
        if !entry.enabled {
            return Err(Error::not_found(format!(
                "version `{version}` of `{}` is disabled: enable it to read it",
                place.path
            )));
        }
        our_part(place, folder.read(&entry)?)
    }

    pub(super) fn list(&self, place: &Place) -> Result<Vec<Version>> {
        match self.open(place)? {
            Some(folder) => Ok(folder.versions()?.list()),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn find(&self, place: &Place, mark: &Mark) -> Result<Found> {
        match self.open(place)? {
            Some(folder) => Ok(folder.versions()?.find(mark)),
            None => Ok(Found::Absent),
        }
    }

    pub(super) fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (folder, entry) = self.existing(place, version)?;
        if folder.versions()?.is_current(&entry) {
            return Err(is_current(place, version));
        }
        if entry.enabled {
            folder.disable(&entry)?;
        }
        Ok(Retired::Disabled)
    }

    pub(super) fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let (folder, entry) = self.existing(place, version)?;
        if entry.enabled {
            return Ok(());
        }
        folder.enable(&entry)
    }

    pub(super) fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let Some(folder) = self.open(place)? else {
            return Ok(Retired::Destroyed);
        };
        let versions = folder.versions()?;
        match versions.by_id(version) {
            Some(entry) if versions.is_current(entry) => return Err(is_current(place, version)),
            Some(entry) => folder.destroy(entry, versions.is_ahead(entry))?,
            None => folder.sweep()?,
        }
        Ok(Retired::Destroyed)
    }

    fn existing(&self, place: &Place, version: &VersionId) -> Result<(Folder, Entry)> {
        let absent = || Error::not_found(format!("`{}` has no version `{version}`", place.path));
        let folder = self.open(place)?.ok_or_else(absent)?;
        let entry = folder
            .versions()?
            .by_id(version)
            .cloned()
            .ok_or_else(absent)?;
        Ok((folder, entry))
    }
}

fn is_current(place: &Place, version: &VersionId) -> Error {
    let message = format!(
        "version `{version}` of `{}` is what consumers see: publish another one first",
        place.path
    );
    Error::conflict(Some(version.clone()), message)
}

/// The same mark must mean the same bytes.
fn ensure_same(folder: &Folder, entry: &Entry, document: &Document) -> Result<()> {
    if folder.read(entry)?.matches(document) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "version `{}` was written under this mark with other content: use a new try",
        entry.id()
    )))
}
