//! The one way out to the vault and to where identities log in: bounded, to one origin, never redirected.

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, RetryOptions, Transport};
use azure_core::time::{OffsetDateTime, parse_rfc7231};
use azure_core::{Bytes, Error};
use futures_util::StreamExt as _;
use keywheel_contract::{Error as Refusal, Result};
use keywheel_http_client::{bounded, bounded_to, finished};
use reqwest::{Client, ClientBuilder, Url};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Largest answer that is read.
const LARGEST: usize = 4 * 1024 * 1024;

/// How far our clock is ahead of a server's, in seconds, as of its last answer.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<i64>>);

impl Clock {
    pub(crate) fn ahead_s(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, headers: &Headers) {
        let date = headers.get_optional_str(&HeaderName::from_static("date"));
        let Some(theirs) = date.and_then(|date| parse_rfc7231(date).ok()) else {
            return;
        };
        let ahead = OffsetDateTime::now_utc() - theirs;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead.whole_seconds());
    }
}

/// A client of one origin. The SDK follows links that the server sends, with our token: here only those that lead
/// back to it.
#[derive(Debug)]
struct Door {
    client: Client,
    /// None: wherever the SDK's own fixed addresses lead.
    only: Option<Url>,
    clock: Arc<Clock>,
}

#[async_trait]
impl HttpClient for Door {
    async fn execute_request(
        &self,
        request: &azure_core::http::Request,
    ) -> azure_core::Result<AsyncRawResponse> {
        let leads_away = |only: &Url| only.origin() != request.url().origin();
        if self.only.as_ref().is_some_and(leads_away) {
            let refusal = Refusal::unavailable(
                "the server sends us to another address, which is never followed",
            );
            return Err(Error::new(ErrorKind::Other, refusal));
        }
        let answer = self.client.execute_request(request).await?;
        self.clock.hear(answer.headers());
        let (status, headers, mut body) = answer.deconstruct();
        let mut whole = Zeroizing::new(Vec::with_capacity(room(&headers)));
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            if whole.len() + chunk.len() > LARGEST {
                let why = "the answer is larger than any of Key Vault";
                return Err(Error::with_message(ErrorKind::Io, why));
            }
            whole.extend_from_slice(&chunk);
        }
        // Copies of it share these bytes; the last one to go wipes them.
        let whole = Bytes::from_owner(whole);
        Ok(AsyncRawResponse::from_bytes(status, headers, whole))
    }
}

/// A buffer that grows would leave parts of a value behind in memory.
fn room(headers: &Headers) -> usize {
    let length = headers.get_optional_str(&HeaderName::from_static("content-length"));
    let length = length.and_then(|text| text.parse().ok());
    length.unwrap_or(64 * 1024).min(LARGEST)
}

/// How the SDK talks to this origin: as bounded here, and never twice by itself, for what is sent again blindly may
/// make a second version.
///
/// # Errors
/// `Invalid`: `ca_file` cannot be used.
pub(crate) fn to(
    origin: &Url,
    ca_file: Option<&Path>,
    clock: &Arc<Clock>,
) -> Result<ClientOptions> {
    let client = bounded_to(origin, ca_file)?;
    through(client, Some(origin.clone()), clock)
}

/// How the SDK asks this machine who it is: past every proxy.
///
/// # Errors
/// `Unavailable`: this machine offers no certificates to check TLS with.
pub(crate) fn to_this_machine() -> Result<ClientOptions> {
    through(bounded().no_proxy(), None, &Arc::default())
}

fn through(client: ClientBuilder, only: Option<Url>, clock: &Arc<Clock>) -> Result<ClientOptions> {
    let door = Door {
        client: finished(client.http1_only())?,
        only,
        clock: Arc::clone(clock),
    };
    Ok(ClientOptions {
        transport: Some(Transport::new(Arc::new(door))),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    })
}
