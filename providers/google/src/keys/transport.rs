//! Sends one request to the interface that administers accounts, and hands back what the answer says.

use super::identity::Identity;
use super::options::ServiceKeyOptions;
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, Result};
use keywheel_http_client::{Effect, bounded_to, broken, finished, retry_after, whole};
use reqwest::header::DATE;
use reqwest::{Client, Method, Request, Response, Url};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it.
const SERVER: &str = "Google's IAM";
/// Largest answer that is read: an account has a few keys.
const LARGEST: usize = 1024 * 1024;

/// What came back; no private key is ever in it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// When the server wrote it, by its clock; by ours where it does not say.
    pub(crate) now: DateTime<Utc>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The connection, and who we are there.
pub(crate) struct Transport {
    client: Client,
    root: Url,
    pub(crate) identity: Identity,
}

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &ServiceKeyOptions, base: &Path) -> Result<Self> {
        let root = options.endpoint_url()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let client = bounded_to(&root, ca_file.as_deref())?;
        let plaintext = root.scheme() == "http";
        Ok(Self {
            client: finished(client.user_agent("keywheel"))?,
            identity: Identity::new(options.credentials.as_ref(), plaintext, base),
            root,
        })
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Request::new(Method::GET, url), Effect::Reads)
            .await
    }

    /// Sends JSON that changes something.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.client.post(self.url(path)?).json(body).build();
        let request = request.map_err(|_| Error::invalid("the request cannot be built"))?;
        self.send(request, Effect::Changes).await
    }

    /// Takes something away.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer> {
        let request = Request::new(Method::DELETE, self.url(path)?);
        self.send(request, Effect::Changes).await
    }

    fn url(&self, path: &str) -> Result<Url> {
        let url = self.root.join(&format!("/v1/{path}"));
        url.map_err(|_| Error::invalid("the request cannot be built"))
    }

    async fn send(&self, mut request: Request, effect: Effect) -> Result<Answer> {
        let who = self.identity.headers().await?;
        request.headers_mut().extend(who);
        let answer = self.client.execute(request).await;
        read(answer.map_err(|error| broken(SERVER, &error, effect))?)
            .await
            .map_err(|error| broken(SERVER, &error, effect))
    }
}

async fn read(response: Response) -> reqwest::Result<Answer> {
    let date = response.headers().get(DATE);
    let date = date.and_then(|text| text.to_str().ok());
    let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        now: date.map_or_else(Utc::now, |date| date.to_utc()),
        body: whole(response, LARGEST).await?,
    })
}
