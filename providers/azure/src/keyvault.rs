//! The calls to the vault: what is asked, and what its answers hold.

use crate::history::{History, Kept, Shown};
use crate::login::Identity;
use crate::options::AzureOptions;
use crate::refusal::{Answer, Effect, refusal};
use crate::transport::{self, Clock};
use azure_core::Bytes;
use azure_core::http::pager::{PagerContinuation, PagerOptions};
use azure_security_keyvault_secrets::models::{
    ListSecretPropertiesResult, SecretAttributes, SecretClientGetSecretOptions,
    SecretClientListSecretPropertiesOptions, SecretClientUpdateSecretPropertiesOptions,
    SecretProperties, SetSecretParameters, UpdateSecretPropertiesParameters,
};
use azure_security_keyvault_secrets::{ResourceId, SecretClient, SecretClientOptions};
use futures_util::{StreamExt as _, TryStreamExt as _};
use keywheel_contract::{Error, ErrorKind, Result, SecretValue, VersionId};
use keywheel_reference::addresses;
use reqwest::Url;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// So often list and newest version are read until both are of one moment.
const LOOKS: usize = 3;

/// One vault, as us.
pub(crate) struct KeyVault {
    client: SecretClient,
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) origin: Url,
}

/// Where in an answer the id stands; the value beside it is not even parsed.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Content {
    value: String,
}

/// Whether a secret of that name lies in the vault's bin.
pub(crate) enum Bin {
    Empty,
    Holds,
    /// We may not look.
    Closed,
}

