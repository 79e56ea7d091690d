//! The headers that say who we are.

use crate::login::{Login, same};
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_reference::Reference;
use reqwest::header::HeaderMap;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

/// Who we are, kept as long as the credential's text stays the same.
pub(crate) struct Identity {
    login: Login,
    base: PathBuf,
    built: Mutex<Option<(Option<SecretValue>, Credentials)>>,
}

impl Identity {
    pub(crate) fn new(reference: Option<&Reference>, plaintext: bool, base: &Path) -> Self {
        Self {
            login: Login::of(reference, plaintext),
            base: base.to_owned(),
            built: Mutex::new(None),
        }
    }

    /// The address of the account that our credential names, where it names one.
    pub(crate) async fn account(&self) -> Result<Option<String>> {
        let text = self.login.text(&self.base).await?;
        Ok(text.as_ref().and_then(crate::credentials::identity))
    }

    /// Of one call.
    ///
    /// # Errors
    /// `Denied`: nobody takes our credentials. `Unavailable`: whoever could is not reachable.
    pub(crate) async fn headers(&self) -> Result<HeaderMap> {
        let credentials = self.credentials().await?;
        let headers = credentials.headers(Default::default()).await;
        match headers {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
            Err(error) if error.is_transient() => Err(Error::unavailable(
                "who answers for our credentials cannot be asked now",
            )),
            Err(_) => Err(Error::denied(
                "our credentials are not taken: put others where `credentials` points",
            )),
        }
    }

    async fn credentials(&self) -> Result<Credentials> {
        let text = self.login.text(&self.base).await?;
        let mut built = self.built.lock().await;
        if let Some((from, known)) = built.as_ref()
            && same(from.as_ref(), text.as_ref())
        {
            return Ok(known.clone());
        }
        let credentials = self.login.credentials(text.as_ref())?;
        *built = Some((text, credentials.clone()));
        Ok(credentials)
    }
}
