//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::DopplerOptions;
use bytes::Bytes;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_reference::Reference;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Request, Response, Url, redirect, retry};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one call may take, from the name's resolution to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long connecting may take; what failed to connect was certainly not sent.
const CONNECTING: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const LARGEST: usize = 8 * 1024 * 1024;

/// Whether a call changes something there: only then a lost answer is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

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
        Ok(Self {
            client: client(options, base)?,
            origin: options.origin()?,
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
        read(answer.map_err(|error| broken(&error, effect))?)
            .await
            .map_err(|error| broken(&error, effect))
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

/// Never redirected and never sent twice by itself: both could carry a token or a value where it must not go.
fn client(options: &DopplerOptions, base: &Path) -> Result<Client> {
    let mut client = Client::builder()
        .user_agent("keywheel")
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(CONNECTING)
        .timeout(PATIENCE);
    if options.origin()?.scheme() == "http" {
        client = client.no_proxy();
    }
    if let Some(file) = &options.ca_file {
        client = client.tls_certs_merge(authorities(&base.join(file))?);
    }
    client
        .build()
        .map_err(|_| Error::unavailable("this machine offers no certificates to check TLS with"))
}

fn authorities(file: &Path) -> Result<Vec<Certificate>> {
    let wrong = |why: &str| Error::invalid(format!("`ca_file` {} {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong("holds no certificate in PEM form")),
    }
}

async fn read(mut response: Response) -> reqwest::Result<Answer> {
    let header = |name| {
        let text: Option<&HeaderValue> = response.headers().get(name);
        text.and_then(|text| text.to_str().ok()).map(str::to_owned)
    };
    let after = header(RETRY_AFTER).and_then(|text| text.trim().parse().ok());
    let date = header(DATE);
    let status = response.status().as_u16();
    let known = response.content_length().unwrap_or(0);
    let room = usize::try_from(known).unwrap_or(0).min(LARGEST);
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            // What is cut off does not parse, and is refused by whoever reads it.
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        retry_after: after.map(Duration::from_secs),
        date,
        body,
    })
}

fn broken(error: &reqwest::Error, effect: Effect) -> Error {
    let why = match error {
        error if error.is_connect() => "cannot be connected to",
        error if error.is_timeout() => "did not answer in time",
        _ => "broke the connection",
    };
    let message = format!("Doppler {why}");
    match effect {
        Effect::Changes if !error.is_connect() => Error::unknown_outcome(message),
        _ => Error::unavailable(message),
    }
}
