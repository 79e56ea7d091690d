//! What an answer other than success means (pure). The service's words are recognised, never passed on.

use crate::transport::Answer;
use keywheel_contract::{Error, ErrorKind};
use keywheel_http_client::Effect;
use serde::Deserialize;
use std::time::Duration;

/// What the service calls a change that a person has to approve.
const REVIEW: &str = "change request";

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    messages: Vec<String>,
    #[serde(default)]
    data: Hints,
}

/// Whether the same call may be sent again, as the service's own Terraform provider reads it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hints {
    #[serde(default)]
    is_retryable: bool,
    #[serde(default)]
    is_retryable_after_sec: Option<f64>,
}

impl Hints {
    fn after(&self) -> Option<Duration> {
        let seconds = self.is_retryable_after_sec?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a save was refused because only a change request may do it. Which status says so is not documented.
    pub(crate) fn demands_review(&self) -> bool {
        let says = |text: &String| text.to_lowercase().contains(REVIEW);
        (400..500).contains(&self.status) && self.reason().messages.iter().any(says)
    }

    /// Whether it was refused for what it says, so that nothing was done.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.status, 400 | 409 | 412 | 422)
    }

    fn reason(&self) -> Body {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The error that this answer is; `what` names the call for people.
    pub(crate) fn refusal(&self, what: &str, effect: Effect) -> Error {
        let hints = self.reason().data;
        let status = self.status;
        let throttled = |after| {
            let message = format!("{what}: too many calls for Doppler");
            Error::new(ErrorKind::Throttled { after }, message)
        };
        match status {
            429 => throttled(self.retry_after.or(hints.after())),
            500.. if effect == Effect::Changes => Error::unknown_outcome(format!(
                "{what}: Doppler failed with status {status}, perhaps after it was done"
            )),
            500.. => Error::unavailable(format!("{what}: Doppler failed with status {status}")),
            400..500 if hints.after().is_some() => throttled(hints.after()),
            400..500 if hints.is_retryable => Error::unavailable(format!(
                "{what}: Doppler asks to try again (status {status})"
            )),
            300..400 => Error::unavailable(format!(
                "{what}: Doppler sends us elsewhere, which is never followed: check `address`"
            )),
            401 => Error::denied(format!(
                "{what}: the token is wrong, expired or revoked: put a new one where `token` points"
            )),
            403 => Error::denied(format!(
                "{what}: permission denied: the token does not reach this config, or only reads"
            )),
            404 => Error::not_found(format!(
                "{what}: there is no such config, or not for our token"
            )),
            _ => Error::invalid(format!("{what}: refused with status {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use keywheel_contract::ErrorKind;
    use keywheel_http_client::Effect;
    use std::time::Duration;
    use zeroize::Zeroizing;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            date: None,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn each_status_has_its_kind() {
        let again = r#"{"messages":[],"data":{"isRetryable":true},"success":false}"#;
        for (status, body, reads, changes) in [
            (400, "{}", "invalid", "invalid"),
            (401, "{}", "denied", "denied"),
            (403, "{}", "denied", "denied"),
            (404, "{}", "not_found", "not_found"),
            (409, again, "unavailable", "unavailable"),
            (302, "", "unavailable", "unavailable"),
            (429, "", "throttled", "throttled"),
            (500, again, "unavailable", "unknown_outcome"),
            (502, "<html>", "unavailable", "unknown_outcome"),
        ] {
            let word = |effect| answer(status, body).refusal("saving", effect).word();
            assert_eq!(word(Effect::Reads), reads, "{status} {body}");
            assert_eq!(word(Effect::Changes), changes, "{status} {body}");
        }
    }

    #[test]
    fn the_service_says_when_to_come_back_in_a_header_or_in_the_body() {
        let seconds = |after| ErrorKind::Throttled {
            after: Some(Duration::from_secs(after)),
        };
        let body = r#"{"messages":["example-value"],"data":{"isRetryableAfterSec":3}}"#;
        let mut told = answer(429, body);
        assert_eq!(told.refusal("x", Effect::Changes).kind, seconds(3));
        assert_eq!(
            answer(409, body).refusal("x", Effect::Changes).kind,
            seconds(3)
        );
        told.retry_after = Some(Duration::from_secs(7));
        let refusal = told.refusal("x", Effect::Changes);
        assert_eq!(refusal.kind, seconds(7));
        assert!(!refusal.message.contains("example-value"), "{refusal}");
        let silent = answer(429, "slow down").refusal("x", Effect::Reads);
        assert_eq!(silent.kind, ErrorKind::Throttled { after: None });
    }

    #[test]
    fn a_demand_for_review_is_recognised() {
        let policy = r#"{"messages":["This needs a Change Request."],"success":false}"#;
        assert!(answer(403, policy).demands_review());
        assert!(answer(400, policy).demands_review());
        assert!(!answer(200, policy).demands_review());
        let parameter = r#"{"messages":["change_requests[0].name is wrong"],"success":false}"#;
        assert!(!answer(400, parameter).demands_review());
    }
}
