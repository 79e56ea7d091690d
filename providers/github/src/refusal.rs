//! What an answer other than success means (pure). The service's words are recognised, never passed on.

use crate::transport::Answer;
use keywheel_contract::{Error, ErrorKind};
use keywheel_http_client::Effect;
use serde::Deserialize;
use std::time::Duration;

/// How the service names its limits on calls that follow each other too fast, which it answers as 403 or 429.
const SECONDARY: &str = "secondary rate limit";
/// How long it asks to wait after one, where no header says so.
const A_MINUTE: Duration = Duration::from_secs(60);

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long to wait, where it is refused for the number of calls and for nothing else.
    fn throttled(&self) -> Option<Option<Duration>> {
        let secondary = || {
            let body: Body = serde_json::from_slice(&self.body).unwrap_or_default();
            body.message.to_lowercase().contains(SECONDARY)
        };
        match self.status {
            403 | 429 if self.wait.is_some() => Some(self.wait),
            403 | 429 if secondary() => Some(Some(A_MINUTE)),
            429 => Some(None),
            _ => None,
        }
    }

    /// The error that this answer is; `what` names the call for people.
    pub(crate) fn refusal(&self, what: &str, effect: Effect) -> Error {
        if let Some(after) = self.throttled() {
            let message = format!("{what}: too many calls for GitHub");
            return Error::new(ErrorKind::Throttled { after }, message);
        }
        let status = self.status;
        match status {
            500.. if effect == Effect::Changes => Error::unknown_outcome(format!(
                "{what}: GitHub failed with status {status}, perhaps after it was done"
            )),
            500.. => Error::unavailable(format!("{what}: GitHub failed with status {status}")),
            300..=399 => Error::unavailable(format!(
                "{what}: GitHub sends us elsewhere, which is never followed: the repository was renamed, or `address` \
                 is wrong"
            )),
            401 => Error::denied(format!(
                "{what}: the token is wrong, expired or revoked: put a new one where `token` points"
            )),
            403 => Error::denied(format!(
                "{what}: permission denied: the token may not do this, or the organization did not approve it"
            )),
            404 => Error::not_found(format!(
                "{what}: there is no such place, or not for our token"
            )),
            409 => Error::unavailable(format!("{what}: GitHub is changing it now")),
            _ => Error::invalid(format!("{what}: refused with status {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{A_MINUTE, Answer};
    use keywheel_contract::ErrorKind;
    use keywheel_http_client::Effect;
    use std::time::Duration;
    use zeroize::Zeroizing;

    fn answer(status: u16, wait: Option<u64>, body: &str) -> Answer {
        Answer {
            status,
            wait: wait.map(Duration::from_secs),
            date: None,
            scopes: None,
            expires: None,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, reads, changes) in [
            (302, "unavailable", "unavailable"),
            (400, "invalid", "invalid"),
            (401, "denied", "denied"),
            (403, "denied", "denied"),
            (404, "not_found", "not_found"),
            (409, "unavailable", "unavailable"),
            (422, "invalid", "invalid"),
            (429, "throttled", "throttled"),
            (500, "unavailable", "unknown_outcome"),
            (502, "unavailable", "unknown_outcome"),
        ] {
            let word = |effect| {
                answer(status, None, "<html>")
                    .refusal("putting", effect)
                    .word()
            };
            assert_eq!(word(Effect::Reads), reads, "{status}");
            assert_eq!(word(Effect::Changes), changes, "{status}");
        }
    }

    #[test]
    fn a_limit_is_told_from_a_missing_right() {
        let secondary = r#"{"message": "You have exceeded a secondary rate limit. example-value"}"#;
        let forbidden = r#"{"message": "Resource not accessible by personal access token"}"#;
        for (status, wait, body, after) in [
            (403, Some(7), "{}", Some(Some(Duration::from_secs(7)))),
            (403, None, secondary, Some(Some(A_MINUTE))),
            (429, None, secondary, Some(Some(A_MINUTE))),
            (429, None, "", Some(None)),
            (403, None, forbidden, None),
        ] {
            let refusal = answer(status, wait, body).refusal("putting", Effect::Changes);
            let expected = after.map_or(ErrorKind::Denied, |after| ErrorKind::Throttled { after });
            assert_eq!(refusal.kind, expected, "{status} {body}");
            assert!(!refusal.message.contains("example-value"), "{refusal}");
        }
    }
}
