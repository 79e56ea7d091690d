//! What an answer other than success means (pure).
//!
//! A refusal is a `Status` with a reason (kubernetes/apimachinery, `pkg/apis/meta/v1/types.go`). Its message is not
//! passed on: validation and webhooks may quote what they refuse.

use crate::transport::Answer;
use keywheel_contract::{Error, ErrorKind, Result};
use keywheel_http_client::Effect;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    field: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether somebody else was faster, so that nothing was done.
    pub(crate) fn is_too_late(&self) -> bool {
        self.status == 409
    }

    fn status_told(&self) -> Status {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The error that this answer is; `what` names the call for people.
    pub(crate) fn refusal(&self, what: &str, effect: Effect) -> Error {
        let status = self.status;
        match status {
            429 => {
                let after = self.retry_after;
                let message = format!("{what}: too many calls for the API server");
                Error::new(ErrorKind::Throttled { after }, message)
            }
            500.. if effect == Effect::Changes => Error::unknown_outcome(format!(
                "{what}: the API server failed with status {status}, perhaps after it was done"
            )),
            500.. => Error::unavailable(format!(
                "{what}: the API server failed with status {status}"
            )),
            300..=399 => Error::unavailable(format!(
                "{what}: the API server sends us elsewhere, which is never followed: check `address`"
            )),
            401 => Error::denied(format!(
                "{what}: the token is wrong or expired: put a new one where `token` points"
            )),
            403 => Error::denied(format!(
                "{what}: forbidden: the Role that `keywheel check --online` prints suffices; where it is given, an \
                 admission policy of the cluster refuses it"
            )),
            404 => Error::not_found(format!("{what}: there is no such thing in the cluster")),
            _ => Error::invalid(format!(
                "{what}: refused with status {status}{}",
                self.words()
            )),
        }
    }

    /// The reason, and which fields are wrong: names of ours, never what is in them.
    fn words(&self) -> String {
        let Status { reason, details } = self.status_told();
        let fields: Vec<_> = details
            .causes
            .into_iter()
            .map(|cause| cause.field)
            .collect();
        let plain = |text: &String| text.chars().all(|c| c.is_ascii_graphic()) && text.len() < 300;
        match (reason.is_empty() || !plain(&reason), fields.is_empty()) {
            (true, _) => String::new(),
            (false, true) => format!(" ({reason})"),
            (false, false) => {
                let fields: Vec<_> = fields.into_iter().filter(plain).collect();
                format!(" ({reason}: {})", fields.join(", "))
            }
        }
    }
}

/// What a successful answer says. The parser's own words could quote a value, so that they are not passed on.
///
/// # Errors
/// The refusal that the answer is, or that it is not of the form that is documented.
pub(crate) fn parse<T: DeserializeOwned>(answer: &Answer, what: &str, effect: Effect) -> Result<T> {
    if !answer.is_success() {
        return Err(answer.refusal(what, effect));
    }
    serde_json::from_slice(&answer.body).map_err(|_| {
        let message =
            format!("{what}: the answer is not what Kubernetes documents: check `address`");
        match effect {
            Effect::Reads => Error::unavailable(message),
            Effect::Changes => Error::unknown_outcome(message),
        }
    })
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
        for (status, reads, changes) in [
            (400, "invalid", "invalid"),
            (401, "denied", "denied"),
            (403, "denied", "denied"),
            (404, "not_found", "not_found"),
            (302, "unavailable", "unavailable"),
            (422, "invalid", "invalid"),
            (429, "throttled", "throttled"),
            (500, "unavailable", "unknown_outcome"),
            (504, "unavailable", "unknown_outcome"),
        ] {
            let word = |effect| answer(status, "<html>").refusal("writing", effect).word();
            assert_eq!(word(Effect::Reads), reads, "{status}");
            assert_eq!(word(Effect::Changes), changes, "{status}");
        }
        let mut busy = answer(429, "");
        busy.retry_after = Some(Duration::from_secs(7));
        let after = Some(Duration::from_secs(7));
        let refusal = busy.refusal("writing", Effect::Changes);
        assert_eq!(refusal.kind, ErrorKind::Throttled { after });
    }

    #[test]
    fn what_is_wrong_is_named_without_what_is_in_it() {
        let body = r#"{"kind":"Status","reason":"Invalid","message":"data[A]: Invalid value: \"example\"",
                       "details":{"causes":[{"field":"data[A]","message":"example"}]}}"#;
        let said = answer(422, body)
            .refusal("writing", Effect::Changes)
            .message;
        assert_eq!(said, "writing: refused with status 422 (Invalid: data[A])");
    }
}
