//! The calls to the KV engine: what is asked, and what its answers hold.

use crate::api::Api;
use crate::key::Key;
use crate::requests::{MergeMetadata, ReadMount, ReadSubkeys, WriteVersion};
use crate::transport::Answer;
use chrono::Utc;
use keywheel_contract::{Error, Mark, Result, SecretValue};
use keywheel_http_client::Effect;
use rustify::endpoint::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::OnceCell;
use vaultrs::api::kv2::requests::{
    DeleteSecretVersionsRequest, DestroySecretVersionsRequest, ListSecretsRequest,
    ReadConfigurationRequest, ReadSecretMetadataRequest, ReadSecretRequest,
    SetSecretMetadataRequest, UndeleteSecretVersionsRequest,
};
use vaultrs::api::kv2::responses::{
    ListSecretsResponse, ReadConfigurationResponse, SecretVersionMetadata,
};

/// One mount of the engine.
pub(crate) struct Kv {
    pub(crate) api: Api,
    pub(crate) mount: String,
    /// Set once the mount is known to be an engine of version 2.
    pub(crate) checked: OnceCell<()>,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

#[derive(Deserialize)]
struct Subkeys {
    subkeys: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    options: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A write, or that another one was faster.
pub(crate) enum Written {
    As(u64),
    TooLate,
}

impl Kv {
    /// The metadata of a path; an empty one where nothing was ever written.
    pub(crate) async fn key(&self, path: &str) -> Result<Key> {
        self.ensure_second_version().await?;
        let endpoint = ReadSecretMetadataRequest {
            mount: self.mount.clone(),
            path: path.to_owned(),
        };
        let answer = self.api.call(&endpoint, Effect::Reads).await?;
        if answer.status == 404 {
            return Ok(Key::default());
        }
        let read = parsed(&answer, &format!("reading the metadata of `{path}`"))?;
        Ok(Key::new(read, Utc::now()))
    }

    /// The settings of the mount, which hold for every path that has none of its own.
    pub(crate) async fn configuration(&self) -> Result<ReadConfigurationResponse> {
        let endpoint = ReadConfigurationRequest {
            mount: self.mount.clone(),
        };
        let answer = self.api.call(&endpoint, Effect::Reads).await?;
        parsed(&answer, &format!("reading `{}/config`", self.mount))
    }

    /// Names directly in a folder, which is empty or ends with `/`; folders end with `/`.
    pub(crate) async fn names(&self, folder: &str) -> Result<Vec<String>> {
        self.ensure_second_version().await?;
        let endpoint = ListSecretsRequest {
            mount: self.mount.clone(),
            path: folder.to_owned(),
        };
        let answer = self.api.call(&endpoint, Effect::Reads).await?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let listed: ListSecretsResponse = parsed(&answer, &format!("listing `{folder}`"))?;
        Ok(listed.keys)
    }

    /// Names of the fields of what consumers see; none where the server or our rights do not tell them apart from
    /// the values.
    pub(crate) async fn fields(&self, path: &str) -> Result<Vec<String>> {
        let mount = self.mount.as_str();
        let answer = self
            .api
            .call(&ReadSubkeys { mount, path }, Effect::Reads)
            .await;
        let Ok(answer) = answer else {
            return Ok(Vec::new());
        };
        let read: Option<Wrapped<Subkeys>> = serde_json::from_slice(&answer.body).ok();
        let names = read.and_then(|read| read.data.subkeys).unwrap_or_default();
        Ok(names.into_keys().collect())
    }

    /// The document of exactly this version.
    ///
    /// # Errors
    /// `NotFound`: there is none, or it was deleted.
    pub(crate) async fn document(&self, path: &str, number: u64) -> Result<SecretValue> {
        self.ensure_second_version().await?;
        let endpoint = ReadSecretRequest {
            mount: self.mount.clone(),
            path: path.to_owned(),
            version: Some(number),
        };
        let answer = self.api.call(&endpoint, Effect::Reads).await?;
        let what = format!("reading version {number} of `{path}`");
        if answer.status == 404 {
            return Err(Error::not_found(format!(
                "{what}: it is not there, or disabled, or destroyed"
            )));
        }
        ensure_success(&answer, &what, Effect::Reads)?;
        let read: Option<Wrapped<Content<'_>>> = serde_json::from_slice(&answer.body).ok();
        let data = read.and_then(|read| read.data.data);
        data.map(|data| SecretValue::new(data.get().as_bytes().to_vec()))
            .ok_or_else(|| unreadable(&what))
    }

