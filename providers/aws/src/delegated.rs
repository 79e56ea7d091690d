//! The store with `delegate`: its secrets are rotated by AWS. It reads, and never writes.

use crate::calls::Calls;
use crate::options::AwsOptions;
use crate::secret::Secret;
use crate::shape::check;
use crate::store::{CONVERGES, discovered, text};
use crate::{examine, quotas};
use async_trait::async_trait;
use keywheel_contract::{
    Document, Draw, Error, ErrorKind, Examination, Find, Found, Inspection, Mark, Page, Place,
    Result, Retired, SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId, Write,
    content,
};
use std::path::Path;

/// Secrets that AWS rotates, as one identity sees them. To publish is to find that AWS shows the value already.
pub struct DelegatedStore {
    calls: Calls,
}

impl DelegatedStore {
    /// A store as configured; relative paths count from `base`. Nothing is called yet, and no credential is read.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together.
    pub fn new(options: &AwsOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            calls: Calls::new(options.clone(), base),
        })
    }

    /// A secret that AWS rotates.
    async fn secret(&self, place: &Place) -> Result<Secret> {
        check(place)?;
        let path = &place.path;
        let secret = self.calls.describe(path).await?.ok_or_else(|| {
            Error::invalid(format!(
                "`{path}` does not exist: make it, and turn AWS's rotation of it on"
            ))
        })?;
        secret.ensure_delegated(path)?;
        Ok(secret)
    }

    /// Whether a version shows our fields as this payload has them; other people's do not matter.
    async fn shows(&self, place: &Place, version: &str, payload: &SecretValue) -> Result<bool> {
        let shown = self.read(place, &VersionId::new(version)).await?;
        Ok(shown.matches(&content::ours(place, payload.expose_secret())?))
    }
}

#[async_trait]
impl SecretStore for DelegatedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByValue,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: true,
            reversible: false,
            host_bound: false,
            max_bytes: None,
            converges_in: CONVERGES,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let secret = self.secret(place).await?;
        let versions = self.calls.versions(&place.path).await?;
        Ok(Inspection {
            // That is what was asked for.
            natively_managed_by: None,
            ..secret.inspection(&versions)
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
            Some(version) if !place.fields.is_empty() => {
                let value = self.calls.value(&place.path, version.as_str()).await?;
                Some(text(place, value)?)
            }
            _ => None,
        };
        let standing = standing.as_ref().map(SecretValue::expose_secret);
        content::compose(place, document, standing)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("a secret that AWS rotates takes no writes"))
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let place = write.place;
        let secret = self.secret(place).await?;
        secret.ensure_shows(place, write.base)?;
        match secret.current() {
            Some(current) if self.shows(place, current, write.payload).await? => {
                Ok(VersionId::new(current))
            }
            _ => Err(never(place, secret)),
        }
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        check(place)?;
        let value = self.calls.value(&place.path, version.as_str()).await?;
        match place.fields.is_empty() {
            true => Ok(Document::Whole(value.bytes)),
            false => content::ours(place, text(place, value)?.expose_secret()),
        }
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        check(place)?;
        Ok(self.calls.versions(&place.path).await?.list())
    }

    async fn find(&self, place: &Place, _mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let secret = self.secret(place).await?;
        match secret.current() {
            Some(current) if self.shows(place, current, payload).await? => {
                Ok(Found::Current(VersionId::new(current)))
            }
            _ => Ok(Found::Absent),
        }
    }

    async fn disable(&self, place: &Place, _version: &VersionId) -> Result<Retired> {
        check(place)?;
        Ok(Retired::Impossible)
    }

    async fn enable(&self, place: &Place, _version: &VersionId) -> Result<()> {
        Err(Error::invalid(format!(
            "the versions of `{}` are AWS's: none is enabled by keywheel",
            place.path
        )))
    }

    /// Labels are AWS's here, `AWSPREVIOUS` among them.
    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let secret = self.secret(place).await?;
        if secret.current() == Some(version.as_str()) {
            let message = format!(
                "version {version} of `{}` is what consumers see",
                place.path
            );
            return Err(Error::conflict(Some(version.clone()), message));
        }
        match secret.labels_of(version.as_str()).is_empty() {
            true => Ok(Retired::Unlabelled),
            false => Ok(Retired::Impossible),
        }
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        quotas::draws(verb, &self.calls.options().scope())
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        examine::examine(self, &self.calls, places).await
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        discovered(&self.calls, after).await
    }
}

fn never(place: &Place, secret: Secret) -> Error {
    let by = secret.managed_by.unwrap_or_default();
    let message = format!(
        "`{}` is rotated by {by} and shows another value: with `delegate` nothing is written over it",
        place.path
    );
    Error::new(ErrorKind::NativelyManaged { by }, message)
}
