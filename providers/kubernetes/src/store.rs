//! The store itself: the contract's verbs in terms of the cluster's.

use crate::cluster::{Cluster, Written};
use crate::fields::body;
use crate::managed::{last_stranger, managed_by, warnings};
use crate::options::KubernetesOptions;
use crate::place::{MAX_BYTES, Named, decode, fits};
use crate::secret::{Standing, version};
use crate::transport::Transport;
use async_trait::async_trait;
use keywheel_contract::{
    Document, Error, ErrorKind, Examination, Fields, Find, FingerprintKey, Found, Inspection, Mark,
    Page, Place, Result, Retired, SecretStore, SecretValue, StoreCapabilities, Version, VersionId,
    Write, content,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often a write is sent anew because other keys of the Secret changed under it.
const TRIES: usize = 5;

/// The Secrets of one cluster.
pub struct KubernetesStore {
    pub(crate) cluster: Cluster,
    key: Arc<FingerprintKey>,
}

impl KubernetesStore {
    /// A store as configured; relative paths count from `base`. `key` is the long-lived key of all fingerprints: with
    /// another one, every version has another name. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` holds no certificate.
    pub fn new(options: &KubernetesOptions, base: &Path, key: Arc<FingerprintKey>) -> Result<Self> {
        Ok(Self {
            cluster: Cluster {
                transport: Transport::new(options, base)?,
            },
            key,
        })
    }

    async fn look(&self, place: &Place) -> Result<(Option<Standing>, Option<VersionId>)> {
        let standing = self.cluster.secret(Named::of(place)?).await?;
        let current = self.current(standing.as_ref(), &place.fields);
        Ok((standing, current))
    }

    /// The name of what our keys hold there.
    fn current(&self, standing: Option<&Standing>, keys: &[String]) -> Option<VersionId> {
        version(&self.key, &standing?.ours(keys))
    }

    /// One write over what was just seen.
    async fn write_over(
        &self,
        write: &Write<'_>,
        sent: &Fields,
        name: &VersionId,
        seen: Option<&Standing>,
    ) -> Result<Written> {
        let (place, named) = (write.place, Named::of(write.place)?);
        let marks = seen.map(Standing::published).unwrap_or_default();
        let marks = marks.with(&place.fields, write.mark, name);
        let body = body(named, seen, sent, &marks)?;
        match seen {
            None => self.cluster.create(named, body).await,
            Some(seen) => {
                writable(seen, place)?;
                let ours: usize = sent.iter().map(|(_, value)| value.len()).sum();
                fits(ours + seen.bytes_beside(&place.fields))?;
                self.cluster.apply(named, body).await
            }
        }
    }

    /// What a write made of it; the cluster may have changed it on the way in.
    fn done(&self, place: &Place, standing: &Standing, name: VersionId) -> Result<VersionId> {
        let current = self.current(Some(standing), &place.fields);
        if current.as_ref() == Some(&name) {
            return Ok(name);
        }
        let message = format!(
            "the cluster changed our keys of `{}` while it took them: an admission webhook does that",
            place.path
        );
        Err(Error::conflict(current, message))
    }
}

/// Whether it may be written at all.
fn writable(standing: &Standing, place: &Place) -> Result<()> {
    if let Some(by) = managed_by(&standing.metadata, &standing.kind) {
        let message = format!("`{}` is written by {by}: rotate it there", place.path);
        return Err(Error::new(ErrorKind::NativelyManaged { by }, message));
    }
    match standing.immutable {
        Some(true) => Err(Error::invalid(format!(
            "`{}` is immutable, for good: publish to a Secret that is not",
            place.path
        ))),
        _ => Ok(()),
    }
}

/// Somebody else wrote our keys; with their name, where the cluster keeps it.
fn overwritten(place: &Place, standing: Option<&Standing>, seen: Option<VersionId>) -> Error {
    let who =
        standing.map(|standing| last_stranger(&standing.metadata.managed_fields, &place.fields));
    let who = who.unwrap_or_default();
    let message = format!(
        "somebody else changed our keys of `{}` first{who}",
        place.path
    );
    Error::conflict(seen, message)
}

#[async_trait]
impl SecretStore for KubernetesStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByTag,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: false,
            reversible: false,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let (standing, current) = self.look(place).await?;
        let mut inspection = Inspection {
            current,
            replicas_in_sync: true,
            ..Inspection::default()
        };
        let Some(standing) = standing else {
            return Ok(inspection);
        };
        match writable(&standing, place) {
            Ok(()) => {}
            Err(Error {
                kind: ErrorKind::NativelyManaged { by },
                ..
            }) => inspection.natively_managed_by = Some(by),
            Err(other) => return Err(other),
        }
        inspection.token = Some(standing.metadata.resource_version.clone());
        inspection.written_at_ms = standing.written_at_ms(&place.fields);
        inspection.warnings = warnings(
            &standing.metadata,
            &place.fields,
            &format!("`{}`", place.path),
        );
        Ok(inspection)
    }

    /// Our keys only: an apply says nothing of the others.
    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        _seen: &Inspection,
    ) -> Result<SecretValue> {
        Named::of(place)?;
        let payload = content::compose(place, document, None)?;
        decode(place, &payload)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `kubernetes` has no staging"))
    }

    /// Also succeeds, without a write, where what is to be written stands there already. A change of other keys between
    /// our look and our write is no conflict: it is looked at again.
    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let place = write.place;
        let sent = decode(place, write.payload)?;
        let name = version(&self.key, &sent);
        let name = name.ok_or_else(|| Error::invalid("the payload has no key"))?;
        for _ in 0..TRIES {
            let (standing, current) = self.look(place).await?;
            if current.as_ref() == Some(&name) {
                return Ok(name);
            }
            if current != write.base.version {
                return Err(overwritten(place, standing.as_ref(), current));
            }
            let written = self.write_over(write, &sent, &name, standing.as_ref());
            if let Written::As(standing) = written.await? {
                return self.done(place, &standing, name);
            }
        }
        let message = format!("`{}` changed under each of {TRIES} writes", place.path);
        Err(Error::conflict(write.base.version.clone(), message))
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let (standing, current) = self.look(place).await?;
        match standing {
            Some(standing) if current.as_ref() == Some(version) => {
                Ok(Document::Fields(standing.ours(&place.fields)))
            }
            _ => Err(Error::not_found(format!(
                "`{}` no longer holds `{version}`",
                place.path
            ))),
        }
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let (_, current) = self.look(place).await?;
        let version = current.map(|id| Version {
            id,
            current: true,
            enabled: true,
            ended: None,
        });
        Ok(version.into_iter().collect())
    }

    /// What stands there decides; where somebody wrote over it, the mark still says that it was there.
    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let sent = version(&self.key, &decode(place, payload)?);
        let (standing, current) = self.look(place).await?;
        let published = standing.as_ref().map(Standing::published);
        let written = published.as_ref().and_then(|all| all.of(&place.fields));
        let marked = written.is_some_and(|written| written.token == mark.token);
        Ok(match (current, sent) {
            (Some(current), Some(sent)) if current == sent => Found::Current(current),
            (_, Some(sent)) if marked => Found::Superseded(sent),
            _ => Found::Absent,
        })
    }

    /// Always [`Retired::Impossible`].
    async fn disable(&self, _place: &Place, _version: &VersionId) -> Result<Retired> {
        Ok(Retired::Impossible)
    }

    async fn enable(&self, _place: &Place, _version: &VersionId) -> Result<()> {
        Err(Error::invalid(
            "store `kubernetes` cannot bring a value back: publish it again",
        ))
    }

    /// What was replaced is gone, unless an annotation of `kubectl` still holds a copy of our keys.
    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (standing, current) = self.look(place).await?;
        if current.as_ref() == Some(version) {
            return Err(Error::conflict(
                current,
                format!(
                    "`{}` holds this value now: publish another one first",
                    place.path
                ),
            ));
        }
        let remembers = standing.is_some_and(|standing| standing.metadata.remembers(&place.fields));
        Ok(match remembers {
            true => Retired::Impossible,
            false => Retired::Destroyed,
        })
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        self.examined(places).await
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        self.discovered(after).await
    }
}