    /// Notes which number the write with this mark gets if it is done at all.
    pub(crate) async fn announce(
        &self,
        path: &str,
        key: &Key,
        mark: &Mark,
        number: u64,
    ) -> Result<()> {
        let entries = key.announcement(mark, number);
        let what = format!("noting our mark in the metadata of `{path}`");
        let answer = if key.exists() {
            let (mount, mount_path) = (self.mount.as_str(), path);
            let endpoint = MergeMetadata {
                mount,
                path: mount_path,
                entries,
            };
            self.api.call(&endpoint, Effect::Reads).await?
        } else {
            let ours = entries.into_iter();
            let ours = ours.filter_map(|(name, text)| Some((name, text?)));
            let endpoint = SetSecretMetadataRequest {
                mount: self.mount.clone(),
                path: path.to_owned(),
                custom_metadata: Some(ours.collect()),
                ..SetSecretMetadataRequest::default()
            };
            self.api.call(&endpoint, Effect::Reads).await?
        };
        // A mark that was noted in vain does no harm, so that this call is never in doubt.
        ensure_success(&answer, &what, Effect::Reads)
    }

    /// Writes a new version over exactly that one.
    pub(crate) async fn write(
        &self,
        path: &str,
        over: u64,
        payload: &SecretValue,
    ) -> Result<Written> {
        let endpoint = WriteVersion {
            mount: &self.mount,
            path,
            over,
            payload,
        };
        let answer = self.api.call(&endpoint, Effect::Changes).await?;
        if answer.is_mismatch() {
            return Ok(Written::TooLate);
        }
        let what = format!("writing `{path}`");
        ensure_success(&answer, &what, Effect::Changes)?;
        let read: Result<SecretVersionMetadata> = parsed(&answer, &what);
        // It was done, whatever its answer looks like.
        let read = read.map_err(|error| Error::unknown_outcome(error.message));
        Ok(Written::As(read?.version))
    }

    pub(crate) async fn delete(&self, path: &str, number: u64) -> Result<()> {
        let endpoint = DeleteSecretVersionsRequest {
            mount: self.mount.clone(),
            path: path.to_owned(),
            versions: vec![number],
        };
        self.change(&endpoint, &format!("deleting version {number} of `{path}`"))
            .await
    }

    pub(crate) async fn undelete(&self, path: &str, number: u64) -> Result<()> {
        let endpoint = UndeleteSecretVersionsRequest {
            mount: self.mount.clone(),
            path: path.to_owned(),
            versions: vec![number],
        };
        self.change(
            &endpoint,
            &format!("undeleting version {number} of `{path}`"),
        )
        .await
    }

    pub(crate) async fn destroy(&self, path: &str, number: u64) -> Result<()> {
        let endpoint = DestroySecretVersionsRequest {
            mount: self.mount.clone(),
            path: path.to_owned(),
            versions: vec![number],
        };
        self.change(
            &endpoint,
            &format!("destroying version {number} of `{path}`"),
        )
        .await
    }

    async fn change<E: Endpoint>(&self, endpoint: &E, what: &str) -> Result<()> {
        let answer = self.api.call(endpoint, Effect::Changes).await?;
        ensure_success(&answer, what, Effect::Changes)
    }

    /// Version 1 would take `data/…` for a plain path: it looks empty there, and keeps every write as one.
    async fn ensure_second_version(&self) -> Result<()> {
        self.checked
            .get_or_try_init(|| async {
                let endpoint = ReadMount { mount: &self.mount };
                let answer = self.api.call(&endpoint, Effect::Reads).await?;
                let what = format!("looking up the mount `{}`", self.mount);
                let found: Mount = parsed(&answer, &what)?;
                let version = found.options.unwrap_or_default().remove("version");
                if found.kind == "kv" && version.as_deref() == Some("2") {
                    return Ok(());
                }
                Err(Error::invalid(format!(
                    "`{}` is not a KV engine of version 2",
                    self.mount
                )))
            })
            .await
            .copied()
    }
}

/// The data of a successful answer to a read.
pub(crate) fn parsed<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<T> {
    ensure_success(answer, what, Effect::Reads)?;
    let read: Option<Wrapped<T>> = serde_json::from_slice(&answer.body).ok();
    read.map(|read| read.data).ok_or_else(|| unreadable(what))
}

fn ensure_success(answer: &Answer, what: &str, effect: Effect) -> Result<()> {
    if answer.is_success() {
        return Ok(());
    }
    Err(answer.refusal(what, effect))
}

fn unreadable(what: &str) -> Error {
    Error::unavailable(format!("{what}: the answer cannot be read"))
}
