//! The store itself: the contract's verbs in terms of the engine's.

use crate::api::Api;
use crate::examine;
use crate::key::{Key, State, expected, id, number};
use crate::kv::{Kv, Written};
use crate::options::VaultOptions;
use crate::shape::{MAX_BYTES, check, fits};
use async_trait::async_trait;
use keywheel_contract::{
    Document, Error, ErrorKind, Examination, Find, Found, Inspection, Mark, Page, Place, Result,
    Retired, SecretStore, SecretValue, StoreCapabilities, Version, VersionId, Write, content, seen,
};
use std::path::Path;
use std::time::Duration;
use tokio::sync::OnceCell;

/// One mount of a KV engine, version 2, and who we are there.
pub struct VaultStore {
    kv: Kv,
}

impl VaultStore {
    /// A store as configured; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` holds no certificate.
    pub fn new(options: &VaultOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            kv: Kv {
                api: Api::new(options, base)?,
                mount: options.mount().to_owned(),
                checked: OnceCell::new(),
            },
        })
    }

    /// What became of an announced write. Its number tells where to look; whether it is ours, only the
    /// content can say, for another writer may have got that number.
    async fn look(
        &self,
        place: &Place,
        key: &Key,
        mark: &Mark,
        sent: &SecretValue,
    ) -> Result<Found> {
        let announced = key.announced(mark).filter(|number| *number <= key.newest);
        let Some(number) = announced else {
            return Ok(Found::Absent);
        };
        if key.state(number) != Some(State::Readable) {
            return Err(Error::unknown_outcome(format!(
                "version {number} of `{}` is deleted or gone, so that nobody can say whether we wrote it",
                place.path
            )));
        }
        let standing = self.kv.document(&place.path, number).await?;
        let standing = content::ours(place, standing.expose_secret())?;
        if !standing.matches(&content::ours(place, sent.expose_secret())?) {
            return Ok(Found::Absent);
        }
        Ok(match key.current() {
            Some(current) if current == number => Found::Current(id(number)),
            _ => Found::Superseded(id(number)),
        })
    }

    /// Notes the mark. Where the answer is lost, one look tells whether the note is there.
    async fn announce(&self, place: &Place, key: &Key, mark: &Mark, number: u64) -> Result<()> {
        let path = &place.path;
        match self.kv.announce(path, key, mark, number).await {
            Err(lost) if lost.kind == ErrorKind::Unavailable => {
                let noted = self.kv.key(path).await?.announced(mark);
                if noted == Some(number) {
                    Ok(())
                } else {
                    Err(lost)
                }
            }
            other => other,
        }
    }

    /// Somebody was faster: an earlier sending of the same write, or a stranger.
    async fn too_late(&self, write: &Write<'_>) -> Result<VersionId> {
        let key = self.kv.key(&write.place.path).await?;
        match self
            .look(write.place, &key, write.mark, write.payload)
            .await?
        {
            Found::Current(done) | Found::Superseded(done) => Ok(done),
            _ => Err(Error::conflict(
                key.current_id(),
                format!("somebody wrote `{}` just before us", write.place.path),
            )),
        }
    }

    /// A version that may be ended: `None` where it is gone already.
    async fn ending(&self, place: &Place, version: &VersionId) -> Result<(u64, Option<State>)> {
        check(place)?;
        let number = number(&place.path, version)?;
        let key = self.kv.key(&place.path).await?;
        if key.current() == Some(number) {
            return Err(Error::conflict(
                Some(version.clone()),
                format!(
                    "version {number} of `{}` is what consumers see: publish another one first",
                    place.path
                ),
            ));
        }
        Ok((number, key.state(number)))
    }
}

#[async_trait]
impl SecretStore for VaultStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByTag,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: true,
            reversible: true,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        check(place)?;
        let key = self.kv.key(&place.path).await?;
        key.ensure_keeps(&place.path, &self.kv.configuration().await?)?;
        Ok(Inspection {
            current: key.current_id(),
            // Also where the newest version is deleted: the next write still has to name it.
            token: Some(key.newest.to_string()),
            written_at_ms: key.written_at_ms(),
            natively_managed_by: None,
            replicas_in_sync: true,
            warnings: Vec::new(),
        })
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        check(place)?;
        let standing = match &seen.current {
            Some(version) => {
                let number = number(&place.path, version)?;
                Some(self.kv.document(&place.path, number).await?)
            }
            None => None,
        };
        let standing = standing.as_ref().map(SecretValue::expose_secret);
        let payload = content::compose(place, document, standing)?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `vault` has no staging"))
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let (place, mark) = (write.place, write.mark);
        check(place)?;
        fits(write.payload)?;
        let key = self.kv.key(&place.path).await?;
        if let Found::Current(done) | Found::Superseded(done) =
            self.look(place, &key, mark, write.payload).await?
        {
            return Ok(done);
        }
        let over = expected(write.base, &key)?;
        self.announce(place, &key, mark, over + 1).await?;
        match self.kv.write(&place.path, over, write.payload).await? {
            Written::As(number) => Ok(id(number)),
            Written::TooLate => self.too_late(write).await,
        }
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        check(place)?;
        let number = number(&place.path, version)?;
        let standing = self.kv.document(&place.path, number).await?;
        content::ours(place, standing.expose_secret())
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        check(place)?;
        Ok(self.kv.key(&place.path).await?.list())
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        check(place)?;
        let key = self.kv.key(&place.path).await?;
        self.look(place, &key, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        match self.ending(place, version).await? {
            (number, Some(State::Readable)) => {
                self.kv.delete(&place.path, number).await?;
                Ok(Retired::Disabled)
            }
            (_, Some(State::Deleted)) => Ok(Retired::Disabled),
            (_, Some(State::Destroyed)) => Ok(Retired::Destroyed),
            (_, None) => Err(absent(place, version)),
        }
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        check(place)?;
        let number = number(&place.path, version)?;
        let key = self.kv.key(&place.path).await?;
        match key.state(number) {
            Some(State::Readable) => Ok(()),
            Some(State::Deleted) => self.kv.undelete(&place.path, number).await,
            Some(State::Destroyed) | None => Err(absent(place, version)),
        }
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (number, state) = self.ending(place, version).await?;
        if matches!(state, Some(State::Readable | State::Deleted)) {
            self.kv.destroy(&place.path, number).await?;
        }
        Ok(Retired::Destroyed)
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        let mut findings = vec![
            examine::identity(&self.kv).await,
            examine::clock(&self.kv).await,
        ];
        for place in places {
            findings.push(seen(place, self.inspect(place).await));
            findings.extend(examine::rights(&self.kv, place).await);
        }
        Examination {
            findings,
            policy: Some(examine::policy(&self.kv.mount, places)),
        }
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        self.kv.discover(after).await
    }
}

fn absent(place: &Place, version: &VersionId) -> Error {
    Error::not_found(format!(
        "`{}` has no version `{version}` any more",
        place.path
    ))
}
