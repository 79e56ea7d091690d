//! One server that knows us by a bearer token.

use crate::{Effect, bounded_to, broken, finished, retry_after, whole};
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_reference::Reference;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, Request, Url};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// An answer, read to its end. The body may hold values and is wiped when dropped.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// How long we are asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }

    /// When the server wrote it, by its clock.
    pub fn date(&self) -> Option<&str> {
        self.header(DATE.as_str())
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A server, and who we are there. The token is read anew for each request.
pub struct Server {
    /// How messages name it.
    name: &'static str,
    /// Longest body that is read, in bytes.
    largest: usize,
    client: Client,
    origin: Url,
    token: Reference,
    base: PathBuf,
}

impl Server {
    /// A server that messages call `name`, whose answers have `largest` bytes at most. Relative paths count from `base`.
    ///
    /// # Errors
    /// `Invalid`: `ca_file` cannot be used. `Unavailable`: this machine offers no certificates to check TLS with.
    pub fn new(
        (name, largest): (&'static str, usize),
        origin: Url,
        ca_file: Option<&Path>,
        (token, base): (Reference, &Path),
    ) -> Result<Self> {
        let ca_file = ca_file.map(|file| base.join(file));
        let client = bounded_to(&origin, ca_file.as_deref())?;
        Ok(Self {
            name,
            largest,
            client: finished(client.user_agent("keywheel"))?,
            origin,
            token,
            base: base.to_owned(),
        })
    }

    /// The address that paths are joined to.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The host that is called.
    pub fn host(&self) -> &str {
        self.origin.host_str().unwrap_or_default()
    }

    /// An address below the origin, with what is asked for there.
    ///
    /// # Errors
    /// `Invalid`: `path` is no path.
    pub fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url> {
        let url = self.origin.join(path);
        let mut url = url.map_err(|_| Error::invalid("the request cannot be built"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Our token, as it is now.
    ///
    /// # Errors
    /// `Invalid` or `Denied`: what it refers to cannot be read.
    pub async fn token(&self) -> Result<SecretValue> {
        self.token.read(&self.base).await
    }

    /// Sends one request with our token, once.
    ///
    /// # Errors
    /// As [`broken`] says it for this `effect`; `Invalid`: the token cannot be sent.
    pub async fn send(&self, mut request: Request, effect: Effect) -> Result<Answer> {
        let lost = |error: reqwest::Error| broken(self.name, &error, effect);
        let header = bearer(&self.token().await?)?;
        request.headers_mut().insert(AUTHORIZATION, header);
        let answer = self.client.execute(request).await.map_err(lost)?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: whole(answer, self.largest).await.map_err(lost)?,
        })
    }
}

fn bearer(token: &SecretValue) -> Result<HeaderValue> {
    let mut text = Zeroizing::new(Vec::with_capacity(7 + token.len()));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(token.expose_secret());
    let header = HeaderValue::from_bytes(&text);
    let mut header =
        header.map_err(|_| Error::invalid("the token has a character that no header may hold"))?;
    header.set_sensitive(true);
    Ok(header)
}
