//! What an answer other than success means (pure). The service's words are recognised, never passed on.

use super::transport::Answer;
use keywheel_contract::{Error, ErrorKind};
use keywheel_http_client::Effect;
use serde::Deserialize;

/// How the service names the rule of an organization that forbids uploads.
const FORBIDS_UPLOADS: &str = "constraints/iam.disableServiceAccountKeyUpload";

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Said,
}

#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    status: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is refused for the state of what it is about.
    pub(crate) fn is_precondition(&self) -> bool {
        let body: Body = serde_json::from_slice(&self.body).unwrap_or_default();
        self.status == 400 && body.error.status == "FAILED_PRECONDITION"
    }

    /// Whether a rule of the organization forbids to upload keys.
    pub(crate) fn forbids_uploads(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body);
        (400..500).contains(&self.status) && text.contains(FORBIDS_UPLOADS)
    }

    /// The error that this answer is; `what` names the call for people.
    pub(crate) fn refusal(&self, what: &str, effect: Effect) -> Error {
        let status = self.status;
        match status {
            429 => Error::new(
                ErrorKind::Throttled {
                    after: self.retry_after,
                },
                format!("{what}: too many calls for Google's IAM"),
            ),
            500.. if effect == Effect::Changes => Error::unknown_outcome(format!(
                "{what}: Google's IAM failed with status {status}, perhaps after it was done"
            )),
            500.. => {
                Error::unavailable(format!("{what}: Google's IAM failed with status {status}"))
            }
            300..=399 => Error::unavailable(format!(
                "{what}: Google's IAM sends us elsewhere, which is never followed: check `endpoint`"
            )),
            401 => Error::denied(format!("{what}: the service does not take our credentials")),
            403 => Error::denied(format!(
                "{what}: permission denied, or there is no such account: we need roles/iam.serviceAccountKeyAdmin on it"
            )),
            404 => Error::not_found(format!("{what}: there is nothing")),
            409 => Error::unavailable(format!("{what}: somebody changes it at the same moment")),
            _ => Error::invalid(format!("{what}: refused with status {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use chrono::Utc;
    use keywheel_http_client::Effect;
    use zeroize::Zeroizing;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            now: Utc::now(),
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
            (429, "throttled", "throttled"),
            (503, "unavailable", "unknown_outcome"),
        ] {
            let word = |effect| answer(status, "<html>").refusal("asking", effect).word();
            assert_eq!(word(Effect::Reads), reads, "{status}");
            assert_eq!(word(Effect::Changes), changes, "{status}");
        }
    }

    #[test]
    fn a_rule_is_told_from_a_state() {
        let state = r#"{"error": {"code": 400, "status": "FAILED_PRECONDITION"}}"#;
        let rule = r#"{"error": {"status": "FAILED_PRECONDITION", "details": [{"violations":
            [{"type": "constraints/iam.disableServiceAccountKeyUpload"}]}]}}"#;
        assert!(answer(400, state).is_precondition() && !answer(400, state).forbids_uploads());
        assert!(answer(400, rule).forbids_uploads());
        assert!(!answer(400, "{}").is_precondition());
    }
}
