//! What comes back of a call: an answer, or none.

use crate::certificate::refusal;
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

/// The error of a call without an answer, also where its certificate was refused; `server` names it for people. Where the
/// server refuses ours, nothing was done, and a person has to act:
/// [`Denied`](keywheel_contract::ErrorKind::Denied).
#[must_use]
pub fn broken(server: &str, error: &reqwest::Error, effect: Effect) -> Error {
    if let Some(why) = refusal(error) {
        return Error::denied(format!("{server} {why}"));
    }
    let why = match error {
        error if error.is_connect() => "cannot be connected to",
        error if error.is_timeout() => "did not answer in time",
        _ => "broke the connection",
    };
    let message = format!("{server} {why}");
    match effect {
        Effect::Changes if !error.is_connect() => Error::unknown_outcome(message),
        _ => Error::unavailable(message),
    }
}
