//! From what the SDK reports to the closed set of errors, by code and status alone.

use crate::key::Unreadable;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, ErrorKind};
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// Whether a call changes something there: only then a lost answer is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// What an answer that is no success says, without its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    code: String,
    status: u16,
    retry_after: Option<Duration>,
    /// How far our clock is from the answer's, in seconds; none where it has no date.
    off: Option<i64>,
}

/// The failure of one call in our words; `what` begins the sentence.
pub(crate) fn refusal<E>(error: &SdkError<E>, what: &str, effect: Effect) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(answer) = error.raw_response() {
        let header = answer.headers().get("retry-after");
        let after = header.and_then(|text| text.trim().parse().ok());
        let code = error.as_service_error().and_then(|error| error.code());
        let said = Said {
            code: plain(code.unwrap_or_default()),
            status: answer.status().as_u16(),
            retry_after: after.map(Duration::from_secs),
            off: date(error).and_then(clock_off),
        };
        return answered(&said, what, effect);
    }
    if let Some(own) = find::<CredentialsError>(error) {
        return without_credentials(own, what);
    }
    match error {
        SdkError::ConstructionFailure(_) => {
            Error::invalid(format!("{what}: the request cannot be built"))
        }
        _ if never_sent(error) => Error::unavailable(format!("{what}: AWS cannot be connected to")),
        SdkError::TimeoutError(_) => silent(what, effect, "did not answer in time"),
        _ => silent(what, effect, "broke the connection"),
    }
}

/// `Date` of an answer that was a refusal.
pub(crate) fn date<E>(error: &SdkError<E>) -> Option<&str> {
    error.raw_response()?.headers().get("date")
}

/// Whether a call was refused because our clock is off, which AWS says in the words for a wrong secret.
pub(crate) fn blames_our_clock<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let code = error.as_service_error().and_then(|error| error.code());
    is_for_our_clock(code.unwrap_or_default(), date(error).and_then(clock_off))
}

/// A code is a word. Anything else is not repeated, for a server that is none of AWS's may have put anything there.
fn plain(code: &str) -> String {
    let word = code.len() <= 64 && code.bytes().all(|c| c.is_ascii_alphanumeric());
    let code = if word { code } else { "" };
    code.to_owned()
}

fn answered(said: &Said, what: &str, effect: Effect) -> Error {
    let shown = match said.code.as_str() {
        "" => format!("status {}", said.status),
        code => code.to_owned(),
    };
    match (said.code.as_str(), said.status) {
        ("ResourceNotFoundException" | "NoSuchEntity", _) => {
            Error::not_found(format!("{what}: it is not there"))
        }
        ("ResourceExistsException", _) => Error::conflict(
            None,
            format!("{what}: something else stands there already ({shown})"),
        ),
        ("", 429) => throttled(said, what),
        (code, _) if is_throttle(code) => throttled(said, what),
        (code, _) if is_for_our_clock(code, said.off) => Error::denied(format!(
            "{what}: refused for our clock{} ({shown}): set the time of this machine",
            said.off
                .map_or_else(String::new, |off| format!(", {off} s from AWS's"))
        )),
        ("DecryptionFailure" | "EncryptionFailure", _) => Error::denied(format!(
            "{what}: the KMS key of the secret cannot be used ({shown}): allow kms:Decrypt and \
             kms:GenerateDataKey, and see that the key is enabled"
        )),
        (code, _) if is_denial(code) => denied(what, &shown),
        // IAM's words for "somebody else is at it": nothing was changed.
        ("EntityTemporarilyUnmodifiable" | "ConcurrentModification", _) => {
            Error::unavailable(format!("{what}: busy there ({shown})"))
        }
        ("LimitExceededException" | "LimitExceeded", _) => Error::invalid(format!(
            "{what}: a limit of the account or the secret is reached ({shown})"
        )),
        (_, 500..) if effect == Effect::Changes => Error::unknown_outcome(format!(
            "{what}: AWS failed ({shown}), perhaps after it was done"
        )),
        (_, 500..) => Error::unavailable(format!("{what}: AWS failed ({shown})")),
        (_, 200..=299) => silent(what, effect, "sent an answer that cannot be read"),
        (_, 401 | 403) => denied(what, &shown),
        (_, 300..=399) => Error::unavailable(format!(
            "{what}: sent elsewhere ({shown}), which is never followed"
        )),
        _ => Error::invalid(format!("{what}: refused ({shown})")),
    }
}

/// AWS refuses a signature of another time than its own with the same code as a wrong one, give or take five minutes:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>.
const SKEW_SECONDS: i64 = 5 * 60;

/// Our clock against a `Date` header, in seconds.
fn clock_off(date: &str) -> Option<i64> {
    let theirs = DateTime::parse_from_rfc2822(date).ok()?;
    Some((Utc::now() - theirs.to_utc()).num_seconds())
}

fn is_for_our_clock(code: &str, off: Option<i64>) -> bool {
    let signature = matches!(code, "SignatureDoesNotMatch" | "InvalidSignatureException");
    let off = off.is_some_and(|off| off.abs() >= SKEW_SECONDS);
    matches!(code, "RequestExpired" | "RequestTimeTooSkewed") || signature && off
}

