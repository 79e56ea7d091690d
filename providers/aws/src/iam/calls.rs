//! The calls: what is asked, and what the answers hold, in our types.

use super::clock::Clock;
use super::note::{NOTE, Note};
use super::options::KeyOptions;
use super::{ID, SECRET};
use crate::connect::{Identity, iam, sts};
use crate::refusal::{Effect, refusal};
use aws_config::Region;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_iam::operation::get_access_key_last_used::GetAccessKeyLastUsedOutput;
use aws_sdk_iam::types::{AccessKeyMetadata, StatusType, Tag as UserTag};
use keywheel_contract::{
    Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Result, SecretValue,
};
use std::path::{Path, PathBuf};
use tokio::sync::OnceCell;

/// IAM is one for all regions of a partition, and signed for this one where no other is known.
const ANYWHERE: &str = "us-east-1";

/// IAM as us, for one user.
pub(crate) struct Calls {
    pub(crate) options: KeyOptions,
    pub(crate) clock: Clock,
    base: PathBuf,
    clients: OnceCell<Clients>,
}

pub(crate) struct Clients {
    iam: aws_sdk_iam::Client,
    identity: Identity,
    pub(crate) region: Region,
}

/// One access key of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) state: CredentialState,
    /// Epoch milliseconds.
    pub(crate) made_ms: i64,
}

/// What is known of a key's use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) user: String,
    /// Epoch milliseconds; none where no use was seen.
    pub(crate) at_ms: Option<i64>,
}

impl Calls {
    pub(crate) fn new(options: KeyOptions, base: &Path) -> Self {
        Self {
            options,
            clock: Clock::default(),
            base: base.to_owned(),
            clients: OnceCell::new(),
        }
    }

    pub(crate) async fn clients(&self) -> Result<&Clients> {
        self.clients.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Clients> {
        let (options, us) = (&self.options, self.options.identity());
        let identity = Identity::new(&us, &self.base).await?;
        let region = identity.region.clone();
        let region = region.unwrap_or_else(|| Region::from_static(ANYWHERE));
        let endpoint = options.endpoint.as_ref();
        let config = iam(&us, endpoint, region.clone(), identity.us.clone());
        let config = config.interceptor(self.clock.clone());
        Ok(Clients {
            iam: aws_sdk_iam::Client::from_conf(config.build()),
            identity,
            region,
        })
    }

    /// The Security Token Service, as whoever holds these credentials.
    pub(crate) async fn sts_as(
        &self,
        who: SharedCredentialsProvider,
    ) -> Result<aws_sdk_sts::Client> {
        let region = self.clients().await?.region.clone();
        let config = sts(&self.options.identity(), region, who);
        let config = config.interceptor(self.clock.clone());
        Ok(aws_sdk_sts::Client::from_conf(config.build()))
    }

    /// The keys of the user.
    ///
    /// # Errors
    /// `Invalid`: there is no such user.
    pub(crate) async fn keys(&self) -> Result<Vec<Key>> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let asked = client.list_access_keys().user_name(user).send().await;
        let what = format!("listing the access keys of `{user}`");
        let listed = asked.map_err(|error| self.nobody(refusal(&error, &what, Effect::Reads)))?;
        let keys = listed.access_key_metadata.into_iter().map(key);
        keys.collect::<Option<Vec<Key>>>()
            .ok_or_else(|| Error::unavailable(format!("{what}: an answer that cannot be read")))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// `Invalid`: there are as many as AWS allows.
    pub(crate) async fn create(&self) -> Result<Credential> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let asked = client.create_access_key().user_name(user).send().await;
        let what = format!("making an access key of `{user}`");
        let made = asked.map_err(|error| self.nobody(refusal(&error, &what, Effect::Changes)))?;
        let made = made.access_key.ok_or_else(|| {
            Error::unknown_outcome(format!("{what}: an answer that cannot be read"))
        })?;
        let fields = [
            (ID.to_owned(), SecretValue::from(made.access_key_id.clone())),
            (SECRET.to_owned(), SecretValue::from(made.secret_access_key)),
        ];
        Ok(Credential {
            id: CredentialId::new(made.access_key_id),
            fields: fields.into_iter().collect::<Fields>(),
        })
    }

