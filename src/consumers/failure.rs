//! What a failed request means, in words that hold nothing the other side wrote.

use keywheel_contract::{Error, ErrorKind};
use reqwest::{StatusCode, header::HeaderMap, header::RETRY_AFTER};
use std::{error::Error as StdError, io, iter, time::Duration};

/// A request that got no usable answer.
pub(super) fn of_request(shown: &str, patience: Duration, error: &reqwest::Error) -> Error {
    if let Some(refused) = cause::<Error>(error) {
        return refused.clone();
    }
    Error::unavailable(format!("{shown} {}", story(patience, error)))
}

fn story(patience: Duration, error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("did not answer within {patience:?}");
    }
    match (error.is_connect(), cause::<io::Error>(error).map(io::Error::kind)) {
        (true, Some(io::ErrorKind::ConnectionRefused)) => {
            "refuses the connection: is the consumer running?".to_owned()
        }
        (true, Some(io::ErrorKind::InvalidData | io::ErrorKind::Other)) => {
            "cannot be trusted: its certificate is not valid for this host, or not signed by an authority that \
             this machine trusts"
                .to_owned()
        }
        (true, Some(kind)) => format!("cannot be connected to: {kind}"),
        (true, None) => "cannot be connected to".to_owned(),
        (false, _) => "broke off its answer, or does not speak HTTP".to_owned(),
    }
}

/// An answer whose status is not a success, or `None` for a success.
pub(super) fn of_status(shown: &str, status: StatusCode, headers: &HeaderMap) -> Option<Error> {
    let code = status.as_u16();
    Some(match code {
        200..=299 => return None,
        300..=399 => Error::unavailable(format!(
            "{shown} redirects (status {code}), and redirects are never followed: write the final address"
        )),
        401 | 403 => Error::denied(format!(
            "{shown} does not let us in (status {code}): check its `bearer`"
        )),
        404 | 405 => Error::unavailable(format!(
            "{shown} has nothing there to answer a POST (status {code})"
        )),
        429 => Error::new(
            ErrorKind::Throttled {
                after: retry_after(headers),
            },
            format!("{shown} gets too many requests (status {code})"),
        ),
        _ => Error::unavailable(format!("{shown} answers with status {code}")),
    })
}

/// `Retry-After` in its form of seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The first error of that type in the chain of causes.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::of_status;
    use keywheel_contract::{ErrorKind, Retry};
    use reqwest::{StatusCode, header::HeaderMap, header::RETRY_AFTER};
    use std::time::Duration;

    fn kind(code: u16) -> Option<ErrorKind> {
        let status = StatusCode::from_u16(code).unwrap();
        of_status("https://chat.internal/", status, &HeaderMap::new()).map(|error| error.kind)
    }

    #[test]
    fn what_the_other_side_may_mend_by_itself_is_tried_again() {
        assert_eq!(kind(200), None);
        assert_eq!(kind(204), None);
        for code in [101, 302, 404, 500, 503] {
            assert_eq!(kind(code), Some(ErrorKind::Unavailable), "{code}");
        }
        assert_eq!(kind(401), Some(ErrorKind::Denied));
        assert_eq!(kind(403), Some(ErrorKind::Denied));
    }

    #[test]
    fn throttling_says_how_long() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "7".parse().unwrap())]);
        let error = of_status("x", StatusCode::TOO_MANY_REQUESTS, &headers).unwrap();
        assert_eq!(error.retry(), Retry::Later(Some(Duration::from_secs(7))));
    }
}
