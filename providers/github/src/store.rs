//! The store itself: the contract's verbs in terms of the service's.

use crate::api::{Api, Audience, Put, Told};
use crate::names::{MAX_BYTES, check_texts, decode};
use crate::options::{GithubOptions, Visibility};
use crate::place::Owner;
use crate::sealed::BoxKey;
use crate::transport::Transport;
use crate::version::{Written, date_of, newest, version};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use keywheel_contract::{
    Document, Draw, Error, Examination, Fields, Find, Found, Inspection, Mark, Place, Quota,
    Result, Retired, SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId, Write,
    content,
};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// How often a write is looked for before its outcome counts as unknown, and how long in between.
const LOOKS: u32 = 4;
const BETWEEN: Duration = Duration::from_millis(300);
/// The longest that the second of the version before is waited out: clocks that are further apart are not waited for.
const A_SECOND: Duration = Duration::from_millis(1_100);

/// The secrets of Actions that one token of GitHub reaches.
pub struct GithubStore {
    pub(crate) api: Api,
    visibility: Visibility,
    quota: Quota,
}

impl GithubStore {
    /// A store as configured; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` holds no certificate.
    pub fn new(options: &GithubOptions, base: &Path) -> Result<Self> {
        options.check()?;
        let transport = Transport::new(options, base)?;
        let ours = options.per_hour() / 5 * 4 / 60;
        let quota = Quota {
            name: format!("github/{}", transport.host()),
            per_minute: ours,
            burst: ours,
        };
        Ok(Self {
            api: Api { transport },
            visibility: options.visibility,
            quota,
        })
    }

    /// What is told of each of our secrets. Where none is there, the place itself must be.
    async fn look(&self, place: &Place) -> Result<Vec<Option<Told>>> {
        let owner = Owner::of(place)?;
        let mut told = Vec::new();
        for name in &place.fields {
            told.push(self.api.told(owner, name).await?);
        }
        if told.iter().all(Option::is_none) {
            self.api.key(owner).await?;
        }
        Ok(told)
    }

    async fn dates(&self, place: &Place) -> Result<Vec<Option<Written>>> {
        let told = self.look(place).await?;
        Ok(told
            .iter()
            .map(|told| Some(told.as_ref()?.written))
            .collect())
    }

    /// Who may use an organization's secret: whoever may now.
    async fn audience(&self, owner: Owner<'_>, name: &str) -> Result<Option<Audience>> {
        if !matches!(owner, Owner::Organization { .. }) {
            return Ok(None);
        }
        let told = self.api.told(owner, name).await?;
        Ok(Some(told.and_then(|told| told.audience).unwrap_or_else(
            || Audience {
                visibility: self.visibility.word().to_owned(),
                selected_repository_ids: None,
            },
        )))
    }

    /// Writes one secret. The key of a place may change at any time: what was sealed to the one before is sealed anew.
    async fn put(
        &self,
        owner: Owner<'_>,
        secret: (&str, &SecretValue),
        key: &mut BoxKey,
    ) -> Result<()> {
        let audience = self.audience(owner, secret.0).await?;
        let first = self.api.put(owner, secret, key, audience.as_ref()).await?;
        let Put::Refused(why) = first else {
            return Ok(());
        };
        let (today, _) = self.api.key(owner).await?;
        if today.id == key.id {
            return Err(why);
        }
        *key = today;
        match self.api.put(owner, secret, key, audience.as_ref()).await? {
            Put::Done => Ok(()),
            Put::Refused(why) => Err(why),
        }
    }

    /// Writes all of them. Once one is written, the outcome of the whole is not known unless all are.
    async fn put_all(&self, owner: Owner<'_>, sent: &Fields, mut key: BoxKey) -> Result<()> {
        for (at, (name, value)) in sent.iter().enumerate() {
            let done = self.put(owner, (name, value), &mut key).await;
            done.map_err(|error| match at {
                0 => error,
                _ => Error::unknown_outcome(format!(
                    "{at} of {} secrets were written; {}",
                    sent.len(),
                    error.message
                )),
            })?;
        }
        Ok(())
    }

    /// The version that stands there since a write over `before`.
    async fn shown(&self, place: &Place, before: Option<&VersionId>) -> Result<VersionId> {
        for _ in 0..LOOKS {
            let dates = self.dates(place).await;
            let dates = dates.map_err(|error| Error::unknown_outcome(error.message))?;
            let now = version(&dates).filter(|now| Some(now) != before);
            if let Some(now) = now.filter(|_| dates.iter().all(Option::is_some)) {
                return Ok(now);
            }
            sleep(BETWEEN).await;
        }
        Err(Error::unknown_outcome(format!(
            "GitHub took our secrets of `{}` and does not show that they were written",
            place.path
        )))
    }
}