    /// Makes a key inactive, or active again.
    ///
    /// # Errors
    /// `NotFound`: the user has no such key.
    pub(crate) async fn set(&self, id: &CredentialId, status: StatusType) -> Result<()> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let what = format!("making access key {id} of `{user}` {}", status.as_str());
        let asked = client.update_access_key().user_name(user);
        let asked = asked.access_key_id(id.as_str()).status(status);
        match asked.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(&error, &what, Effect::Changes)),
        }
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// `NotFound`: the user has no such key.
    pub(crate) async fn delete(&self, id: &CredentialId) -> Result<()> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let what = format!("deleting access key {id} of `{user}`");
        let asked = client.delete_access_key().user_name(user);
        match asked.access_key_id(id.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(&error, &what, Effect::Changes)),
        }
    }

    /// Whose a key is, and when it was used.
    pub(crate) async fn last_use(&self, id: &str) -> Result<Use> {
        let client = &self.clients().await?.iam;
        let asked = client.get_access_key_last_used().access_key_id(id);
        let what = format!("asking when access key {id} was used");
        let seen = asked.send().await;
        seen.map(used)
            .map_err(|error| refusal(&error, &what, Effect::Reads))
    }

    /// The last mint that was announced for the user.
    pub(crate) async fn note(&self) -> Result<Option<Note>> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let asked = client.list_user_tags().user_name(user).send().await;
        let what = format!("reading the tags of `{user}`");
        let listed = asked.map_err(|error| self.nobody(refusal(&error, &what, Effect::Reads)))?;
        let note = listed.tags.into_iter().find(|tag| tag.key == NOTE);
        Ok(note.and_then(|tag| Note::parse(&tag.value)))
    }

    /// Announces a mint.
    pub(crate) async fn announce(&self, note: &Note) -> Result<()> {
        let (client, user) = (&self.clients().await?.iam, &self.options.user);
        let what = format!("writing the tag `{NOTE}` of `{user}`");
        let tag = UserTag::builder().key(NOTE).value(note.text()).build();
        let tag = tag.map_err(|_| Error::invalid(format!("{what}: it cannot be built")))?;
        match client.tag_user().user_name(user).tags(tag).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.nobody(refusal(&error, &what, Effect::Changes))),
        }
    }

    /// Ids of the keys that we sign with ourselves: our own, and where we took a role that of the role.
    pub(crate) async fn own(&self) -> Result<Vec<String>> {
        let identity = &self.clients().await?.identity;
        let mut ids = Vec::new();
        for who in [&identity.own, &identity.us] {
            let read = who.provide_credentials().await.map_err(|_| {
                Error::unavailable("which access key is our own cannot be told now")
            })?;
            ids.push(read.access_key_id().to_owned());
        }
        Ok(ids)
    }

    /// For calls that name nothing but the user.
    fn nobody(&self, error: Error) -> Error {
        match error.kind {
            ErrorKind::NotFound => {
                Error::invalid(format!("there is no IAM user `{}`", self.options.user))
            }
            _ => error,
        }
    }
}

/// `None` where AWS leaves out what it always tells.
fn key(listed: AccessKeyMetadata) -> Option<Key> {
    let state = match listed.status? {
        StatusType::Active => CredentialState::Active,
        StatusType::Inactive | StatusType::Expired => CredentialState::Disabled,
        _ => CredentialState::Unknown,
    };
    Some(Key {
        id: listed.access_key_id?,
        state,
        made_ms: listed.create_date?.to_millis().ok()?,
    })
}

fn used(seen: GetAccessKeyLastUsedOutput) -> Use {
    let date = seen
        .access_key_last_used
        .and_then(|last| last.last_used_date);
    Use {
        user: seen.user_name.unwrap_or_default(),
        at_ms: date.and_then(|date| date.to_millis().ok()),
    }
}