impl KeyVault {
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` cannot be used.
    pub(crate) fn new(options: &AzureOptions, base: &Path) -> Result<Self> {
        let origin = options.origin()?;
        let clock = Arc::<Clock>::default();
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let identity = Arc::new(Identity::new(
            &options.login,
            &options.authority()?,
            options.ca_file.as_deref(),
            base,
        )?);
        let made = SecretClientOptions {
            client_options: transport::to(&origin, ca_file.as_deref(), &clock)?,
            // A vault of this machine is a test's: it cannot be called as the resource that it asks a token for.
            verify_challenge_resource: Some(!addresses::is_this_machine(&origin)),
            ..SecretClientOptions::default()
        };
        let client = SecretClient::new(origin.as_str(), identity.clone(), Some(made));
        Ok(Self {
            client: client.map_err(|_| Error::invalid("`vault` cannot be used"))?,
            identity,
            clock,
            origin,
        })
    }

    /// Every version and what consumers see, of one moment.
    pub(crate) async fn history(&self, name: &str) -> Result<History> {
        for _ in 0..LOOKS {
            let versions = self.versions(name).await?;
            let history = History::new(versions, self.shown(name).await?);
            if history.is_of_one_moment() {
                return Ok(history);
            }
        }
        Err(Error::unavailable(format!(
            "reading `{name}`: the list of versions and the newest version do not agree yet"
        )))
    }

    pub(crate) async fn versions(&self, name: &str) -> Result<Vec<Kept>> {
        let refused = |error| refusal(&error, &format!("listing `{name}`"), Effect::Reads);
        let pager = self.client.list_secret_properties_versions(name, None);
        let listed: azure_core::Result<Vec<SecretProperties>> =
            pager.map_err(refused)?.try_collect().await;
        match listed {
            Ok(listed) => Ok(listed.into_iter().filter_map(Kept::of).collect()),
            Err(error) if status(&error) == Some(404) => Ok(Vec::new()),
            Err(error) => Err(refused(error)),
        }
    }

    pub(crate) async fn shown(&self, name: &str) -> Result<Shown> {
        let asked = self.client.get_secret(name, None).await;
        let what = format!("reading `{name}`");
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => {
                return match Answer::of(&error) {
                    Some(answer) if answer.status == 404 => Ok(Shown::Nothing),
                    Some(answer) if answer.code == "SecretDisabled" => Ok(Shown::Disabled),
                    _ => Err(refusal(&error, &what, Effect::Reads)),
                };
            }
        };
        version_in(answer.body().as_ref())
            .map(Shown::Version)
            .ok_or_else(|| Error::unavailable(format!("{what}: the answer cannot be read")))
    }

    /// The value of exactly this version.
    ///
    /// # Errors
    /// `NotFound`: there is none, or it is disabled.
    pub(crate) async fn value(&self, name: &str, version: &VersionId) -> Result<SecretValue> {
        let what = format!("reading version {version} of `{name}`");
        let options = SecretClientGetSecretOptions {
            secret_version: Some(checked(name, version)?),
            ..SecretClientGetSecretOptions::default()
        };
        let answer = self.client.get_secret(name, Some(options)).await;
        let answer = answer.map_err(|error| refusal(&error, &what, Effect::Reads))?;
        let read: Option<Content> = serde_json::from_slice(answer.body().as_ref()).ok();
        let read = read.map(|content| SecretValue::from(content.value));
        read.ok_or_else(|| Error::unavailable(format!("{what}: the answer cannot be read")))
    }

    /// Makes a new version, which is the newest from then on.
    pub(crate) async fn set(
        &self,
        name: &str,
        payload: &SecretValue,
        around: &SetSecretParameters,
    ) -> Result<VersionId> {
        let what = format!("writing `{name}`");
        let body = body(payload, around)?.into();
        let answer = match self.client.set_secret(name, body, None).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.not_set(name, &error, &what)),
        };
        // It was done, whatever its answer looks like.
        let written = version_in(answer.body().as_ref()).map(VersionId::new);
        written.ok_or_else(|| Error::unknown_outcome(format!("{what}: the answer cannot be read")))
    }

    fn not_set(&self, name: &str, error: &azure_core::Error, what: &str) -> Error {
        match Answer::of(error) {
            Some(answer) if answer.code == "ObjectIsDeletedButRecoverable" => self.deleted(name),
            _ => refusal(error, what, Effect::Changes),
        }
    }

    /// Enables or disables a version; its dates are sent along so that they stay.
    pub(crate) async fn switch(&self, name: &str, kept: &Kept, enabled: bool) -> Result<()> {
        let attributes = SecretAttributes {
            enabled: Some(enabled),
            expires: kept.expires,
            not_before: kept.not_before,
            ..SecretAttributes::default()
        };
        let what = format!("changing version {} of `{name}`", kept.id);
        self.update(name, &kept.id, attributes, &what).await
    }

    /// Whether we may change a version, asked of one that nobody has: its absence is told only to those who may.
    pub(crate) async fn may_update(&self, name: &str) -> Result<()> {
        let attributes = SecretAttributes {
            enabled: Some(false),
            ..SecretAttributes::default()
        };
        let nobody_s = azure_core::Uuid::new_v4().simple().to_string();
        let what = format!("asking whether we may change `{name}`");
        match self.update(name, &nobody_s, attributes, &what).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    async fn update(
        &self,
        name: &str,
        version: &str,
        attributes: SecretAttributes,
        what: &str,
    ) -> Result<()> {
        let change = UpdateSecretPropertiesParameters {
            secret_attributes: Some(attributes),
            ..UpdateSecretPropertiesParameters::default()
        };
        let options = SecretClientUpdateSecretPropertiesOptions {
            secret_version: Some(version.to_owned()),
            ..SecretClientUpdateSecretPropertiesOptions::default()
        };
        let change = change.try_into();
        let change = change.map_err(|_| Error::invalid(format!("{what}: cannot be written")))?;
        let done = self
            .client
            .update_secret_properties(name, change, Some(options));
        let done = done.await.map(|_| ());
        done.map_err(|error| refusal(&error, what, Effect::Changes))
    }

    pub(crate) async fn bin(&self, name: &str) -> Result<Bin> {
        let Err(error) = self.client.get_deleted_secret(name, None).await else {
            return Ok(Bin::Holds);
        };
        match status(&error) {
            Some(404) => Ok(Bin::Empty),
            Some(403) => Ok(Bin::Closed),
            _ => Err(refusal(
                &error,
                &format!("looking for `{name}` in the bin"),
                Effect::Reads,
            )),
        }
    }

    /// What stands in the way of a name that lies in the bin.
    pub(crate) fn deleted(&self, name: &str) -> Error {
        Error::invalid(format!(
            "`{name}` was deleted and can be recovered; until then nobody can write it: \
             `az keyvault secret recover --vault-name {} --name {name}`",
            self.vault()
        ))
    }

    /// The vault's own name.
    pub(crate) fn vault(&self) -> &str {
        let host = self.origin.host_str().unwrap_or_default();
        host.split('.').next().unwrap_or_default()
    }

    /// One page of what the vault holds, and the link to the page after it.
    pub(crate) async fn page(
        &self,
        after: Option<Url>,
    ) -> Result<(ListSecretPropertiesResult, Option<String>)> {
        let refused = |error| refusal(&error, "listing the vault", Effect::Reads);
        let options = SecretClientListSecretPropertiesOptions {
            method_options: PagerOptions {
                continuation: after.map(PagerContinuation::Link),
                ..PagerOptions::default()
            },
            ..SecretClientListSecretPropertiesOptions::default()
        };
        let pager = self.client.list_secret_properties(Some(options));
        let mut pages = pager.map_err(refused)?.into_pages();
        let Some(page) = pages.next().await else {
            return Ok((ListSecretPropertiesResult::default(), None));
        };
        let page = page.map_err(refused)?.into_model();
        let next = pages.continuation().map(ToString::to_string);
        Ok((page.map_err(refused)?, next))
    }
}

fn status(error: &azure_core::Error) -> Option<u16> {
    Answer::of(error).map(|answer| answer.status)
}

fn version_in(body: &[u8]) -> Option<String> {
    let named: Named<'_> = serde_json::from_slice(body).ok()?;
    named.id.parse::<ResourceId>().ok()?.version
}

/// Ids stand in addresses: nothing in them leads elsewhere. An empty one would mean the newest version.
fn checked(name: &str, version: &VersionId) -> Result<String> {
    let id = version.as_str();
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(id.to_owned());
    }
    Err(Error::not_found(format!(
        "`{name}` has no version `{version}`"
    )))
}

/// The request with the value in a buffer of its own, wiped by the last one to hold it.
fn body(payload: &SecretValue, around: &SetSecretParameters) -> Result<Bytes> {
    let unwritable = || Error::invalid("the request cannot be written");
    let text = payload.expose_secret_str().ok_or_else(unwritable)?;
    let around = serde_json::to_vec(around).map_err(|_| unwritable())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(6 * text.len() + around.len() + 16));
    bytes.extend_from_slice(b"{\"value\":");
    serde_json::to_writer(&mut *bytes, text).map_err(|_| unwritable())?;
    // What is around the value is an object of its own: `{…}` becomes `,…}`.
    bytes.push(b',');
    bytes.extend_from_slice(around.get(1..).unwrap_or_default());
    Ok(Bytes::from_owner(bytes))
}
