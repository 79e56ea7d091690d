//! What a failed call means (pure). The servers' words are recognised by their codes, never passed on.

use azure_core::error::ErrorKind as Kind;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use keywheel_contract::{Error, ErrorKind};
use serde::Deserialize;
use std::error::Error as StdError;
use std::time::Duration;

/// Whether a call changes something there: only then a lost answer is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// An answer other than success.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The innermost code of Key Vault, or the codes of Entra; empty where there is none.
    pub(crate) code: String,
    pub(crate) after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    error: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    code: Option<String>,
    #[serde(rename = "innererror", alias = "innerError")]
    inner: Option<Box<Detail>>,
}

impl Detail {
    fn innermost(self) -> Option<String> {
        let inner = self.inner.and_then(|inner| inner.innermost());
        inner.or(self.code)
    }
}

impl Answer {
    /// The answer that an error is made of, if the server answered at all.
    pub(crate) fn of(error: &azure_core::Error) -> Option<Self> {
        links(error).find_map(
            |link| match link.downcast_ref::<azure_core::Error>()?.kind() {
                Kind::HttpResponse {
                    status,
                    error_code,
                    raw_response,
                } => {
                    let raw = raw_response.as_deref();
                    Some(Self {
                        status: u16::from(*status),
                        code: raw
                            .and_then(code)
                            .or_else(|| error_code.clone())
                            .unwrap_or_default(),
                        after: raw.and_then(|raw| after(raw.headers())),
                    })
                }
                _ => None,
            },
        )
    }
}

/// The error and what it was made of.
fn links(error: &azure_core::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |link| (*link).source())
}

fn code(raw: &RawResponse) -> Option<String> {
    let read: Body = serde_json::from_slice(raw.body().as_ref()).ok()?;
    read.error?.innermost()
}

fn after(headers: &Headers) -> Option<Duration> {
    let number = |name: &'static str| -> Option<u64> {
        let text = headers.get_optional_str(&HeaderName::from_static(name));
        text?.trim().parse().ok()
    };
    let exact = number("x-ms-retry-after-ms").or_else(|| number("retry-after-ms"));
    let exact = exact.map(Duration::from_millis);
    exact.or_else(|| number("retry-after").map(Duration::from_secs))
}

/// The error of a call to the vault; `what` names it for people.
pub(crate) fn refusal(error: &azure_core::Error, what: &str, effect: Effect) -> Error {
    if let Some(ours) = links(error).find_map(|link| link.downcast_ref::<Error>()) {
        return Error::new(ours.kind.clone(), format!("{what}: {}", ours.message));
    }
    match Answer::of(error) {
        Some(answer) => refused(&answer, what, effect),
        None => unanswered(error.kind(), what, effect),
    }
}

/// An answer of the vault that is not the one asked for.
fn refused(answer: &Answer, what: &str, effect: Effect) -> Error {
    let (status, code) = (answer.status, answer.code.as_str());
    match (status, code) {
        (401, _) => Error::denied(format!(
            "{what}: the vault refuses our token: is its tenant the one that we log in to?"
        )),
        (403, "SecretDisabled") => Error::not_found(format!("{what}: it is disabled")),
        (403, "ForbiddenByFirewall" | "ForbiddenByConnection") => Error::denied(format!(
            "{what}: the vault's firewall does not let this machine in: allow its address or use a private endpoint"
        )),
        (403, _) => Error::denied(format!(
            "{what}: permission denied: no role or access policy allows our identity to do this"
        )),
        (404, _) => Error::not_found(format!("{what}: there is nothing")),
        (409, "ObjectIsBeingDeleted" | "ObjectIsBeingRecovered") => Error::unavailable(format!(
            "{what}: the secret is being deleted or recovered at this moment"
        )),
        (429, _) => throttled(answer, what),
        (408 | 500.., _) if effect == Effect::Changes => Error::unknown_outcome(format!(
            "{what}: the vault failed with status {status}, perhaps after it was done"
        )),
        (408 | 500.., _) => {
            Error::unavailable(format!("{what}: the vault failed with status {status}"))
        }
        (300..=399, _) => Error::unavailable(format!(
            "{what}: the server sends us elsewhere (status {status}), which is never followed"
        )),
        _ => Error::invalid(format!("{what}: refused with status {status}")),
    }
}

