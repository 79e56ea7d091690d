//! The store itself: the contract's verbs in terms of versions and labels.

use crate::calls::{Calls, Value};
use crate::options::AwsOptions;
use crate::secret::{CURRENT, STAGED, Secret, owner_of};
use crate::shape::{MAX_BYTES, check, fits, is_arn};
use crate::{examine, quotas};
use async_trait::async_trait;
use aws_sdk_secretsmanager::types::SecretListEntry;
use chrono::Utc;
use keywheel_contract::{
    Document, Draw, Error, ErrorKind, Examination, Find, Found, Inspection, Listed, Mark, Page,
    Place, Result, Retired, SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId,
    Write, content,
};
use std::path::Path;
use std::time::Duration;

/// The service calls all its operations eventually consistent, and names no time for one secret: this is our guess. A
/// look that still shows the state before a write is taken for a doubt, whenever it comes.
pub(crate) const CONVERGES: Duration = Duration::from_secs(10);

/// The secrets of one account in one region, and who we are there.
pub struct AwsStore {
    calls: Calls,
}

impl AwsStore {
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

    /// The secret, if we may write to it.
    async fn ready(&self, write: &Write<'_>) -> Result<Option<Secret>> {
        check(write.place)?;
        fits(write.payload)?;
        let secret = self.calls.describe(&write.place.path).await?;
        if let Some(secret) = &secret {
            secret.ensure_ours(write.place)?;
        }
        Ok(secret)
    }

    /// Takes the name where it is free.
    async fn ensure_exists(&self, place: &Place, secret: Option<&Secret>) -> Result<()> {
        match secret {
            Some(_) => Ok(()),
            None if is_arn(&place.path) => Err(Error::not_found(format!(
                "`{}` does not exist: only a name can be created",
                place.path
            ))),
            None => self.calls.create(&place.path).await,
        }
    }

    /// A new version under our label, read back.
    async fn put(&self, write: &Write<'_>, over: Option<&str>) -> Result<()> {
        let path = &write.place.path;
        let value = Value {
            bytes: write.payload.duplicate(),
            binary: self.is_binary(write, over).await?,
        };
        match self.calls.put(path, &write.mark.token, &value).await {
            Err(error) if matches!(error.kind, ErrorKind::Conflict { .. }) => Err(differs(write)),
            Err(error) => Err(error),
            Ok(()) => doubt(self.ensure_same(write).await, path),
        }
    }

    /// What is not text cannot be otherwise; and what consumers read as binary stays so.
    async fn is_binary(&self, write: &Write<'_>, over: Option<&str>) -> Result<bool> {
        if write.payload.expose_secret_str().is_none() {
            return Ok(true);
        }
        match over {
            Some(version) if write.place.fields.is_empty() => {
                let standing = self.calls.value(&write.place.path, version).await?;
                Ok(standing.binary)
            }
            _ => Ok(false),
        }
    }

    /// Whether the version of this mark holds this payload.
    async fn ensure_same(&self, write: &Write<'_>) -> Result<()> {
        let path = &write.place.path;
        let standing = self.calls.value(path, &write.mark.token).await?;
        match standing.bytes.matches(write.payload) {
            true => Ok(()),
            false => Err(differs(write)),
        }
    }

    /// Moves what consumers read from exactly the base to our version, and reads back that it moved.
    async fn show(&self, write: &Write<'_>, secret: &Secret) -> Result<()> {
        let (path, token) = (&write.place.path, write.mark.token.as_str());
        secret.ensure_shows(write.place, write.base)?;
        let from = secret.current();
        let moved = self
            .calls
            .move_label(path, CURRENT, from, Some(token))
            .await;
        let refused = match moved {
            Ok(()) => None,
            Err(error) if is_refusal(&error) => Some(error),
            Err(error) => return Err(error),
        };
        let now = doubt(self.described(path).await, path)?;
        match (now.current(), refused) {
            (Some(current), _) if current == token => self.unlabel(write, &now).await,
            (current, Some(error)) if current == from => Err(error),
            (current, None) if current == from => Err(Error::unknown_outcome(format!(
                "`{path}` does not show the move of {CURRENT} yet"
            ))),
            _ => now.ensure_shows(write.place, write.base),
        }
    }

    /// Our label means that something waits: a version that is current does not.
    async fn unlabel(&self, write: &Write<'_>, secret: &Secret) -> Result<()> {
        let (path, token) = (&write.place.path, write.mark.token.as_str());
        if secret.with(STAGED) != Some(token) {
            return Ok(());
        }
        match self.calls.move_label(path, STAGED, Some(token), None).await {
            // Somebody else took it in between.
            Err(error) if is_refusal(&error) => Ok(()),
            other => other,
        }
    }

    /// A secret that was there a moment ago.
    async fn described(&self, path: &str) -> Result<Secret> {
        let secret = self.calls.describe(path).await?;
        secret.ok_or_else(|| Error::not_found(format!("`{path}` is not there any more")))
    }
}

