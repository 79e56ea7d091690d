//! The official client, built when it is first needed and again when the credential's text changes.

use crate::credentials;
use crate::login::{Login, same};
use crate::options::GoogleOptions;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use keywheel_contract::{Error, Result, SecretValue};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long one call may take, with its access token.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Turns on the client's own logging, which prints payloads.
const LOGGING: &str = "GOOGLE_CLOUD_RUST_LOGGING";

pub(crate) struct Client {
    endpoint: String,
    login: Login,
    base: PathBuf,
    built: Mutex<Option<Built>>,
}

struct Built {
    from: Option<SecretValue>,
    service: SecretManagerService,
}

impl Client {
    /// Nothing is read or called yet.
    pub(crate) fn new(options: &GoogleOptions, base: &Path) -> Result<Self> {
        let endpoint = options.endpoint_url()?;
        let plaintext = endpoint.scheme() == "http";
        let login = Login::of(options.credentials.as_ref(), plaintext);
        Ok(Self {
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            login,
            base: base.to_owned(),
            built: Mutex::new(None),
        })
    }

    /// The client for one call. It never repeats a call by itself.
    pub(crate) async fn service(&self) -> Result<SecretManagerService> {
        let text = self.login.text(&self.base).await?;
        let mut built = self.built.lock().await;
        if let Some(known) = built.as_ref()
            && same(known.from.as_ref(), text.as_ref())
        {
            return Ok(known.service.clone());
        }
        let service = self.build(text.as_ref()).await?;
        *built = Some(Built {
            from: text,
            service: service.clone(),
        });
        Ok(service)
    }

    /// Whom we are known as, where that can be told without asking.
    pub(crate) async fn identity(&self) -> Result<Option<String>> {
        Ok(match &self.login {
            Login::Nobody => Some("anonymous".to_owned()),
            Login::Environment => None,
            Login::Text(_) => {
                let text = self.login.text(&self.base).await?;
                text.as_ref().and_then(credentials::identity)
            }
        })
    }

    async fn build(&self, text: Option<&SecretValue>) -> Result<SecretManagerService> {
        if std::env::var_os(LOGGING).is_some_and(|on| on == "true") {
            return Err(Error::invalid(format!(
                "{LOGGING} is set, with which Google's client logs secret values: unset it"
            )));
        }
        SecretManagerService::builder()
            .with_endpoint(&self.endpoint)
            .with_credentials(self.login.credentials(text)?)
            .with_retry_policy(NeverRetry)
            .with_attempt_timeout(PATIENCE)
            .build()
            .await
            .map_err(|_| Error::unavailable("Google's client cannot be set up now"))
    }
}
