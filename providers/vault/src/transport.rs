//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::VaultOptions;
use bytes::Bytes;
use keywheel_contract::{Error, Result, SecretValue};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Request, Response, Url, redirect, retry};
use rustify::endpoint::Endpoint;
use rustify::enums::RequestMethod;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one call may take, from the name's resolution to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long connecting may take; what failed to connect was certainly not sent.
const CONNECTING: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const LARGEST: usize = 4 * 1024 * 1024;

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
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The connection to one server.
pub(crate) struct Transport {
    client: Client,
    origin: Url,
    namespace: Option<HeaderValue>,
}

impl Transport {
    /// # Errors
    /// `Invalid`: the address, the namespace or the file of authorities cannot be used.
    pub(crate) fn new(options: &VaultOptions, base: &Path) -> Result<Self> {
        let namespace = options.namespace.as_deref().map(HeaderValue::from_str);
        let namespace = namespace
            .transpose()
            .map_err(|_| Error::invalid("the namespace has a character that no header may hold"))?;
        Ok(Self {
            client: client(options, base)?,
            origin: options.origin()?,
            namespace,
        })
    }

    /// Sends the request of `vaultrs`, or one of ours, as this token.
    pub(crate) async fn send<E: Endpoint>(
        &self,
        endpoint: &E,
        token: Option<&SecretValue>,
        effect: Effect,
    ) -> Result<Answer> {
        let request = self.request(endpoint, token)?;
        let answer = self.client.execute(request).await;
        read(answer.map_err(|error| broken(&error, effect))?)
            .await
            .map_err(|error| broken(&error, effect))
    }

    fn request<E: Endpoint>(&self, endpoint: &E, token: Option<&SecretValue>) -> Result<Request> {
        let unsendable = || Error::invalid("the request cannot be built");
        let made = endpoint.request(self.origin.as_str());
        let (parts, body) = made.map_err(|_| unsendable())?.into_parts();
        // Wiped by its owner once it is sent.
        let body = Bytes::from_owner(Zeroizing::new(body));
        let target = parts.uri.path_and_query().map(ToString::to_string);
        let target = format!("/v1{}", target.ok_or_else(unsendable)?);
        let url = self.origin.join(&target).map_err(|_| unsendable())?;
        let mut request = Request::new(parts.method, url);
        self.head(request.headers_mut(), &endpoint.method(), token)?;
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    fn head(
        &self,
        headers: &mut HeaderMap,
        method: &RequestMethod,
        token: Option<&SecretValue>,
    ) -> Result<()> {
        let content = match method {
            RequestMethod::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        headers.insert("X-Vault-Request", HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            headers.insert("X-Vault-Namespace", namespace.clone());
        }
        if let Some(token) = token {
            let header = HeaderValue::from_bytes(token.expose_secret());
            let mut header = header
                .map_err(|_| Error::invalid("the token has a character that no header may hold"))?;
            header.set_sensitive(true);
            headers.insert("X-Vault-Token", header);
        }
        Ok(())
    }
}

/// Never redirected and never sent twice by itself: both could carry a token or a value where it must not go.
fn client(options: &VaultOptions, base: &Path) -> Result<Client> {
    let mut client = Client::builder()
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
    let after = response.headers().get(RETRY_AFTER);
    let after = after.and_then(|text| text.to_str().ok()?.trim().parse().ok());
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
        body,
    })
}

fn broken(error: &reqwest::Error, effect: Effect) -> Error {
    let why = match error {
        error if error.is_connect() => "cannot be connected to",
        error if error.is_timeout() => "did not answer in time",
        _ => "broke the connection",
    };
    let message = format!("the server {why}");
    match effect {
        Effect::Changes if !error.is_connect() => Error::unknown_outcome(message),
        _ => Error::unavailable(message),
    }
}