#[async_trait]
impl SecretStore for AwsStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: true,
            find: Find::ByTag,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: true,
            reversible: false,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: CONVERGES,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        check(place)?;
        let Some(secret) = self.calls.describe(&place.path).await? else {
            return Ok(Inspection {
                replicas_in_sync: true,
                ..Inspection::default()
            });
        };
        secret.ensure_usable(&place.path)?;
        let versions = self.calls.versions(&place.path).await?;
        if secret.managed_by.is_none() {
            versions.ensure_room(place, Utc::now().timestamp_millis())?;
        }
        Ok(secret.inspection(&versions))
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        check(place)?;
        let standing = match &seen.current {
            Some(version) if !place.fields.is_empty() => Some(text(
                place,
                self.calls.value(&place.path, version.as_str()).await?,
            )?),
            _ => None,
        };
        let standing = standing.as_ref().map(SecretValue::expose_secret);
        let payload = content::compose(place, document, standing)?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        let secret = self.ready(write).await?;
        let (token, id) = (&write.mark.token, VersionId::new(&write.mark.token));
        let standing = secret.as_ref();
        if standing.is_some_and(|secret| !secret.labels_of(token).is_empty()) {
            return self.ensure_same(write).await.map(|()| id);
        }
        standing.map_or_else(
            || Secret::default().ensure_shows(write.place, write.base),
            |secret| secret.ensure_shows(write.place, write.base),
        )?;
        // AWS makes the first version of a secret current, whatever label it gets: only the name is taken then.
        match standing.and_then(Secret::current) {
            None => self.ensure_exists(write.place, standing).await?,
            over => self.put(write, over).await?,
        }
        Ok(id)
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let secret = self.ready(write).await?;
        let (token, id) = (write.mark.token.as_str(), VersionId::new(&write.mark.token));
        let standing = secret.unwrap_or_default();
        if standing.current() == Some(token) {
            self.ensure_same(write).await?;
            return self.unlabel(write, &standing).await.map(|()| id);
        }
        standing.ensure_shows(write.place, write.base)?;
        if !standing.labels_of(token).is_empty() {
            self.ensure_same(write).await?;
            return self.show(write, &standing).await.map(|()| id);
        }
        let known = (!standing.arn.is_empty()).then_some(&standing);
        self.ensure_exists(write.place, known).await?;
        self.put(write, standing.current()).await?;
        let written = doubt(self.described(&write.place.path).await, &write.place.path)?;
        match written.current() == Some(token) {
            true => self.unlabel(write, &written).await,
            false => self.show(write, &written).await,
        }?;
        Ok(id)
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

    async fn find(&self, place: &Place, mark: &Mark, _payload: &SecretValue) -> Result<Found> {
        check(place)?;
        let versions = self.calls.versions(&place.path).await?;
        Ok(versions.find(&mark.token))
    }

    async fn disable(&self, place: &Place, _version: &VersionId) -> Result<Retired> {
        check(place)?;
        Ok(Retired::Impossible)
    }

    async fn enable(&self, place: &Place, _version: &VersionId) -> Result<()> {
        check(place)?;
        Err(Error::invalid(
            "AWS Secrets Manager can neither disable nor enable a version: publish it again",
        ))
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        check(place)?;
        let (path, id) = (&place.path, version.as_str());
        let Some(secret) = self.calls.describe(path).await? else {
            return Ok(Retired::Unlabelled);
        };
        if secret.is_being_deleted() {
            return Ok(Retired::Scheduled);
        }
        secret.ensure_ours(place)?;
        if secret.current() == Some(id) {
            return Err(Error::conflict(
                Some(version.clone()),
                format!(
                    "version {id} of `{path}` is what consumers see: publish another one first"
                ),
            ));
        }
        for label in secret.labels_of(id) {
            self.calls.move_label(path, label, Some(id), None).await?;
        }
        match self.described(path).await?.labels_of(id).is_empty() {
            true => Ok(Retired::Unlabelled),
            false => Err(Error::unknown_outcome(format!(
                "version {id} of `{path}` still shows a label"
            ))),
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

/// One page of what the account holds, without its values.
pub(crate) async fn discovered(calls: &Calls, after: Option<&str>) -> Result<Page> {
    let page = calls.list(after).await?;
    let next = page.next_token().filter(|token| !token.is_empty());
    Ok(Page {
        entries: page.secret_list().iter().map(listed).collect(),
        next: next.map(str::to_owned),
    })
}

fn listed(entry: &SecretListEntry) -> Listed {
    let tag = |tag: &aws_sdk_secretsmanager::types::Tag| {
        Some((
            tag.key()?.to_owned(),
            tag.value().unwrap_or_default().to_owned(),
        ))
    };
    Listed {
        path: entry.name().unwrap_or_default().to_owned(),
        fields: Vec::new(),
        tags: entry.tags().iter().filter_map(tag).collect(),
        written_at_ms: entry.last_changed_date().and_then(|at| at.to_millis().ok()),
        natively_managed_by: owner_of(entry),
    }
}

/// Fields are of text; what is kept as binary has none.
pub(crate) fn text(place: &Place, value: Value) -> Result<SecretValue> {
    match value.binary {
        false => Ok(value.bytes),
        true => Err(Error::invalid(format!(
            "`{}` holds a binary value, which has no fields: leave `fields` out, or store it as text",
            place.path
        ))),
    }
}

fn differs(write: &Write<'_>) -> Error {
    Error::conflict(
        None,
        format!(
            "version {} of `{}` holds another content than ours",
            write.mark.token, write.place.path
        ),
    )
}

/// AWS understood the call and did nothing.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound)
}

/// A write that was confirmed, and could not be read back: it may not be sent again as if nothing were.
fn doubt<T>(read: Result<T>, path: &str) -> Result<T> {
    read.map_err(|error| match error.kind {
        ErrorKind::Conflict { .. } => error,
        _ => Error::unknown_outcome(format!("`{path}` was written and not read back: {error}")),
    })
}
