//! Store `dotenv`: chosen keys of an existing `.env` file.
//!
//! A place's path names the file, its fields the keys. Every other byte stays: order, comments, line endings,
//! mode, owner. What cannot be kept is a refusal with its remedy. A file that does not exist is made, with
//! mode 0600.
//!
//! There is one version, what stands in the file now. It is named by a keyed fingerprint of our keys
//! (`fp-` and 12 hexadecimal digits), so that a mark has no place in the file and a lost write is found by
//! its value. A value no longer in the file is gone; nothing can be disabled.

mod discover;
mod env_files;
mod git;
mod options;
#[cfg(test)]
mod tests;
mod text;
mod value;

use self::env_files::{EnvFiles, decode};
use async_trait::async_trait;
use keywheel_contract::{
    Document, Error, Find, FingerprintKey, Found, Inspection, Mark, Page, Place, Result, Retired,
    SecretStore, SecretValue, StoreCapabilities, Version, VersionId, Write,
};
use keywheel_host_files::blocking;
pub use options::DotenvOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest text that Linux passes to a program as one variable (`MAX_ARG_STRLEN`, execve(2)).
const MAX_BYTES: usize = 128 * 1024;

/// Keys of `.env` files below one folder.
pub struct DotenvStore {
    files: Arc<EnvFiles>,
}

impl DotenvStore {
    /// A store in the folder `root`: [`DotenvOptions::root`], made absolute by whoever read the options.
    /// `key` is the long-lived key of all fingerprints: with another one, every version has another name.
    pub fn new(root: PathBuf, key: Arc<FingerprintKey>) -> Self {
        Self {
            files: Arc::new(EnvFiles { root, key }),
        }
    }

    /// Runs one piece of file work for a place that has been checked.
    async fn at<T: Send + 'static>(
        &self,
        place: &Place,
        work: impl FnOnce(&EnvFiles, &Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        check(place)?;
        let (files, place) = (Arc::clone(&self.files), place.clone());
        blocking(move || work(&files, &place)).await
    }

    async fn current(&self, place: &Place) -> Result<Option<VersionId>> {
        let seen = self.at(place, EnvFiles::inspect).await?;
        Ok(seen.current)
    }
}

#[async_trait]
impl SecretStore for DotenvStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByValue,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: false,
            reversible: false,
            host_bound: true,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let mut seen = self.at(place, EnvFiles::inspect).await?;
        let file = self.files.root.join(&place.path);
        seen.warnings.extend(git::warning(&file).await);
        Ok(seen)
    }

    /// Our keys only: the rest of the file is taken from what stands there at the moment of the write.
    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        _seen: &Inspection,
    ) -> Result<SecretValue> {
        check(place)?;
        let Document::Fields(fields) = document else {
            return Err(Error::invalid(
                "store `dotenv` publishes keys, not one whole value",
            ));
        };
        let ours = fields.len() == place.fields.len()
            && place.fields.iter().all(|key| fields.field(key).is_some());
        if !ours {
            return Err(Error::invalid(format!(
                "the document does not have exactly the keys of `{}`",
                place.path
            )));
        }
        let payload = document.encode()?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `dotenv` has no staging"))
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        fits(write.payload)?;
        let (payload, base) = (write.payload.duplicate(), write.base.clone());
        self.at(write.place, move |files, place| {
            files.promote(place, &payload, &base)
        })
        .await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let version = version.clone();
        self.at(place, move |files, place| files.read(place, &version))
            .await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let current = self.current(place).await?;
        let version = current.map(|id| Version {
            id,
            current: true,
            enabled: true,
            ended: None,
        });
        Ok(version.into_iter().collect())
    }

    async fn find(&self, place: &Place, _mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let sent = self.files.version(&decode(place, payload)?)?;
        match self.current(place).await? {
            Some(current) if Some(&current) == sent.as_ref() => Ok(Found::Current(current)),
            _ => Ok(Found::Absent),
        }
    }

    /// Always [`Retired::Impossible`].
    async fn disable(&self, _place: &Place, _version: &VersionId) -> Result<Retired> {
        Ok(Retired::Impossible)
    }

    async fn enable(&self, _place: &Place, _version: &VersionId) -> Result<()> {
        Err(Error::invalid(
            "store `dotenv` cannot bring a value back: publish it again",
        ))
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        if self.current(place).await?.as_ref() != Some(version) {
            return Ok(Retired::Destroyed);
        }
        Err(Error::conflict(
            Some(version.clone()),
            format!(
                "`{}` holds this value now: publish another one first",
                place.path
            ),
        ))
    }

    /// Everything in one part: every file that is called like an env file, with the names of its keys.
    async fn discover(&self, _after: Option<&str>) -> Result<Page> {
        let files = Arc::clone(&self.files);
        blocking(move || discover::everything(&files.root)).await
    }
}

fn fits(payload: &SecretValue) -> Result<()> {
    if payload.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the keys have {} bytes; no program could take more than {MAX_BYTES} as a variable",
        payload.len()
    )))
}

fn check(place: &Place) -> Result<()> {
    if place.selector.is_some() {
        return Err(Error::invalid(
            "store `dotenv` has no selector: a file has one version",
        ));
    }
    if place.fields.is_empty() {
        return Err(Error::invalid(format!(
            "store `dotenv` needs `fields`: which keys of `{}` are ours",
            place.path
        )));
    }
    place.fields.iter().try_for_each(|key| check_key(key))
}

/// A name as POSIX shells take it (XBD 3.216, "Name").
fn check_key(key: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{}` is no name of a variable: letters, digits and `_`, and no digit first",
        key.escape_default()
    )))
}
