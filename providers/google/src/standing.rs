//! What stands in a place: the secret's record, the version that readers are sent to, and the newest (pure, but for
//! the reading of it).

use crate::api::Api;
use crate::marks;
use crate::names::{id, last};
use crate::selector::Selector;
use google_cloud_secretmanager_v1::model::rotation::managed_rotation_status;
use google_cloud_secretmanager_v1::model::secret::{Expiration, SecretType};
use google_cloud_secretmanager_v1::model::secret_version::State;
use google_cloud_secretmanager_v1::model::{Secret, SecretVersion};
use google_cloud_wkt::Timestamp;
use keywheel_contract::{Base, Error, Result, Retired, Version, VersionId};

/// The service's documented limit of aliases for each secret.
pub(crate) const MOST_ALIASES: usize = 50;

/// One version without its payload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) state: State,
    /// It goes by itself later.
    pub(crate) scheduled: bool,
    pub(crate) etag: String,
    pub(crate) written_at_ms: Option<i64>,
}

impl Numbered {
    pub(crate) fn read(version: &SecretVersion) -> Option<Self> {
        Some(Self {
            number: last(&version.name).parse().ok()?,
            state: version.state.clone(),
            scheduled: version.scheduled_destroy_time.is_some(),
            etag: version.etag.clone(),
            written_at_ms: version.create_time.as_ref().map(millis),
        })
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.state == State::Enabled
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        self.state == State::Destroyed
    }

    /// What destroying made of it.
    pub(crate) fn ended(&self) -> Option<Retired> {
        match self {
            gone if gone.is_destroyed() => Some(Retired::Destroyed),
            going if going.scheduled => Some(Retired::Scheduled),
            _ => None,
        }
    }

    pub(crate) fn listed(&self, current: Option<u64>) -> Version {
        Version {
            id: id(self.number),
            current: current == Some(self.number),
            enabled: self.is_enabled(),
            ended: self.ended(),
        }
    }
}

fn millis(at: &Timestamp) -> i64 {
    at.seconds() * 1000 + i64::from(at.nanos()) / 1_000_000
}

/// What stands in a place whose secret exists.
pub(crate) struct Standing {
    pub(crate) secret: Secret,
    /// Number of the newest version, 0 where there is none.
    pub(crate) newest: u64,
    /// The newest version can be read.
    pub(crate) newest_enabled: bool,
    /// The version that the selector names, in whatever state.
    pub(crate) named: Option<Numbered>,
}

impl Standing {
    /// Reads it; `None` where there is no such secret.
    pub(crate) async fn read(api: &Api, selector: &Selector, path: &str) -> Result<Option<Self>> {
        let Some(secret) = api.secret(path).await? else {
            return Ok(None);
        };
        let newest = api.newest(path).await?;
        let named = match selector.alias() {
            None => newest.clone(),
            Some(alias) => match target(&secret, alias) {
                Some(number) => api.version(path, number).await?,
                None => None,
            },
        };
        Ok(Some(Self {
            newest: newest.as_ref().map_or(0, |newest| newest.number),
            newest_enabled: newest.is_some_and(|newest| newest.is_enabled()),
            secret,
            named,
        }))
    }

    /// A secret that was just created.
    pub(crate) fn empty(secret: Secret) -> Self {
        Self {
            secret,
            newest: 0,
            newest_enabled: false,
            named: None,
        }
    }

    /// What readers see: the version that the selector names, unless it is disabled; they see no other one then.
    pub(crate) fn current(&self) -> Option<&Numbered> {
        self.named.as_ref().filter(|version| version.is_enabled())
    }

    pub(crate) fn current_number(&self) -> Option<u64> {
        self.current().map(|version| version.number)
    }

    pub(crate) fn current_id(&self) -> Option<VersionId> {
        self.current_number().map(id)
    }

    /// With an alias the record's etag is the compare-and-set, taken where it is needed; otherwise the next
    /// write has to name the newest version also where that is disabled.
    pub(crate) fn token(&self, selector: &Selector) -> Option<String> {
        selector.alias().is_none().then(|| self.newest.to_string())
    }