/// How long until a write gets another date than the version it replaces, by the server's clock.
fn until_next_second(before: Option<Written>, now: Option<DateTime<Utc>>) -> Duration {
    let now = now.unwrap_or_else(Utc::now);
    match before {
        // The clock is told to the second, too.
        Some(before) if now < before + TimeDelta::seconds(1) => A_SECOND,
        _ => Duration::ZERO,
    }
}

fn never_shown() -> Error {
    Error::invalid("store `github-actions` cannot be read: GitHub never shows a secret")
}

#[async_trait]
impl SecretStore for GithubStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::None,
            readable: false,
            idempotent_put: true,
            compare_and_set: false,
            versions: false,
            reversible: false,
            host_bound: false,
            max_bytes: Some(MAX_BYTES),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let dates = self.dates(place).await?;
        Ok(Inspection {
            current: version(&dates),
            written_at_ms: newest(&dates).map(|date| date.timestamp_millis()),
            replicas_in_sync: true,
            ..Inspection::default()
        })
    }

    /// Our secrets only: a write says nothing of the others.
    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        _seen: &Inspection,
    ) -> Result<SecretValue> {
        Owner::of(place)?;
        let payload = content::compose(place, document, None)?;
        check_texts(&decode(place, &payload)?)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `github-actions` has no staging"))
    }

    /// Writes whatever stands there: there is no condition that a write could carry. Who calls looks first.
    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let owner = Owner::of(write.place)?;
        let sent = decode(write.place, write.payload)?;
        check_texts(&sent)?;
        let before = write.base.version.as_ref();
        let (key, now) = self.api.key(owner).await?;
        sleep(until_next_second(before.and_then(date_of), now)).await;
        self.put_all(owner, &sent, key).await?;
        self.shown(write.place, before).await
    }

    async fn read(&self, _place: &Place, _version: &VersionId) -> Result<Document> {
        Err(never_shown())
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let current = version(&self.dates(place).await?);
        let version = current.map(|id| Version {
            id,
            current: true,
            enabled: true,
            ended: None,
        });
        Ok(version.into_iter().collect())
    }

    async fn find(&self, _place: &Place, _mark: &Mark, _payload: &SecretValue) -> Result<Found> {
        Err(never_shown())
    }

    /// Always [`Retired::Impossible`].
    async fn disable(&self, _place: &Place, _version: &VersionId) -> Result<Retired> {
        Ok(Retired::Impossible)
    }

    async fn enable(&self, _place: &Place, _version: &VersionId) -> Result<()> {
        Err(Error::invalid(
            "store `github-actions` cannot bring a value back: publish it again",
        ))
    }

    /// What was written over is gone: no value is kept beside the current one.
    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let current = self::version(&self.dates(place).await?);
        if current.as_ref() != Some(version) {
            return Ok(Retired::Destroyed);
        }
        let message = format!(
            "`{}` holds this value now: publish another one first",
            place.path
        );
        Err(Error::conflict(current, message))
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        let calls = match verb {
            Verb::Compose | Verb::Stage | Verb::Read | Verb::Find | Verb::Discover => {
                return Vec::new();
            }
            // Our secret, and whether the place is there.
            Verb::Inspect | Verb::List | Verb::End => 2,
            // Its key, who may use the secret, the write, and a look.
            Verb::Promote => 4,
        };
        let quota = self.quota.clone();
        vec![Draw { quota, calls }]
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        self.examined(places).await
    }
}

#[cfg(test)]
mod tests {
    use super::{A_SECOND, until_next_second};
    use chrono::{DateTime, TimeDelta};
    use std::time::Duration;

    #[test]
    fn no_write_falls_into_the_second_of_the_one_before() {
        let before = DateTime::from_timestamp(1_000, 0).unwrap();
        let wait =
            |seconds| until_next_second(Some(before), Some(before + TimeDelta::seconds(seconds)));
        assert_eq!(
            [0, 1, 60, -3].map(wait),
            [A_SECOND, Duration::ZERO, Duration::ZERO, A_SECOND]
        );
        assert_eq!(until_next_second(None, Some(before)), Duration::ZERO);
    }
}
