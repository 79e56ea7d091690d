//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::{Access, KubernetesOptions};
use bytes::Bytes;
use keywheel_contract::Result;
use keywheel_http_client::{Effect, Server};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it, and the largest answer that is read: a page of 500 pods.
const SERVER: (&str, usize) = ("the API server", 32 * 1024 * 1024);

/// What came back. The body may hold values and is wiped when dropped.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// When the server wrote it, by its clock.
    pub(crate) date: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl From<keywheel_http_client::Answer> for Answer {
    fn from(answer: keywheel_http_client::Answer) -> Self {
        Self {
            status: answer.status,
            retry_after: answer.retry_after(),
            date: answer.date().map(str::to_owned),
            body: answer.body,
        }
    }
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
pub(crate) struct Transport(Server);

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &KubernetesOptions, base: &Path) -> Result<Self> {
        let Access {
            origin,
            ca_file,
            token,
        } = options.access(|name| std::env::var(name).ok())?;
        Server::new(SERVER, origin, ca_file.as_deref(), (token, base)).map(Self)
    }

    /// Asks for something, in the representation that `accept` names.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        accept: &'static str,
    ) -> Result<Answer> {
        let mut request = Request::new(Method::GET, self.0.url(path, query)?);
        let accept = HeaderValue::from_static(accept);
        request.headers_mut().insert(ACCEPT, accept);
        Ok(self.0.send(request, Effect::Reads).await?.into())
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
        let mut request = Request::new(method, self.0.url(path, query)?);
        // Wiped by its owner once it is sent.
        *request.body_mut() = Some(Bytes::from_owner(body).into());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, form.media_type());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(self.0.send(request, effect).await?.into())
    }
}
