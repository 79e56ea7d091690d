//! The certificate of ours that a connection shows, where the pack says so.

use crate::pack::Tls;
use crate::service::Service;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_http_client::{Effect, broken, broken_showing, refused, showing};
use reqwest::{Client, ClientBuilder};

/// A certificate with its private key, as they are now.
pub(crate) struct Shown {
    /// The way to say who asks that has it.
    pub(crate) way: String,
    names: Tls,
    certificate: SecretValue,
    key: SecretValue,
}

impl Shown {
    /// Whether it is the same.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.certificate.matches(&other.certificate) && self.key.matches(&other.key)
    }

    /// Copies the values too, asked for by name.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            way: self.way.clone(),
            names: self.names.clone(),
            certificate: self.certificate.duplicate(),
            key: self.key.duplicate(),
        }
    }

    /// A client that shows it.
    ///
    /// # Errors
    /// `Invalid`: they are no certificate and key, or do not belong together.
    pub(crate) fn client(&self, client: ClientBuilder) -> Result<Client> {
        showing(client, &self.certificate, &self.key)
            .map_err(|error| Error::new(error.kind, format!("{}: {}", self.names(), error.message)))
    }

    fn names(&self) -> String {
        let Tls { certificate, key } = &self.names;
        format!("`credentials.{certificate}` and `credentials.{key}`")
    }
}

impl Service {
    /// What the connection of whoever asks so shows; the same for the test of a credential, which shows itself beside it.
    ///
    /// # Errors
    /// What it refers to cannot be read.
    pub(crate) async fn shown(&self, auth: &str) -> Result<Option<Shown>> {
        let Some(tls) = self.pack.auth.get(auth).and_then(|way| way.tls.as_ref()) else {
            return Ok(None);
        };
        Ok(Some(Shown {
            way: auth.to_owned(),
            certificate: self.own(&tls.certificate).await?,
            key: self.own(&tls.key).await?,
            names: tls.clone(),
        }))
    }
}

/// The error of a call without an answer. Where the service refused the connection for its certificate, or for having
/// none, it says what to do.
pub(crate) fn lost(
    server: &str,
    error: &reqwest::Error,
    effect: Effect,
    shown: Option<&Shown>,
) -> Error {
    let told = match shown {
        Some(_) => broken_showing(server, error, effect),
        None => broken(server, error, effect),
    };
    if refused(error).is_none() {
        return told;
    }
    let what = match shown {
        Some(shown) => format!("put one that it takes where {} point", shown.names()),
        None => "let the pack's `auth` say `tls`, and give it a certificate".to_owned(),
    };
    Error::new(told.kind, format!("{}: {what}", told.message))
}
