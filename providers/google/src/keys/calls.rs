//! The calls about one account and its keys, each by its own name.

use super::options::ServiceKeyOptions;
use super::transport::{Answer, Transport};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use keywheel_contract::{CredentialId, Error, Result};
use keywheel_http_client::Effect;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::Path;

/// The most keys that people may have on one account.
pub(crate) const MOST_KEYS: usize = 10;

/// What is told of the account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) unique_id: String,
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// What is told of a key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    name: String,
    #[serde(default)]
    pub(crate) disabled: bool,
    /// When its certificate ends.
    pub(crate) valid_before_time: Option<DateTime<Utc>>,
    #[serde(default)]
    key_origin: String,
    #[serde(default)]
    key_type: String,
    #[serde(default)]
    public_key_data: String,
}

impl Key {
    /// Google's name of it.
    pub(crate) fn id(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Whether somebody uploaded it.
    fn is_uploaded(&self) -> bool {
        self.key_origin == "USER_PROVIDED"
    }

    /// Whether Google made it for itself.
    pub(crate) fn is_googles(&self) -> bool {
        self.key_type == "SYSTEM_MANAGED"
    }
}

/// A key, and the time by Google's clock.
pub(crate) struct Seen {
    pub(crate) key: Option<Key>,
    pub(crate) now: DateTime<Utc>,
}

/// One account, called as us.
pub(crate) struct Calls {
    pub(crate) transport: Transport,
    pub(crate) options: ServiceKeyOptions,
    account: String,
}

impl Calls {
    pub(crate) fn new(options: &ServiceKeyOptions, base: &Path) -> Result<Self> {
        let (project, email) = (options.project()?, &options.account);
        Ok(Self {
            account: format!("projects/{project}/serviceAccounts/{email}"),
            transport: Transport::new(options, base)?,
            options: options.clone(),
        })
    }

    /// # Errors
    /// `Invalid`: there is no such account.
    pub(crate) async fn account(&self) -> Result<Account> {
        let answer = self.transport.get(&self.account, &[]).await?;
        if answer.status == 404 {
            return Err(Error::invalid(format!("there is no {}", self.account)));
        }
        parse(&answer, "looking at the account", Effect::Reads)
    }

    /// Every key that people have on the account, without their certificates.
    pub(crate) async fn keys(&self) -> Result<Vec<Key>> {
        #[derive(Deserialize)]
        struct Read {
            #[serde(default)]
            keys: Vec<Key>,
        }
        let path = format!("{}/keys", self.account);
        let answer = self.transport.get(&path, &[("keyTypes", "USER_MANAGED")]);
        let read: Read = parse(&answer.await?, "listing the keys", Effect::Reads)?;
        Ok(read.keys)
    }

    /// One key, and whether it is there at all.
    pub(crate) async fn key(&self, id: &CredentialId) -> Result<Seen> {
        let answer = self.transport.get(&self.path_of(id, "")?, &[]).await?;
        let now = answer.now;
        let key = match answer.status {
            404 => None,
            _ => Some(parse(&answer, "looking at a key", Effect::Reads)?),
        };
        Ok(Seen { key, now })
    }

    /// The certificates of the keys that were uploaded, as PEM, each with its key's name.
    pub(crate) async fn certificates(&self) -> Result<Vec<(CredentialId, String)>> {
        let mut found = Vec::new();
        for key in self.keys().await?.iter().filter(|key| key.is_uploaded()) {
            let id = CredentialId::new(key.id());
            let query = [("publicKeyType", "TYPE_X509_PEM_FILE")];
            let answer = self.transport.get(&self.path_of(&id, "")?, &query).await?;
            if answer.status == 404 {
                continue;
            }
            let key: Key = parse(&answer, "looking at a certificate", Effect::Reads)?;
            let pem = STANDARD.decode(&key.public_key_data).unwrap_or_default();
            found.push((id, String::from_utf8_lossy(&pem).into_owned()));
        }
        Ok(found)
    }

    /// Sends a certificate; the key it becomes.
    pub(crate) async fn upload(&self, certificate: &str) -> Result<Key> {
        let path = format!("{}/keys:upload", self.account);
        let body = json!({ "publicKeyData": STANDARD.encode(certificate) });
        let answer = self.transport.post(&path, &body).await?;
        match () {
            () if answer.forbids_uploads() => Err(Error::invalid(
                "the organization forbids to upload keys (constraint iam.disableServiceAccountKeyUpload): have it \
                 allowed for this project, or use a workload identity instead of keys",
            )),
            () if answer.is_precondition() => Err(self.why_not(&answer).await),
            () => parse(&answer, "uploading a key", Effect::Changes),
        }
    }

    /// An account with as many keys as there can be is refused in words that are used for other things too.
    async fn why_not(&self, refused: &Answer) -> Error {
        match self.keys().await {
            Ok(keys) if keys.len() >= MOST_KEYS => Error::invalid(format!(
                "the account has {} keys, and there cannot be more: delete one that nobody uses",
                keys.len()
            )),
            _ => refused.refusal("uploading a key", Effect::Changes),
        }
    }

    /// `disable` or `enable`; whether it is done, `false` where the key is in another state.
    pub(crate) async fn switch(&self, id: &CredentialId, verb: &str) -> Result<bool> {
        let path = self.path_of(id, &format!(":{verb}"))?;
        let answer = self.transport.post(&path, &json!({})).await?;
        match answer.is_success() {
            true => Ok(true),
            false if answer.is_precondition() => Ok(false),
            false => Err(answer.refusal(&format!("{verb} of a key"), Effect::Changes)),
        }
    }

    /// Deletes a key; one that is gone is no error.
    pub(crate) async fn delete(&self, id: &CredentialId) -> Result<()> {
        let answer = self.transport.delete(&self.path_of(id, "")?).await?;
        match answer.is_success() || answer.status == 404 {
            true => Ok(()),
            false => Err(answer.refusal("deleting a key", Effect::Changes)),
        }
    }

    fn path_of(&self, id: &CredentialId, verb: &str) -> Result<String> {
        let id = id.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match !id.is_empty() && id.chars().all(plain) {
            true => Ok(format!("{}/keys/{id}{verb}", self.account)),
            false => Err(Error::invalid(format!(
                "`{}` is no name of a key: it is `private_key_id` of its file",
                id.escape_default()
            ))),
        }
    }
}

/// What a successful answer says.
///
/// # Errors
/// The refusal that the answer is, or that it is not of the form that is documented.
fn parse<T: DeserializeOwned>(answer: &Answer, what: &str, effect: Effect) -> Result<T> {
    if !answer.is_success() {
        return Err(answer.refusal(what, effect));
    }
    serde_json::from_slice(&answer.body).map_err(|_| {
        let message = format!("{what}: the answer is not what Google documents: check `endpoint`");
        match effect {
            Effect::Reads => Error::unavailable(message),
            Effect::Changes => Error::unknown_outcome(message),
        }
    })
}