pub(crate) fn throttled(answer: &Answer, what: &str) -> Error {
    let after = answer.after;
    Error::new(
        ErrorKind::Throttled { after },
        format!("{what}: too many calls at this time"),
    )
}

fn unanswered(kind: &Kind, what: &str, effect: Effect) -> Error {
    match (kind, effect) {
        (Kind::Connection, _) => {
            Error::unavailable(format!("{what}: the server cannot be connected to"))
        }
        (_, Effect::Changes) => Error::unknown_outcome(format!(
            "{what}: no answer that can be read, perhaps after it was done"
        )),
        (Kind::Io, Effect::Reads) => Error::unavailable(format!(
            "{what}: the server did not answer in time or broke the connection"
        )),
        (_, Effect::Reads) => Error::unavailable(format!(
            "{what}: the server does not answer as a key vault does: is `vault` its address?"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Effect, refusal};
    use azure_core::error::ErrorKind;
    use azure_core::http::headers::Headers;
    use azure_core::http::{RawResponse, StatusCode};
    use std::time::Duration;

    fn http(
        status: u16,
        body: &'static str,
        header: (&'static str, &'static str),
    ) -> azure_core::Error {
        let status = StatusCode::from(status);
        let mut headers = Headers::new();
        headers.insert(header.0, header.1);
        let raw = RawResponse::from_bytes(status, headers, body);
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: Some("Forbidden".to_owned()),
            raw_response: Some(Box::new(raw)),
        };
        azure_core::Error::with_message(kind, "example-value").with_context("example-value")
    }

    fn word(error: &azure_core::Error, effect: Effect) -> &'static str {
        let refusal = refusal(error, "writing", effect);
        assert!(!refusal.message.contains("example-value"), "{refusal}");
        refusal.word()
    }

    #[test]
    fn each_status_has_its_kind() {
        let disabled = r#"{"error":{"code":"Forbidden","innererror":{"code":"SecretDisabled"}}}"#;
        let deleting =
            r#"{"error":{"code":"Conflict","innererror":{"code":"ObjectIsBeingDeleted"}}}"#;
        for (status, body, reads, changes) in [
            (400, "", "invalid", "invalid"),
            (401, "", "denied", "denied"),
            (403, "", "denied", "denied"),
            (403, disabled, "not_found", "not_found"),
            (404, "<html>", "not_found", "not_found"),
            (307, "", "unavailable", "unavailable"),
            (409, deleting, "unavailable", "unavailable"),
            (429, "", "throttled", "throttled"),
            (408, "", "unavailable", "unknown_outcome"),
            (503, "<html>", "unavailable", "unknown_outcome"),
        ] {
            let error = http(status, body, ("a", "b"));
            assert_eq!(word(&error, Effect::Reads), reads, "{status} {body}");
            assert_eq!(word(&error, Effect::Changes), changes, "{status} {body}");
        }
    }

    #[test]
    fn without_an_answer_only_what_was_never_sent_is_certain() {
        for (kind, reads, changes) in [
            (ErrorKind::Connection, "unavailable", "unavailable"),
            (ErrorKind::Io, "unavailable", "unknown_outcome"),
            (ErrorKind::DataConversion, "unavailable", "unknown_outcome"),
        ] {
            let error = azure_core::Error::with_message(kind, "example-value");
            assert_eq!(word(&error, Effect::Reads), reads);
            assert_eq!(word(&error, Effect::Changes), changes);
        }
    }

    #[test]
    fn our_own_refusals_come_through_whatever_they_are_wrapped_in() {
        let ours = keywheel_contract::Error::denied("no such tenant");
        let error =
            azure_core::Error::new(ErrorKind::Credential, ours).with_context("example-value");
        assert_eq!(word(&error, Effect::Changes), "denied");
    }

    #[test]
    fn the_server_says_when_to_come_back() {
        for (header, millis) in [
            (("retry-after", "7"), 7000),
            (("x-ms-retry-after-ms", "70"), 70),
        ] {
            let answer = Answer::of(&http(429, "", header)).unwrap();
            assert_eq!(answer.after, Some(Duration::from_millis(millis)));
        }
    }
}
