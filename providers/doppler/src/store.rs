//! The store itself: the contract's verbs in terms of the service's.

use crate::api::Api;
use crate::options::DopplerOptions;
use crate::place::{Config, MAX_BYTES, check_texts, decode};
use crate::reviews::Review;
use crate::secrets::{Saved, Standing};
use crate::transport::Transport;
use async_trait::async_trait;
use keywheel_contract::{
    Document, Draw, Error, ErrorKind, Examination, Fields, Find, FingerprintKey, Found, Inspection,
    Mark, Page, Place, Quota, Result, Retired, SecretStore, SecretValue, StoreCapabilities, Verb,
    Version, VersionId, Write, content,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The most calls that one verb makes: a part of a discovery.
const MOST: u32 = 10;

/// The configs that one token of Doppler reaches.
pub struct DopplerStore {
    pub(crate) api: Api,
    key: Arc<FingerprintKey>,
    review: bool,
    quota: Quota,
}

impl DopplerStore {
    /// A store as configured; relative paths count from `base`. `key` is the long-lived key of all fingerprints: with
    /// another one, every version has another name. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` holds no certificate.
    pub fn new(options: &DopplerOptions, base: &Path, key: Arc<FingerprintKey>) -> Result<Self> {
        options.check()?;
        let transport = Transport::new(options, base)?;
        let ours = options.per_minute() / 5 * 4;
        let quota = Quota {
            name: format!("doppler/{}", transport.host()),
            per_minute: ours,
            burst: (ours / 4).max(MOST),
        };
        Ok(Self {
            api: Api { transport },
            key,
            review: options.review,
            quota,
        })
    }

    /// The name of what our secrets hold; `None` where none of them is there.
    fn version(&self, raw: &Fields) -> Result<Option<VersionId>> {
        if raw.is_empty() {
            return Ok(None);
        }
        let canonical = Document::Fields(raw.duplicate()).encode()?;
        let print = self.key.of(&canonical);
        Ok(Some(VersionId::new(format!("fp-{}", &print[..12]))))
    }

    async fn look(&self, place: &Place) -> Result<(Standing, Option<VersionId>)> {
        let standing = self.api.standing(Config::of(place)?, &place.fields).await?;
        let version = self.version(&standing.raw)?;
        Ok((standing, version))
    }

    /// Asks a person there; the error that says where.
    async fn ask(&self, write: &Write<'_>, sent: &Fields) -> Result<VersionId> {
        let config = Config::of(write.place)?;
        let url = match self.api.review(write.mark).await? {
            Review::Open { url } => url,
            Review::None => self.api.file(config, write.mark, sent).await?,
            Review::Applied => return Err(self.overwritten(config, None).await),
        };
        let message = format!("the change of {config} waits for approval at {url}");
        Err(Error::new(ErrorKind::NeedsApproval { url }, message))
    }

    /// A save was refused, or did something else than it said: what stands there tells why.
    async fn look_again(&self, write: &Write<'_>, refused: Option<Error>) -> Result<VersionId> {
        let sent = self.version(&decode(write.place, write.payload)?)?;
        let (_, current) = self.look(write.place).await?;
        match (current, refused) {
            (Some(current), _) if Some(&current) == sent.as_ref() => Ok(current),
            (current, Some(_)) if current != write.base.version => {
                Err(self.overwritten(Config::of(write.place)?, current).await)
            }
            (_, Some(refused)) => Err(refused),
            (_, None) => Err(Error::unknown_outcome(format!(
                "Doppler took the save of `{}` and does not show it",
                write.place.path
            ))),
        }
    }

    /// Somebody was faster; with whoever saved the config last, where the log says.
    async fn overwritten(&self, config: Config<'_>, seen: Option<VersionId>) -> Error {
        let last = self.api.newest_log(config).await;
        let last = match last.ok().flatten() {
            Some(log) => format!(
                ": the config was last saved by {} at {} (log {})",
                log.who(),
                log.created_at,
                log.id
            ),
            None => String::new(),
        };
        let message = format!("somebody else changed our secrets of {config} first{last}");
        Error::conflict(seen, message)
    }
}

#[async_trait]
impl SecretStore for DopplerStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: false,
            find: Find::ByValue,
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
        if let Some(name) = standing.referring.first() {
            return Err(Error::invalid(format!(
                "`{name}` of `{}` refers to other secrets: publish to those instead, or write its text there plainly",
                place.path
            )));
        }
        Ok(Inspection {
            current,
            replicas_in_sync: true,
            ..Inspection::default()
        })
    }

    /// Our secrets only: a save says nothing of the others.
    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        _seen: &Inspection,
    ) -> Result<SecretValue> {
        Config::of(place)?;
        let payload = content::compose(place, document, None)?;
        check_texts(&decode(place, &payload)?)?;
        Ok(payload)
    }

    async fn stage(&self, _write: &Write<'_>) -> Result<VersionId> {
        Err(Error::invalid("store `doppler` has no staging"))
    }

    /// Also succeeds, without a save, where what is to be written stands there already.
    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let config = Config::of(write.place)?;
        let sent = decode(write.place, write.payload)?;
        check_texts(&sent)?;
        let (seen, current) = self.look(write.place).await?;
        let name = self.version(&sent)?;
        let name = name.ok_or_else(|| Error::invalid("the payload has no secret"))?;
        if current.as_ref() == Some(&name) {
            return Ok(name);
        }
        if current != write.base.version {
            return Err(self.overwritten(config, current).await);
        }
        if self.review {
            return self.ask(write, &sent).await;
        }
        match self.api.save(config, &sent, &seen).await? {
            Saved::Done => Ok(name),
            Saved::NeedsReview => self.ask(write, &sent).await,
            Saved::Refused(error) => self.look_again(write, Some(error)).await,
            Saved::Otherwise => self.look_again(write, None).await,
        }
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let (standing, current) = self.look(place).await?;
        if current.as_ref() == Some(version) {
            return Ok(Document::Fields(standing.raw));
        }
        Err(Error::not_found(format!(
            "`{}` no longer holds `{version}`",
            place.path
        )))
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

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let sent = self.version(&decode(place, payload)?)?;
        let (_, current) = self.look(place).await?;
        match (current, sent) {
            (Some(current), Some(sent)) if current == sent => Ok(Found::Current(current)),
            (_, sent) => Ok(match (self.api.review(mark).await?, sent) {
                (Review::Open { url }, _) => Found::Pending { url },
                (Review::Applied, Some(sent)) => Found::Superseded(sent),
                (Review::Applied | Review::None, _) => Found::Absent,
            }),
        }
    }

    /// Always [`Retired::Impossible`].
    async fn disable(&self, _place: &Place, _version: &VersionId) -> Result<Retired> {
        Ok(Retired::Impossible)
    }

    async fn enable(&self, _place: &Place, _version: &VersionId) -> Result<()> {
        Err(Error::invalid(
            "store `doppler` cannot bring a value back: publish it again",
        ))
    }

    /// Always [`Retired::Impossible`]: the config's log keeps old values.
    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        if self.look(place).await?.1.as_ref() != Some(version) {
            return Ok(Retired::Impossible);
        }
        Err(Error::conflict(
            Some(version.clone()),
            format!(
                "`{}` holds this value now: publish another one first",
                place.path
            ),
        ))
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        let calls = match verb {
            Verb::Compose | Verb::Stage => return Vec::new(),
            Verb::Inspect | Verb::Read | Verb::List | Verb::End => 1,
            Verb::Find => 3,
            // Reading, saving, and what follows a refusal: finding and filing a change request.
            Verb::Promote => 6,
            Verb::Discover => MOST,
        };
        let quota = self.quota.clone();
        vec![Draw { quota, calls }]
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        self.examined(places).await
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        self.discovered(after).await
    }
}