    /// Whether a write may replace what stands there.
    ///
    /// # Errors
    /// `Conflict`: it expected something else.
    pub(crate) fn ensure_is(&self, base: &Base, selector: &Selector, path: &str) -> Result<()> {
        let same_token = match (selector.alias(), base.token.as_deref()) {
            (None, Some(token)) => token == self.newest.to_string(),
            (None, None) => base.version.is_some() || self.newest == 0,
            (Some(_), _) => true,
        };
        if same_token && base.version == self.current_id() {
            return Ok(());
        }
        let shows = self
            .current_id()
            .map_or("nothing".into(), |id| id.to_string());
        Err(Error::conflict(
            self.current_id(),
            format!("`{path}` shows {shows} now, which is not what the write was made for"),
        ))
    }

    /// Who else rotates it.
    pub(crate) fn native_rotation(&self) -> Option<String> {
        native_rotation(&self.secret)
    }

    /// Other aliases of this version.
    pub(crate) fn aliases_of(&self, number: u64, but: Option<&str>) -> Vec<&str> {
        let aliases = self.secret.version_aliases.iter();
        let named = aliases.filter(|(alias, target)| {
            u64::try_from(**target).ok() == Some(number) && Some(alias.as_str()) != but
        });
        let mut names: Vec<&str> = named.map(|(alias, _)| alias.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// # Errors
    /// `Invalid`: it would vanish by itself, or there is no room for what a rotation writes.
    pub(crate) fn ensure_works(&self, selector: &Selector, path: &str) -> Result<()> {
        if let Some(at) = expires_at(&self.secret) {
            return Err(Error::invalid(format!(
                "`{path}` would lose its live value: the whole secret expires {at}; type: gcloud secrets update \
                 {path} --remove-expiration"
            )));
        }
        marks::ensure_room(path, &self.secret.annotations)?;
        match selector.alias() {
            Some(alias) => self.ensure_alias(alias, path),
            None => Ok(()),
        }
    }

    /// An alias that is missing although there are versions was never set up: what its readers hold is not known.
    fn ensure_alias(&self, alias: &str, path: &str) -> Result<()> {
        if target(&self.secret, alias).is_some() {
            return Ok(());
        }
        if self.secret.version_aliases.len() >= MOST_ALIASES {
            return Err(Error::invalid(format!(
                "`{path}` has {MOST_ALIASES} aliases and room for no other: remove one, for `{alias}` is missing"
            )));
        }
        if self.newest_enabled && !marks::began_empty(&self.secret.annotations) {
            return Err(Error::invalid(format!(
                "`{path}` has versions and no alias `{alias}`: say which one its readers use, such as the newest: \
                 gcloud secrets update {path} --update-version-aliases={alias}={}",
                self.newest
            )));
        }
        Ok(())
    }

    /// What a person should know.
    pub(crate) fn warnings(&self, selector: &Selector, path: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(named) = self.named.as_ref().filter(|named| !named.is_enabled()) {
            warnings.push(format!(
                "version {} of `{path}` is disabled or destroyed, so that readers of `{}` get an error",
                named.number,
                selector.word()
            ));
        }
        if let Some(current) = self.current_number() {
            for alias in self.aliases_of(current, selector.alias()) {
                warnings.push(format!(
                    "readers of the alias `{alias}` of `{path}` stay on version {current}: nothing moves it"
                ));
            }
        }
        let scheduled = self.secret.rotation.as_ref();
        if scheduled.is_some_and(|rotation| rotation.next_rotation_time.is_some()) {
            warnings.push(format!(
                "`{path}` has a rotation schedule of Google's: whoever gets its messages may rotate it too"
            ));
        }
        warnings
    }
}

/// The version that an alias points to.
pub(crate) fn target(secret: &Secret, alias: &str) -> Option<u64> {
    let number = secret.version_aliases.get(alias)?;
    u64::try_from(*number).ok()
}

pub(crate) fn native_rotation(secret: &Secret) -> Option<String> {
    let rotation = secret.rotation.as_ref();
    let status = rotation.and_then(|rotation| rotation.managed_rotation_status.as_ref());
    let active =
        status.is_some_and(|status| status.state != managed_rotation_status::State::Inactive);
    let typed = secret.secret_type == SecretType::CloudSqlDbCredentials;
    (active || (typed && status.is_none()))
        .then(|| "Google's managed rotation for Cloud SQL".to_owned())
}

fn expires_at(secret: &Secret) -> Option<String> {
    match secret.expiration.as_ref()? {
        Expiration::ExpireTime(at) => Some(format!("at {}", String::from(**at))),
        _ => Some("by its `ttl`".to_owned()),
    }
}
