//! Store `files`: a folder per secret, as programs expect to mount it.
//!
//! ```text
//! <root>/<path>/current            -> v4.<token>     what consumers open: one link, swapped by one rename
//! <root>/<path>/v4.<token>         a value; or, for a place with fields, a folder with a file per field
//! <root>/<path>/v3.<token>         the version before, readable until it is disabled or destroyed
//! <root>/<path>/.disabled/         mode 0700; a disabled version lies here, out of its readers' reach
//! <root>/<path>/.lock              held while the folder is changed
//! ```
//! A program opens `<path>/current`, or `<path>/current/FIELD`. Names are the only bookkeeping: the number
//! (version `v4`), the token of the write that made it, and by the folder whether it is disabled. So each
//! change is one rename, and no second file can disagree with it.
//!
//! Disabling keeps group members out; a consumer that runs as keywheel's own user could still enter
//! `.disabled`, as it could undo any mode. Destroying unlinks; it does not overwrite, because file systems
//! and drives keep old blocks anyway: put the root on a memory disk where that matters.

mod content;
mod folder;
mod options;
#[cfg(test)]
mod tests;
mod versions;

use self::{
    folder::Folder,
    options::Access,
    versions::{Entry, Step, is_reserved},
};
use crate::beneath::{blocking, parts};
use async_trait::async_trait;
use keywheel_contract::{
    Base, Document, Error, Fields, Find, Found, Inspection, Mark, Place, Result, Retired,
    SecretStore, SecretValue, StoreCapabilities, Version, VersionId, Write,
};
pub use options::FilesOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// As much as a Kubernetes secret holds, so that what is published here fits there too.
const MAX_BYTES: usize = 1 << 20;

/// A folder per secret below one root, every version kept until it is destroyed.
pub struct FilesStore {
    shelf: Arc<Shelf>,
}

impl FilesStore {
    /// A store in the folder `root`: `options.root`, made absolute by whoever read the options.
    ///
    /// # Errors
    /// `Invalid`: the mode gives rights to others, or the group is unknown.
    pub fn new(options: FilesOptions, root: PathBuf) -> Result<Self> {
        let access = Access::parse(&options)?;
        Ok(Self {
            shelf: Arc::new(Shelf { root, access }),
        })
    }

    /// Runs one piece of file work for a place that has been checked.
    async fn at<T: Send + 'static>(
        &self,
        place: &Place,
        work: impl FnOnce(&Shelf, &Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        check(place)?;
        let (shelf, place) = (Arc::clone(&self.shelf), place.clone());
        blocking(move || work(&shelf, &place)).await
    }
}

#[async_trait]
impl SecretStore for FilesStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByTag,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: true,
            reversible: true,
            host_bound: true,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        self.at(place, Shelf::inspect).await
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        let ours = ours(place, document)?;
        let current = seen.current.clone();
        let payload = self
            .at(place, move |shelf, place| {
                shelf.compose(place, ours, current)
            })
            .await?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `files` has no staging"))
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        fits(write.payload)?;
        let (payload, base) = (write.payload.duplicate(), write.base.clone());
        let mark = write.mark.clone();
        self.at(write.place, move |shelf, place| {
            shelf.promote(place, &payload, &base, &mark)
        })
        .await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let version = version.clone();
        self.at(place, move |shelf, place| shelf.read(place, &version))
            .await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        self.at(place, Shelf::list).await
    }

    async fn find(&self, place: &Place, mark: &Mark, _payload: &SecretValue) -> Result<Found> {
        let mark = mark.clone();
        self.at(place, move |shelf, place| shelf.find(place, &mark))
            .await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let version = version.clone();
        self.at(place, move |shelf, place| shelf.disable(place, &version))
            .await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let version = version.clone();
        self.at(place, move |shelf, place| shelf.enable(place, &version))
            .await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let version = version.clone();
        self.at(place, move |shelf, place| shelf.destroy(place, &version))
            .await
    }
}

/// The root, and who may read below it. Its methods block.
struct Shelf {
    root: PathBuf,
    access: Access,
}

impl Shelf {
    fn open(&self, place: &Place) -> Result<Option<Folder>> {
        Folder::open(&self.root, &place.path)
    }

    fn inspect(&self, place: &Place) -> Result<Inspection> {
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
        Ok(seen)
    }

    /// Our fields over those of other people in the version that will be replaced.
    fn compose(
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

    fn promote(
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

    fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let (folder, entry) = self.existing(place, version)?;
        if !entry.enabled {
            return Err(Error::not_found(format!(
                "version `{version}` of `{}` is disabled: enable it to read it",
                place.path
            )));
        }
        our_part(place, folder.read(&entry)?)
    }

    fn list(&self, place: &Place) -> Result<Vec<Version>> {
        match self.open(place)? {
            Some(folder) => Ok(folder.versions()?.list()),
            None => Ok(Vec::new()),
        }
    }

    fn find(&self, place: &Place, mark: &Mark) -> Result<Found> {
        match self.open(place)? {
            Some(folder) => Ok(folder.versions()?.find(mark)),
            None => Ok(Found::Absent),
        }
    }

    fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (folder, entry) = self.existing(place, version)?;
        if folder.versions()?.is_current(&entry) {
            return Err(is_current(place, version));
        }
        if entry.enabled {
            folder.disable(&entry)?;
        }
        Ok(Retired::Disabled)
    }

    fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let (folder, entry) = self.existing(place, version)?;
        if entry.enabled {
            return Ok(());
        }
        folder.enable(&entry)
    }

    fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
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

fn fits(payload: &SecretValue) -> Result<()> {
    if payload.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the content has {} bytes; store `files` takes {MAX_BYTES}",
        payload.len()
    )))
}

fn check(place: &Place) -> Result<()> {
    if place.selector.is_some() {
        return Err(Error::invalid(
            "store `files` has no selector: every consumer opens `current`",
        ));
    }
    parts(&place.path)?
        .iter()
        .try_for_each(|part| check_name("part of the path", part))?;
    place
        .fields
        .iter()
        .try_for_each(|name| check_name("field", name))
}

fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= 200 && !name.contains(['/', '\0']) && !is_reserved(name) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} `{}` cannot be a file's name here: no `/`, no leading `.`, at most 200 bytes, and not a name \
         that the store uses itself",
        name.escape_default()
    )))
}

/// The document, if it has the form and the fields of the place.
fn ours(place: &Place, document: &Document) -> Result<Document> {
    match document {
        Document::Whole(value) if place.fields.is_empty() => Ok(Document::Whole(value.duplicate())),
        Document::Fields(fields) if names_match(place, fields) => {
            Ok(Document::Fields(fields.duplicate()))
        }
        _ => Err(Error::invalid(format!(
            "the document does not have exactly the fields of `{}`",
            place.path
        ))),
    }
}

fn names_match(place: &Place, fields: &Fields) -> bool {
    let named = |name: &str| place.fields.iter().any(|ours| ours == name);
    fields.len() == place.fields.len() && fields.iter().all(|(name, _)| named(name))
}

/// Our fields of what stands there; one that is not there yet is left out.
fn our_part(place: &Place, content: Document) -> Result<Document> {
    match content {
        Document::Whole(value) if place.fields.is_empty() => Ok(Document::Whole(value)),
        Document::Fields(all) if !place.fields.is_empty() => {
            let ours = place.fields.iter().filter_map(|name| {
                let value = all.field(name)?;
                Some((name.clone(), value.duplicate()))
            });
            Ok(Document::Fields(ours.collect()))
        }
        _ => Err(Error::invalid(format!(
            "`{}` holds one value where fields are named, or the other way round",
            place.path
        ))),
    }
}
