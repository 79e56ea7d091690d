//! The store itself: the contract's verbs in terms of Key Vault's.

use crate::history::{History, Kept, MANAGED_BY, covers};
use crate::keyvault::{Bin, KeyVault};
use crate::options::AzureOptions;
use crate::quotas::draws;
use crate::shape::{MAX_BYTES, check, fits};
use crate::{discover, examine};
use async_trait::async_trait;
use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::models::SetSecretParameters;
use keywheel_contract::{
    Document, Draw, Error, Examination, Find, Found, Inspection, Mark, Page, Place, Result,
    Retired, SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId, Write, content,
    seen,
};
use std::path::Path;
use std::time::Duration;

/// One key vault, and who we are there.
pub struct AzureStore {
    vault: KeyVault,
}

impl AzureStore {
    /// A store as configured; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` holds no certificate.
    pub fn new(options: &AzureOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            vault: KeyVault::new(options, base)?,
        })
    }

    /// The version that a write under this mark made. A tag can be copied by people, so that the content decides
    /// where it can be read.
    async fn look(
        &self,
        place: &Place,
        history: &History,
        mark: &Mark,
        sent: &SecretValue,
    ) -> Result<Found> {
        for kept in history.marked(mark) {
            let id = VersionId::new(&*kept.id);
            if kept.enabled && !self.holds(place, &id, sent).await? {
                continue;
            }
            return Ok(match history.current_id() {
                Some(current) if current == id => Found::Current(id),
                _ => Found::Superseded(id),
            });
        }
        Ok(Found::Absent)
    }

    async fn holds(&self, place: &Place, version: &VersionId, sent: &SecretValue) -> Result<bool> {
        let standing = self.vault.value(&place.path, version).await?;
        let sent = content::ours(place, sent.expose_secret())?;
        let standing = content::ours(place, standing.expose_secret());
        Ok(standing.is_ok_and(|standing| standing.matches(&sent)))
    }

    /// Looks once more after a write. That ours is there cannot be undone, so that a stranger's version under it is
    /// never called a conflict, which would mean that nothing was written.
    async fn confirm(
        &self,
        write: &Write<'_>,
        before: &History,
        ours: VersionId,
    ) -> Result<VersionId> {
        let name = &write.place.path;
        let after = self.vault.history(name).await.map_err(|error| {
            let why = error.message;
            Error::unknown_outcome(format!(
                "version {ours} was written, but not seen yet: {why}"
            ))
        })?;
        match after.covered(before, &ours) {
            None => Ok(ours),
            Some(theirs) => Err(Error::unknown_outcome(covers(name, ours.as_str(), theirs))),
        }
    }

    /// Disables an older version; it can be enabled again. Nothing of Key Vault ends a single version for good.
    async fn end(&self, place: &Place, version: &VersionId) -> Result<Option<Retired>> {
        check(place)?;
        let name = &place.path;
        let history = self.vault.history(name).await?;
        let Some(kept) = history.version(version) else {
            if history.newest().is_none() {
                // What lies in the bin is not gone.
                self.ensure_free(name).await?;
            }
            return Ok(None);
        };
        if history.newest() == Some(kept) {
            return Err(Error::conflict(
                Some(version.clone()),
                format!(
                    "version {version} of `{name}` is the newest: disabled, it would hide every older one too; \
                     publish another one first"
                ),
            ));
        }
        if kept.enabled {
            self.vault.switch(name, kept, false).await?;
        }
        Ok(Some(Retired::Disabled))
    }

    /// An empty place, or a name that nobody can write.
    async fn ensure_free(&self, name: &str) -> Result<Vec<String>> {
        match self.vault.bin(name).await? {
            Bin::Empty => Ok(Vec::new()),
            Bin::Holds => Err(self.vault.deleted(name)),
            Bin::Closed => Ok(vec![format!(
                "whether a deleted secret `{name}` blocks the name cannot be seen with our rights"
            )]),
        }
    }
}

