//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::DopplerOptions;
use bytes::Bytes;
use keywheel_contract::{Result, SecretValue};
use keywheel_http_client::{Effect, Server};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it, and the largest answer that is read.
const SERVER: (&str, usize) = ("Doppler", 8 * 1024 * 1024);

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

/// The connection to the service, and who we are there.
pub(crate) struct Transport(Server);

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &DopplerOptions, base: &Path) -> Result<Self> {
        let who = (options.token.clone(), base);
        Server::new(SERVER, options.origin()?, options.ca_file.as_deref(), who).map(Self)
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        self.0.host()
    }

    /// Our token, as it is now.
    pub(crate) async fn token(&self) -> Result<SecretValue> {
        self.0.token().await
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let request = Request::new(Method::GET, self.0.url(path, query)?);
        Ok(self.0.send(request, Effect::Reads).await?.into())
    }

    /// Sends JSON that changes something.
    pub(crate) async fn post(&self, path: &str, body: Zeroizing<Vec<u8>>) -> Result<Answer> {
        let mut request = Request::new(Method::POST, self.0.url(path, &[])?);
        // Wiped by its owner once it is sent.
        *request.body_mut() = Some(Bytes::from_owner(body).into());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Ok(self.0.send(request, Effect::Changes).await?.into())
    }
}