fn is_throttle(code: &str) -> bool {
    code.starts_with("Throttl")
        || matches!(
            code,
            "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "SlowDown"
                | "PriorRequestNotComplete"
        )
}

fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "NotAuthorized"
            | "OptInRequired"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

fn denied(what: &str, shown: &str) -> Error {
    Error::denied(format!(
        "{what}: our identity may not do this, or is not known ({shown})"
    ))
}

fn throttled(said: &Said, what: &str) -> Error {
    let after = said.retry_after;
    Error::new(
        ErrorKind::Throttled { after },
        format!("{what}: too many calls for AWS"),
    )
}

fn silent(what: &str, effect: Effect, why: &str) -> Error {
    let message = format!("{what}: AWS {why}");
    match effect {
        Effect::Changes => Error::unknown_outcome(message),
        Effect::Reads => Error::unavailable(message),
    }
}

/// Nothing was sent. A role that may not be taken is a denial; a service that hands out roles may be away.
fn without_credentials(error: &CredentialsError, what: &str) -> Error {
    if let Some(Unreadable(own)) = find(error) {
        return Error::new(own.kind.clone(), format!("{what}: {own}"));
    }
    let refused = find::<SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError>>(error);
    if let Some(refused) = refused {
        let what = format!("{what}: taking the role");
        return refusal(refused, &what, Effect::Reads);
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => Error::denied(format!(
            "{what}: no AWS credentials here: none in the environment, the profile, a container or this machine"
        )),
        CredentialsError::InvalidConfiguration(_) => Error::invalid(format!(
            "{what}: AWS's configuration files or variables contradict themselves, or name a profile that is not there"
        )),
        _ => Error::unavailable(format!("{what}: AWS credentials cannot be obtained now")),
    }
}

/// Neither a byte of the request nor a certificate of the other side was accepted.
fn never_sent(error: &(dyn StdError + 'static)) -> bool {
    let connecting = find::<hyper_util::client::legacy::Error>(error)
        .is_some_and(hyper_util::client::legacy::Error::is_connect);
    let refused = find::<io::Error>(error)
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    connecting || refused
}

/// The first error of that type in the chain of reasons.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Effect, Said, answered, plain};
    use keywheel_contract::ErrorKind;
    use std::time::Duration;

    fn said(code: &str, status: u16) -> Said {
        let retry_after = Some(Duration::from_secs(7));
        Said {
            code: code.to_owned(),
            status,
            retry_after,
            off: None,
        }
    }

    #[test]
    fn each_refusal_has_its_kind() {
        for (code, status, reads, changes) in [
            ("ResourceNotFoundException", 400, "not_found", "not_found"),
            ("ResourceExistsException", 400, "conflict", "conflict"),
            ("InvalidParameterException", 400, "invalid", "invalid"),
            ("InvalidRequestException", 400, "invalid", "invalid"),
            ("LimitExceededException", 400, "invalid", "invalid"),
            ("LimitExceeded", 409, "invalid", "invalid"),
            ("NoSuchEntity", 404, "not_found", "not_found"),
            (
                "EntityTemporarilyUnmodifiable",
                409,
                "unavailable",
                "unavailable",
            ),
            ("AccessDeniedException", 400, "denied", "denied"),
            ("ExpiredTokenException", 400, "denied", "denied"),
            ("InvalidSignatureException", 400, "denied", "denied"),
            ("DecryptionFailure", 400, "denied", "denied"),
            ("", 403, "denied", "denied"),
            ("ThrottlingException", 400, "throttled", "throttled"),
            ("", 429, "throttled", "throttled"),
            (
                "InternalServiceError",
                500,
                "unavailable",
                "unknown_outcome",
            ),
            ("", 503, "unavailable", "unknown_outcome"),
            ("", 200, "unavailable", "unknown_outcome"),
            ("", 307, "unavailable", "unavailable"),
            ("", 418, "invalid", "invalid"),
        ] {
            let word = |effect| answered(&said(code, status), "reading", effect).word();
            assert_eq!(word(Effect::Reads), reads, "{code} {status}");
            assert_eq!(word(Effect::Changes), changes, "{code} {status}");
        }
    }

    #[test]
    fn a_signature_of_another_time_is_our_clock_s_fault() {
        for (off, ours) in [(None, false), (Some(-30), false), (Some(-400), true)] {
            let said = Said {
                off,
                ..said("SignatureDoesNotMatch", 403)
            };
            let refusal = answered(&said, "reading", Effect::Reads);
            assert_eq!(refusal.word(), "denied");
            assert_eq!(refusal.message.contains("our clock"), ours, "{refusal}");
        }
    }

    #[test]
    fn aws_says_when_to_come_back_and_nothing_else_of_it_is_shown() {
        let refusal = answered(&said("ThrottlingException", 400), "reading", Effect::Reads);
        let after = Some(Duration::from_secs(7));
        assert_eq!(refusal.kind, ErrorKind::Throttled { after });
        assert_eq!(plain("example value"), "");
        assert_eq!(plain("AccessDenied"), "AccessDenied");
    }
}
