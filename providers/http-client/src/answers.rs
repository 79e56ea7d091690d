//! What comes back of a call: an answer, or none.

use crate::certificate::refused;
use keywheel_contract::Error;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;
use zeroize::Zeroizing;

/// Whether a call changes something there: only then a lost answer is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It can be sent again.
    Reads,
    /// It may have been done.
    Changes,
}

/// The body, wiped when dropped: it may hold values. At most `largest` bytes: what is cut off does not parse, and is
/// refused by whoever reads it.
///
/// # Errors
/// The connection broke, or the time was over; see [`broken`].
pub async fn whole(mut response: Response, largest: usize) -> reqwest::Result<Zeroizing<Vec<u8>>> {
    let known = response.content_length().unwrap_or(0);
    // A buffer that grows would leave parts of a value behind in memory.
    let room = usize::try_from(known).unwrap_or(0).min(largest);
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > largest {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How long the server asks us to wait, where it counts in seconds.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// The error of a call without an answer; `server` names it for people. Where it refuses our certificate, or that we show
/// none, a person has to act, and the message says why: [`Denied`](keywheel_contract::ErrorKind::Denied) for what only
/// reads, or was certainly not sent. A change stays in doubt: connections are kept, and on one whose handshake was long
/// over the same words may follow what was done.
#[must_use]
pub fn broken(server: &str, error: &reqwest::Error, effect: Effect) -> Error {
    let in_doubt = effect == Effect::Changes && !error.is_connect();
    let refused = refused(error);
    let message = format!("{server} {}", refused.unwrap_or_else(|| lost(error)));
    match refused {
        _ if in_doubt => Error::unknown_outcome(message),
        Some(_) => Error::denied(message),
        None => Error::unavailable(message),
    }
}

/// The same of a client that [shows](crate::showing) a certificate: it makes a connection for each request, so that what
/// refuses it was said before the request was taken (RFC 8446, sections 4.4.2.4 and 6.2). Nothing was done:
/// [`Denied`](keywheel_contract::ErrorKind::Denied).
#[must_use]
pub fn broken_showing(server: &str, error: &reqwest::Error, effect: Effect) -> Error {
    match refused(error) {
        Some(why) => Error::denied(format!("{server} {why}")),
        None => broken(server, error, effect),
    }
}

fn lost(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_connect() => "cannot be connected to",
        error if error.is_timeout() => "did not answer in time",
        _ => "broke the connection",
    }
}
