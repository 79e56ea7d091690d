//! Sends one request and hands back what the answer says; keeps tokens and bodies out of sight.

use crate::options::GithubOptions;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, Result};
use keywheel_http_client::{Effect, Server};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How messages name it, and the largest answer that is read: a page of an organization's repositories.
const SERVER: (&str, usize) = ("GitHub", 8 * 1024 * 1024);
/// The version of the interface that is spoken.
const VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-github-api-version"),
    HeaderValue::from_static("2022-11-28"),
);
const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long we are asked to wait, by whichever header says so.
    pub(crate) wait: Option<Duration>,
    /// When the server wrote it, by its clock.
    pub(crate) date: Option<DateTime<Utc>>,
    /// The rights of a classic token; other tokens have no such list.
    pub(crate) scopes: Option<String>,
    /// When the token ends, where it does.
    pub(crate) expires: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl From<keywheel_http_client::Answer> for Answer {
    fn from(answer: keywheel_http_client::Answer) -> Self {
        let text = |name: &str| answer.header(name).map(str::to_owned);
        let date = answer.date();
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let date = date.map(|date| date.to_utc());
        let wait = answer.retry_after();
        Self {
            status: answer.status,
            wait: wait.or_else(|| until_reset(&answer.headers, date)),
            date,
            scopes: text("x-oauth-scopes"),
            expires: text("github-authentication-token-expiration"),
            body: answer.body,
        }
    }
}

/// The connection to the service, and who we are there.
pub(crate) struct Transport(Server);

impl Transport {
    /// # Errors
    /// `Invalid`: the address or the file of authorities cannot be used.
    pub(crate) fn new(options: &GithubOptions, base: &Path) -> Result<Self> {
        let who = (options.token.clone(), base);
        Server::new(SERVER, options.root()?, options.ca_file.as_deref(), who).map(Self)
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        self.0.host()
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Request::new(Method::GET, url), Effect::Reads)
            .await
    }

    /// Sends JSON that changes something.
    pub(crate) async fn put(&self, path: &[&str], body: Vec<u8>) -> Result<Answer> {
        let mut request = Request::new(Method::PUT, self.url(path)?);
        *request.body_mut() = Some(Bytes::from(body).into());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        self.send(request, Effect::Changes).await
    }

    /// Each part is encoded, whatever it holds.
    fn url(&self, path: &[&str]) -> Result<Url> {
        let mut url = self.0.origin().clone();
        match url.path_segments_mut() {
            Ok(mut parts) => drop(parts.pop_if_empty().extend(path)),
            Err(()) => return Err(Error::invalid("the request cannot be built")),
        }
        Ok(url)
    }

    async fn send(&self, mut request: Request, effect: Effect) -> Result<Answer> {
        let headers = request.headers_mut();
        headers.insert(VERSION.0, VERSION.1);
        headers.insert(ACCEPT, JSON);
        Ok(self.0.send(request, effect).await?.into())
    }
}

/// Until there are calls again, where there are none: the time of day is the server's.
fn until_reset(headers: &HeaderMap, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    if number("x-ratelimit-remaining")? > 0 {
        return None;
    }
    let now = date.unwrap_or_else(Utc::now).timestamp();
    let seconds = number("x-ratelimit-reset")?.saturating_sub(now).max(1);
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::until_reset;
    use chrono::DateTime;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use std::time::Duration;

    #[test]
    fn calls_used_up_are_waited_for_until_there_are_more() {
        let headers = |remaining: &'static str| {
            let pairs = [
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", "1000"),
            ];
            let pair = |(name, text)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(text),
                )
            };
            pairs.map(pair).into_iter().collect::<HeaderMap>()
        };
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        assert_eq!(
            until_reset(&headers("0"), at(940)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            until_reset(&headers("0"), at(2000)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(until_reset(&headers("7"), at(940)), None);
        assert_eq!(until_reset(&HeaderMap::new(), at(940)), None);
    }
}
