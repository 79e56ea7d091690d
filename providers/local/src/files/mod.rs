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
mod discover;
mod folder;
mod options;
mod shape;
mod shelf;
#[cfg(test)]
mod tests;
mod versions;

use self::options::Access;
use self::shape::{MAX_BYTES, check, fits, ours};
use self::shelf::Shelf;
use async_trait::async_trait;
use keywheel_contract::{
    Document, Error, Find, Found, Inspection, Mark, Page, Place, Result, Retired, SecretStore,
    SecretValue, StoreCapabilities, Version, VersionId, Write,
};
use keywheel_host_files::blocking;
pub use options::FilesOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

    /// Everything in one part: only names and times are read.
    async fn discover(&self, _after: Option<&str>) -> Result<Page> {
        let shelf = Arc::clone(&self.shelf);
        blocking(move || discover::everything(&shelf.root)).await
    }
}
