//! What an answer other than success means (pure). The server's words are recognised, never passed on.

use crate::transport::Answer;
use keywheel_contract::{Error, ErrorKind};
use keywheel_http_client::Effect;
use serde::Deserialize;

/// What the engine says where a write names another version than the newest.
const MISMATCH: &str = "check-and-set parameter did not match";

/// Words of a server that did nothing because it is not the active one.
const INACTIVE: [&str; 3] = ["is sealed", "in standby mode", "not active"];

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<String>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a write lost against another one.
    pub(crate) fn is_mismatch(&self) -> bool {
        self.status == 400 && says(&self.errors(), MISMATCH)
    }

    fn errors(&self) -> Vec<String> {
        serde_json::from_slice::<Body>(&self.body)
            .unwrap_or_default()
            .errors
    }

    /// The error that this answer is; `what` names the call for people.
    pub(crate) fn refusal(&self, what: &str, effect: Effect) -> Error {
        let errors = self.errors();
        let inactive = INACTIVE.iter().any(|words| says(&errors, words));
        let status = self.status;
        match status {
            _ if inactive => Error::unavailable(format!(
                "{what}: the server is sealed or a standby (status {status})"
            )),
            301..=308 => Error::unavailable(format!(
                "{what}: a standby sends us elsewhere, which is never followed: let `address` be the active \
                 server's"
            )),
            403 => Error::denied(format!(
                "{what}: permission denied: the policy of our token does not allow it"
            )),
            404 => Error::not_found(format!("{what}: there is nothing")),
            429 => Error::new(
                ErrorKind::Throttled {
                    after: self.retry_after,
                },
                format!("{what}: too many calls for the server"),
            ),
            412 | 472 | 473 => Error::unavailable(format!(
                "{what}: this server does not have the newest state (status {status})"
            )),
            500.. if effect == Effect::Changes => Error::unknown_outcome(format!(
                "{what}: the server failed with status {status}, perhaps after it was done"
            )),
            500.. => Error::unavailable(format!("{what}: the server failed with status {status}")),
            _ => Error::invalid(format!("{what}: refused with status {status}")),
        }
    }
}

fn says(errors: &[String], words: &str) -> bool {
    errors.iter().any(|error| error.contains(words))
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use keywheel_contract::{Error, ErrorKind};
    use keywheel_http_client::Effect;
    use std::time::Duration;
    use zeroize::Zeroizing;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: Some(Duration::from_secs(7)),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    fn word(status: u16, body: &str, effect: Effect) -> &'static str {
        answer(status, body).refusal("writing", effect).word()
    }

    #[test]
    fn each_status_has_its_kind() {
        let sealed = r#"{"errors":["Vault is sealed"]}"#;
        let leaderless =
            r#"{"errors":["local node not active but active cluster node not found"]}"#;
        for (status, body, reads, changes) in [
            (400, "", "invalid", "invalid"),
            (403, "", "denied", "denied"),
            (404, "", "not_found", "not_found"),
            (307, "", "unavailable", "unavailable"),
            (412, "", "unavailable", "unavailable"),
            (473, "", "unavailable", "unavailable"),
            (429, "", "throttled", "throttled"),
            (503, sealed, "unavailable", "unavailable"),
            (500, leaderless, "unavailable", "unavailable"),
            (502, "<html>", "unavailable", "unknown_outcome"),
            (503, "<html>", "unavailable", "unknown_outcome"),
        ] {
            assert_eq!(word(status, body, Effect::Reads), reads, "{status} {body}");
            assert_eq!(
                word(status, body, Effect::Changes),
                changes,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_server_says_when_to_come_back_and_nothing_else_of_it_is_shown() {
        let refusal = answer(429, "example-value").refusal("writing", Effect::Changes);
        let after = Some(Duration::from_secs(7));
        let expected = ErrorKind::Throttled { after };
        assert_eq!(
            refusal,
            Error::new(expected, "writing: too many calls for the server")
        );
    }
}
