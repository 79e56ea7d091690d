//! Sends one request and hands back what the answer says; keeps credentials and bodies out of sight.

use crate::body::Body;
use crate::certificate::{Shown, lost};
use crate::verdict::Answer;
use chrono::{DateTime, Utc};
use keywheel_contract::Result;
use keywheel_http_client::{Effect, bounded_to, finished, retry_after, whole};
use reqwest::header::{DATE, HeaderMap, LINK};
use reqwest::{Client, ClientBuilder, Request, Response, Url};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest answer that is read.
const LARGEST: usize = 8 * 1024 * 1024;

/// The connection to one service.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
    base: Url,
    ca_file: Option<PathBuf>,
    /// Those that show a certificate of ours, by the way to say who asks: connections are never shared between two.
    showing: Arc<Mutex<BTreeMap<String, (Shown, Client)>>>,
}

impl Transport {
    /// # Errors
    /// `Invalid`: the file of authorities cannot be used.
    pub(crate) fn new(base: &Url, ca_file: Option<&Path>) -> Result<Self> {
        Ok(Self {
            client: finished(built(base, ca_file)?)?,
            base: base.clone(),
            ca_file: ca_file.map(Path::to_owned),
            showing: Arc::default(),
        })
    }

    /// Sends it over a connection that shows this certificate of ours, where the service asks for one.
    ///
    /// # Errors
    /// `Invalid`: it is none. `Denied`: the service refuses it. Else there is no answer; see [`lost`].
    pub(crate) async fn send(
        &self,
        request: Request,
        effect: Effect,
        shown: Option<Shown>,
    ) -> Result<Answer> {
        let server = self.base.host_str().unwrap_or_default();
        let client = self.client(shown.as_ref())?;
        let none = |error: reqwest::Error| lost(server, &error, effect, shown.as_ref());
        let answer = client.execute(request).await.map_err(none)?;
        read(answer).await.map_err(none)
    }

    /// Where nothing is encrypted nothing is shown: a pack's contract is played so. Options that say so are refused.
    fn client(&self, shown: Option<&Shown>) -> Result<Client> {
        let Some(shown) = shown.filter(|_| self.base.scheme() == "https") else {
            return Ok(self.client.clone());
        };
        let mut kept = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, client)) = kept.get(&shown.way)
            && before.matches(shown)
        {
            return Ok(client.clone());
        }
        let client = shown.client(built(&self.base, self.ca_file.as_deref())?)?;
        kept.insert(shown.way.clone(), (shown.duplicate(), client.clone()));
        Ok(client)
    }
}

fn built(base: &Url, ca_file: Option<&Path>) -> Result<ClientBuilder> {
    Ok(bounded_to(base, ca_file)?.user_agent("keywheel"))
}

async fn read(response: Response) -> reqwest::Result<Answer> {
    let status = response.status().as_u16();
    let (retry_after, next) = (retry_after(response.headers()), next(response.headers()));
    let spent = is_spent(response.headers());
    let clock = ahead(response.headers(), Utc::now());
    let body = whole(response, LARGEST).await?;
    Ok(Answer {
        status,
        retry_after,
        spent,
        clock,
        next,
        empty: body.is_empty(),
        body: Body::parse(&body),
    })
}

fn is_spent(headers: &HeaderMap) -> bool {
    headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left == "0")
}

/// By how many seconds the service's clock is ahead of ours, by its header `Date`.
fn ahead(headers: &HeaderMap, now: DateTime<Utc>) -> Option<i64> {
    let theirs = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(theirs.timestamp() - now.timestamp())
}

/// `<address>; rel="next"` among the links (RFC 8288).
fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers
        .get_all(LINK)
        .iter()
        .filter_map(|link| link.to_str().ok());
    let mut links = links.flat_map(|link| link.split(','));
    links.find_map(|link| {
        let (address, more) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = more
            .split(';')
            .any(|one| one.trim().replace('"', "") == "rel=next");
        is_next.then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{ahead, is_spent, next};
    use chrono::DateTime;
    use reqwest::header::{DATE, HeaderMap, LINK};

    #[test]
    fn the_next_page_is_the_link_that_says_so() {
        let mut headers = HeaderMap::new();
        let links = "<https://h/a?page=1>; rel=\"prev\", <https://h/a?page=3>; rel=\"next\"";
        headers.insert(LINK, links.parse().unwrap());
        assert_eq!(next(&headers).as_deref(), Some("https://h/a?page=3"));
        headers.insert(LINK, "<https://h/a?page=1>; rel=\"first\"".parse().unwrap());
        assert_eq!(next(&headers), None);
    }

    #[test]
    fn a_clock_is_compared_by_the_date_that_is_said() {
        let now = DateTime::from_timestamp(784_887_151, 0).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(ahead(&headers, now), None);
        // The dates in RFC 9110, sections 5.6.7 and 6.6.1.
        for (date, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(-775_374)),
            ("Tue, 15 Nov 1994 08:12:31 GMT", Some(0)),
            ("soon", None),
        ] {
            headers.insert(DATE, date.parse().unwrap());
            assert_eq!(ahead(&headers, now), seconds, "{date}");
        }
    }

    #[test]
    fn no_call_is_left_only_where_it_is_said() {
        let mut headers = HeaderMap::new();
        assert!(!is_spent(&headers));
        for (left, spent) in [("0", true), ("1", false)] {
            headers.insert("x-ratelimit-remaining", left.parse().unwrap());
            assert_eq!(is_spent(&headers), spent, "{left}");
        }
    }
}
