//! The store itself: the contract's verbs in terms of the service's.

use crate::api::Api;
use crate::client::Client;
use crate::names::{MAX_BYTES, check, fits, id, number};
use crate::options::GoogleOptions;
use crate::selector::Selector;
use crate::standing::Standing;
use crate::switch::Switch;
use crate::trace::{Trace, follow};
use async_trait::async_trait;
use keywheel_contract::{
    Document, Draw, Error, ErrorKind, Examination, Find, Found, Inspection, Mark, Page, Place,
    Result, Retired, SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId, Write,
    content,
};
use std::path::Path;
use std::time::Duration;

/// As many reads in a row have to show the same version: one may be answered by a server that knows it already.
const READS: usize = 3;
/// Aliases and `latest` follow "typically within minutes, but may take a few hours" (Google's page on consistency).
const CONVERGES_IN: Duration = Duration::from_secs(3 * 60 * 60);

/// The secrets of one project, or of one region of it, whose readers all ask by the same selector.
pub struct GoogleStore {
    pub(crate) api: Api,
    pub(crate) selector: Selector,
    pub(crate) create: bool,
    pub(crate) replicas: Vec<String>,
    pub(crate) project: String,
    pub(crate) location: Option<String>,
    pub(crate) regional: bool,
}

impl GoogleStore {
    /// A store as configured; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together.
    pub fn new(options: &GoogleOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            api: Api {
                client: Client::new(options, base)?,
                parent: options.parent(),
            },
            selector: Selector::read(options.selector.as_deref())?,
            create: options.create,
            replicas: options.replicas.clone(),
            project: options.project.clone(),
            location: options.location.clone(),
            regional: options.location.is_some(),
        })
    }

    pub(crate) async fn standing(&self, path: &str) -> Result<Option<Standing>> {
        Standing::read(&self.api, &self.selector, path).await
    }

    pub(crate) async fn existing(&self, path: &str) -> Result<Standing> {
        let found = self.standing(path).await?;
        found.ok_or_else(|| self.missing(path))
    }

    pub(crate) fn missing(&self, path: &str) -> Error {
        let project = &self.project;
        let place = match &self.location {
            Some(location) => format!(" --location={location}"),
            None => " --replication-policy=automatic".to_owned(),
        };
        Error::not_found(format!(
            "there is no secret `{path}`: type: gcloud secrets create {path} --project={project}{place}   or let \
             the store say `create = true`"
        ))
    }

    /// Whether readers who ask by the selector are sent to this version by now.
    async fn is_served(&self, path: &str, current: u64) -> Result<bool> {
        let which = match &self.selector {
            Selector::Pinned => return Ok(true),
            other => other.word(),
        };
        for _ in 0..READS {
            match self.api.access(path, which).await {
                Ok((number, _)) if number == current => {}
                Ok(_) => return Ok(false),
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn found(&self, trace: Trace, standing: &Standing) -> Found {
        let Trace::Made(note, number) = trace else {
            return Found::Absent;
        };
        let version = id(number);
        match standing.current_number() == Some(number) {
            true => Found::Current(version),
            false if self.selector.alias().is_some() && note.is.is_none() => Found::Staged(version),
            false => Found::Superseded(version),
        }
    }
}

#[async_trait]
impl SecretStore for GoogleStore {
    fn capabilities(&self) -> StoreCapabilities {
        let by_alias = self.selector.alias().is_some();
        StoreCapabilities {
            stages: by_alias,
            find: Find::ByTag,
            readable: true,
            // Adding takes no request id: of two that are under way at once, both are done.
            idempotent_put: false,
            compare_and_set: by_alias,
            versions: true,
            reversible: true,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: match self.selector {
                Selector::Pinned => Duration::ZERO,
                Selector::Latest | Selector::Alias(_) => CONVERGES_IN,
            },
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        check(place, &self.selector)?;
        let path = &place.path;
        let Some(standing) = self.standing(path).await? else {
            return match self.create {
                true => Ok(Inspection {
                    token: self.selector.alias().is_none().then(|| "0".to_owned()),
                    replicas_in_sync: true,
                    ..Inspection::default()
                }),
                false => Err(self.missing(path)),
            };
        };
        standing.ensure_works(&self.selector, path)?;
        let mut warnings = standing.warnings(&self.selector, path);
        let served = match standing.current_number() {
            Some(number) => self.is_served(path, number).await?,
            None => true,
        };
        if !served {
            warnings.push(format!(
                "not every reader of `{}` of `{path}` gets its version yet",
                self.selector.word()
            ));
        }
        Ok(Inspection {
            current: standing.current_id(),
            token: standing.token(&self.selector),
            written_at_ms: standing.current().and_then(|version| version.written_at_ms),
            natively_managed_by: standing.native_rotation(),
            replicas_in_sync: served,
            warnings,
        })
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        check(place, &self.selector)?;
        let standing = match &seen.current {
            // A whole value replaces whatever stands there.
            Some(version) if !place.fields.is_empty() => {
                let number = number(&place.path, version)?;
                let (_, payload) = self.api.access(&place.path, &number.to_string()).await?;
                Some(payload)
            }
            _ => None,
        };
        let standing = standing.as_ref().map(SecretValue::expose_secret);
        let payload = content::compose(place, document, standing)?;
        fits(&payload)?;
        Ok(payload)
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        check(write.place, &self.selector)?;
        fits(write.payload)?;
        if self.selector.alias().is_none() {
            return Err(Error::invalid(format!(
                "a version that is added is what readers of `{}` get: only an alias lets one be staged",
                self.selector.word()
            )));
        }
        self.stage_version(write).await.map(id)
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        check(write.place, &self.selector)?;
        fits(write.payload)?;
        match self.selector.alias() {
            Some(alias) => self.move_alias(write, alias).await.map(id),
            None => self.add_current(write).await.map(id),
        }
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        check(place, &self.selector)?;
        let number = number(&place.path, version)?;
        let (_, payload) = self.api.access(&place.path, &number.to_string()).await?;
        content::ours(place, payload.expose_secret())
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        check(place, &self.selector)?;
        let Some(standing) = self.standing(&place.path).await? else {
            return Ok(Vec::new());
        };
        let current = standing.current_number();
        let versions = self.api.versions(&place.path).await?;
        Ok(versions.iter().map(|one| one.listed(current)).collect())
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        check(place, &self.selector)?;
        let Some(standing) = self.standing(&place.path).await? else {
            return Ok(Found::Absent);
        };
        // Other people's fields may have changed since it was sent.
        let sent = content::ours(place, payload.expose_secret())?;
        let is_sent = |payload: &SecretValue| {
            content::ours(place, payload.expose_secret()).is_ok_and(|ours| ours.matches(&sent))
        };
        let trace = follow(&self.api, &place.path, &standing, mark, is_sent).await?;
        Ok(self.found(trace, &standing))
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        check(place, &self.selector)?;
        self.end(place, version, Switch::Disable).await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        check(place, &self.selector)?;
        self.bring_back(place, version).await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        check(place, &self.selector)?;
        self.end(place, version, Switch::Destroy).await
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        self.quotas(verb)
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        self.look_at(places).await
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        self.page(after).await
    }
}
