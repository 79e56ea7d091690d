//! One allowed address, and requests to it that cannot be led elsewhere or flooded.

use super::{
    bearer, failure,
    reach::{Reach, Scope},
};
use crate::config::{is_this_machine, never_called};
use crate::inventory::Reference;
use keywheel_contract::{Error, Result};
use reqwest::{Client, Response, header::AUTHORIZATION};
use serde::Serialize;
use std::time::Duration;
use url::{Host, Url};
use zeroize::Zeroizing;

/// Longest answer read, in bytes. What is read is never stored nor shown.
const LONGEST: usize = 8 * 1024;

/// An address of the allow-list with the token to show there.
pub(super) struct Endpoint {
    url: Url,
    /// The address in messages: without its query, which may hold what nobody should read.
    shown: String,
    bearer: Option<Reference>,
    client: Client,
    patience: Duration,
}

impl Endpoint {
    /// Takes the address where `reach` allows it.
    ///
    /// # Errors
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): not an http or https address, or one with a
    /// password in it. [`Denied`](keywheel_contract::ErrorKind::Denied): not an allowed host.
    pub(super) fn new(url: &str, bearer: Option<&Reference>, reach: &Reach) -> Result<Self> {
        let url = Url::parse(url).map_err(|why| {
            Error::invalid(format!("the address of a consumer cannot be read: {why}"))
        })?;
        let scope = scope(&url)?;
        check_host(&url, scope, reach)?;
        Ok(Self {
            shown: shown(&url),
            url,
            bearer: bearer.cloned(),
            client: reach.client(scope),
            patience: reach.patience(),
        })
    }

    /// The address for messages.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether the address means another process on every machine.
    pub(super) fn host_bound(&self) -> bool {
        let host = self.url.host();
        self.url.scheme() == "http" || host.is_some_and(|host| is_this_machine(&host))
    }

    /// Posts `body` as JSON; the answer's status is all that counts.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable),
    /// [`Denied`](keywheel_contract::ErrorKind::Denied),
    /// [`Throttled`](keywheel_contract::ErrorKind::Throttled), and those of the token.
    pub(super) async fn tell(&self, body: &impl Serialize) -> Result<()> {
        self.post(body).await.map(drop)
    }

    /// Posts `body` as JSON and reads at most 8 KiB of the answer.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub(super) async fn ask(&self, body: &impl Serialize) -> Result<Zeroizing<Vec<u8>>> {
        let response = self.post(body).await?;
        self.read(response).await
    }

    async fn post(&self, body: &impl Serialize) -> Result<Response> {
        let mut request = self
            .client
            .post(self.url.clone())
            .timeout(self.patience)
            .json(body);
        if let Some(reference) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer::header(reference).await?);
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        match failure::of_status(&self.shown, response.status(), response.headers()) {
            Some(error) => Err(error),
            None => Ok(response),
        }
    }

    async fn read(&self, mut response: Response) -> Result<Zeroizing<Vec<u8>>> {
        let mut body = Zeroizing::new(Vec::with_capacity(LONGEST));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failed(&error))?
        {
            if body.len() + chunk.len() > LONGEST {
                return Err(Error::unavailable(format!(
                    "{} answers with more than 8 KiB, which no handshake needs",
                    self.shown
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        failure::of_request(&self.shown, self.patience, error)
    }
}

fn scope(url: &Url) -> Result<Scope> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid(
            "the address of a consumer has a user or password in it: use `bearer` with a reference",
        ));
    }
    match url.scheme() {
        "https" => Ok(Scope::Anywhere),
        "http" => Ok(Scope::Loopback),
        other => Err(Error::invalid(format!(
            "a consumer is reached over https, or http on this machine, not over `{other}`"
        ))),
    }
}

/// Names are checked here and their addresses when they are used; an address as such is checked here.
fn check_host(url: &Url, scope: Scope, reach: &Reach) -> Result<()> {
    let host = url
        .host()
        .ok_or_else(|| Error::invalid("the address of a consumer has no host"))?;
    if !reach.hosts().allow(&host) {
        return Err(Error::denied(format!(
            "{host} is not an allowed host of {environment}: add it to `hosts.{environment}` in keywheel.toml",
            environment = reach.environment()
        )));
    }
    match host {
        Host::Domain(name) if never_called(&host).is_some() => Err(Error::denied(format!(
            "{name} is a metadata service: such hosts are never spoken to"
        ))),
        Host::Domain(_) => Ok(()),
        Host::Ipv4(address) => scope.check(&host.to_string(), address.into()),
        Host::Ipv6(address) => scope.check(&host.to_string(), address.into()),
    }
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}
