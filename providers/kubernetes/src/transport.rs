//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::{Access, KubernetesOptions};
use bytes::Bytes;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_http_client::{Effect, bounded_to, broken, finished, retry_after, whole};
use keywheel_reference::Reference;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it.
const SERVER: &str = "the API server";
/// Largest answer that is read: a page of 500 pods.
const LARGEST: usize = 32 * 1024 * 1024;

/// What came back. The body may hold values and is wiped when dropped.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// When the server wrote it, by its clock.
    pub(crate) date: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// How a body is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A whole object.
    Json,
    /// What we want to own; JSON is YAML too.
    Apply,
    /// RFC 7396: what is named is set, everything else stays.
    Merge,
}

impl Form {
    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Apply => "application/apply-patch+yaml",
            Self::Merge => "application/merge-patch+json",
        })
    }
}

/// The connection to one cluster, and who we are there.
pub(crate) struct Transport {
    client: Client,
    origin: Url,
    token: Reference,
    base: PathBuf,
}

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &KubernetesOptions, base: &Path) -> Result<Self> {
        let Access {
            origin,
            ca_file,
            token,
        } = options.access(|name| std::env::var(name).ok())?;
        let ca_file = ca_file.map(|file| base.join(file));
        let client = bounded_to(&origin, ca_file.as_deref())?;
        Ok(Self {
            client: finished(client.user_agent("keywheel"))?,
            origin,
            token,
            base: base.to_owned(),
        })
    }

    /// Asks for something, in the representation that `accept` names.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        accept: &'static str,
    ) -> Result<Answer> {
        let mut request = Request::new(Method::GET, self.url(path, query)?);
        let accept = HeaderValue::from_static(accept);
        request.headers_mut().insert(ACCEPT, accept);
        self.send(request, Effect::Reads).await
    }

    /// Sends a body.
    pub(crate) async fn put(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        (form, body): (Form, Zeroizing<Vec<u8>>),
        effect: Effect,
    ) -> Result<Answer> {
        let mut request = Request::new(method, self.url(path, query)?);
        // Wiped by its owner once it is sent.
        *request.body_mut() = Some(Bytes::from_owner(body).into());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, form.media_type());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        self.send(request, effect).await
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url> {
        let url = self.origin.join(path);
        let mut url = url.map_err(|_| Error::invalid("the request cannot be built"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn send(&self, mut request: Request, effect: Effect) -> Result<Answer> {
        sign(request.headers_mut(), &self.token.read(&self.base).await?)?;
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
