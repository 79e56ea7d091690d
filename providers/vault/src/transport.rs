//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::VaultOptions;
use bytes::Bytes;
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_http_client::{Effect, bounded_to, broken, finished, retry_after, whole};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Request, Response, Url};
use rustify::endpoint::Endpoint;
use rustify::enums::RequestMethod;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it.
const SERVER: &str = "the server";
/// Largest answer that is read.
const LARGEST: usize = 4 * 1024 * 1024;

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
        let origin = options.origin()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        Ok(Self {
            client: finished(bounded_to(&origin, ca_file.as_deref())?)?,
            origin,
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
        read(answer.map_err(|error| broken(SERVER, &error, effect))?)
            .await
            .map_err(|error| broken(SERVER, &error, effect))
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

async fn read(response: Response) -> reqwest::Result<Answer> {
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        body: whole(response, LARGEST).await?,
    })
}
