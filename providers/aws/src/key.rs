//! An access key by reference, as the SDK asks for it.

use crate::options::AccessKey;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use keywheel_contract::{Error, ErrorKind, Result};
use keywheel_reference::Reference;
use std::path::{Path, PathBuf};

/// Reads the key whenever it is needed.
#[derive(Debug)]
pub(crate) struct KeyReader {
    key: AccessKey,
    base: PathBuf,
}

/// Why the key could not be read; travels through the SDK and back.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) Error);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unreadable {}

impl KeyReader {
    pub(crate) fn new(key: AccessKey, base: &Path) -> Self {
        Self {
            key,
            base: base.to_owned(),
        }
    }

    async fn read(&self) -> Result<Credentials> {
        let id = self.text(&self.key.id).await?;
        let secret = self.text(&self.key.secret).await?;
        let token = match &self.key.session_token {
            Some(token) => Some(self.text(token).await?),
            None => None,
        };
        Ok(Credentials::new(id, secret, token, None, "keywheel"))
    }

    async fn text(&self, part: &Reference) -> Result<String> {
        let value = part.read(&self.base).await?;
        let text = value.expose_secret_str().map(str::to_owned);
        text.ok_or_else(|| Error::invalid(format!("{part} is not text")))
    }
}

impl ProvideCredentials for KeyReader {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.read().await.map_err(|error| match error.kind {
                ErrorKind::Invalid => CredentialsError::invalid_configuration(Unreadable(error)),
                _ => CredentialsError::provider_error(Unreadable(error)),
            })
        })
    }
}