#[async_trait]
impl SecretStore for AzureStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByTag,
            readable: true,
            // A repeat is found by its mark, but two that are under way at once make two versions.
            idempotent_put: false,
            // Only looked at right before and right after.
            compare_and_set: false,
            versions: true,
            reversible: true,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        check(place)?;
        let name = &place.path;
        let history = self.vault.history(name).await?;
        let warnings = match history.newest() {
            None => self.ensure_free(name).await?,
            Some(_) => history.review(name, OffsetDateTime::now_utc())?,
        };
        let managed = history.newest().is_some_and(|kept| kept.managed);
        Ok(Inspection {
            current: history.current_id(),
            // Also where the newest version is disabled: a write still has to know it.
            token: history.newest().map(|kept| kept.id.clone()),
            written_at_ms: history.current().and_then(written_at_ms),
            natively_managed_by: managed.then(|| MANAGED_BY.to_owned()),
            replicas_in_sync: true,
            warnings,
        })
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        check(place)?;
        let standing = match (&seen.current, &seen.token) {
            _ if place.fields.is_empty() => None,
            (Some(version), _) => Some(self.vault.value(&place.path, version).await?),
            (None, None) => None,
            (None, Some(newest)) => {
                return Err(Error::invalid(format!(
                    "version {newest} of `{}` is disabled, so that other people's fields cannot be read and kept: \
                     enable it, or write a new version by hand",
                    place.path
                )));
            }
        };
        let standing = standing.as_ref().map(SecretValue::expose_secret);
        let payload = content::compose(place, document, standing)?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `azure-key-vault` has no staging"))
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let (place, mark) = (write.place, write.mark);
        check(place)?;
        fits(write.payload)?;
        let history = self.vault.history(&place.path).await?;
        if let Found::Current(done) | Found::Superseded(done) =
            self.look(place, &history, mark, write.payload).await?
        {
            return Ok(done);
        }
        history.expect(&place.path, write.base)?;
        let around = around(place, &history, mark)?;
        let written = self.vault.set(&place.path, write.payload, &around).await?;
        self.confirm(write, &history, written).await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        check(place)?;
        let standing = self.vault.value(&place.path, version).await?;
        content::ours(place, standing.expose_secret())
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        check(place)?;
        let history = self.vault.history(&place.path).await?;
        let current = history.current_id();
        let version = |kept: &Kept| {
            let id = VersionId::new(&*kept.id);
            Version {
                current: current.as_ref() == Some(&id),
                enabled: kept.enabled,
                ended: (!kept.enabled).then_some(Retired::Disabled),
                id,
            }
        };
        Ok(history.versions().iter().map(version).collect())
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        check(place)?;
        let history = self.vault.history(&place.path).await?;
        self.look(place, &history, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let ended = self.end(place, version).await?;
        ended.ok_or_else(|| absent(place, version))
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        check(place)?;
        let history = self.vault.history(&place.path).await?;
        match history.version(version) {
            None => Err(absent(place, version)),
            Some(kept) if kept.enabled => Ok(()),
            Some(kept) => self.vault.switch(&place.path, kept, true).await,
        }
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        // Gone without us: somebody purged the whole secret.
        let ended = self.end(place, version).await?;
        Ok(ended.unwrap_or(Retired::Destroyed))
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        draws(self.vault.origin.host_str().unwrap_or_default(), verb)
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        let mut findings = Vec::new();
        for place in places {
            let inspected = self.inspect(place).await;
            let rights = match check(place) {
                Ok(()) => examine::place(&self.vault, &place.path, &inspected).await,
                Err(_) => Vec::new(),
            };
            findings.push(seen(place, inspected));
            findings.extend(rights);
        }
        // The first calls fetched the token that tells who we are.
        let whole = examine::vault(&self.vault).await;
        findings.splice(0..0, whole);
        Examination {
            findings,
            policy: Some(examine::policy(&self.vault, places)),
        }
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        discover::page(&self.vault, after).await
    }
}

/// Everything of a new version but its value: what people said about the one before, and our tags.
fn around(place: &Place, history: &History, mark: &Mark) -> Result<SetSecretParameters> {
    let json = || (!place.fields.is_empty()).then(|| "application/json".to_owned());
    let content_type = match history.newest() {
        Some(newest) => newest.content_type.clone(),
        None => json(),
    };
    Ok(SetSecretParameters {
        content_type,
        secret_attributes: Some(history.attributes()),
        tags: Some(history.tags(&place.path, mark)?),
        value: None,
    })
}

fn written_at_ms(kept: &Kept) -> Option<i64> {
    kept.created?.unix_timestamp().checked_mul(1000)
}

fn absent(place: &Place, version: &VersionId) -> Error {
    Error::not_found(format!("`{}` has no version `{version}`", place.path))
}
