//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::DopplerOptions;
use bytes::Bytes;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_http_client::{Effect, bounded_to, broken, finished, retry_after, whole};
use keywheel_reference::Reference;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it.
const SERVER: &str = "Doppler";
/// Largest answer that is read.
const LARGEST: usize = 8 * 1024 * 1024;

/// What came back. The body may hold values and is wiped when dropped.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// When the server wrote it, by its clock.
    pub(crate) date: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The connection to the service, and who we are there.
pub(crate) struct Transport {
    client: Client,
    origin: Url,
    token: Reference,
    base: PathBuf,
}

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &DopplerOptions, base: &Path) -> Result<Self> {
        let origin = options.origin()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let client = bounded_to(&origin, ca_file.as_deref())?;
        Ok(Self {
            client: finished(client.user_agent("keywheel"))?,
            origin,
            token: options.token.clone(),
            base: base.to_owned(),
        })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        self.origin.host_str().unwrap_or_default()
    }

    /// Our token, as it is now.
    pub(crate) async fn token(&self) -> Result<SecretValue> {
        self.token.read(&self.base).await
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let request = Request::new(Method::GET, url);
        self.send(request, Effect::Reads).await
    }

    /// Sends JSON that changes something.
    pub(crate) async fn post(&self, path: &str, body: Zeroizing<Vec<u8>>) -> Result<Answer> {
        let mut request = Request::new(Method::POST, self.url(path)?);
        // Wiped by its owner once it is sent.
        *request.body_mut() = Some(Bytes::from_owner(body).into());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        self.send(request, Effect::Changes).await
    }

    fn url(&self, path: &str) -> Result<Url> {
        let url = self.origin.join(path);
        url.map_err(|_| Error::invalid("the request cannot be built"))
    }

    async fn send(&self, mut request: Request, effect: Effect) -> Result<Answer> {
        sign(request.headers_mut(), &self.token().await?)?;
        let answer = self.client.execute(request).await;
        read(answer.map_err(|error| broken(SERVER, &error, effect))?)
            .await
            .map_err(|error| broken(SERVER, &error, effect))
    }
}

fn sign(headers: &mut HeaderMap, token: &SecretValue) -> Result<()> {
    let mut text = Zeroizing::new(Vec::with_capacity(7 + token.len()));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(token.expose_secret());
    let header = HeaderValue::from_bytes(&text);
    let mut header =
        header.map_err(|_| Error::invalid("the token has a character that no header may hold"))?;
    header.set_sensitive(true);
    headers.insert(AUTHORIZATION, header);
    Ok(())
}

async fn read(response: Response) -> reqwest::Result<Answer> {
    let date = response.headers().get(DATE);
    let date = date.and_then(|text| text.to_str().ok()).map(str::to_owned);
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        date,
        body: whole(response, LARGEST).await?,
    })
}
