//! What a failed call means for us. The service's own words may repeat what was sent, so that none is shown.

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::error::{CredentialsError, Error as SdkError};
use keywheel_contract::{Error, ErrorKind};
use std::error::Error as _;
use std::time::Duration;

/// Whether a call that got lost may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// The error of a call; `what` says what we did, with the place.
pub(crate) fn failed(error: &SdkError, effect: Effect, what: &str) -> Error {
    if error.is_authentication() {
        return not_identified(error, what);
    }
    if error.is_connect() {
        return Error::unavailable(format!(
            "{what}: the service is not reachable, or its certificate is not trusted"
        ));
    }
    if error.is_binding() || error.is_serialization() {
        return Error::invalid(format!("{what}: the request cannot be written"));
    }
    match code(error) {
        Some(Code::NotFound) => Error::not_found(format!("{what}: there is nothing")),
        Some(Code::PermissionDenied) => Error::denied(format!(
            "{what}: permission denied, or it does not exist: the roles of our identity do not allow it"
        )),
        Some(Code::Unauthenticated) => {
            Error::denied(format!("{what}: the service does not take our credentials"))
        }
        Some(Code::ResourceExhausted) => Error::new(
            ErrorKind::Throttled {
                after: retry_after(error),
            },
            format!("{what}: too many calls for the service"),
        ),
        Some(Code::Aborted | Code::AlreadyExists) => Error::conflict(
            None,
            format!("{what}: somebody else changed it at the same moment"),
        ),
        Some(Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented) => {
            Error::invalid(format!("{what}: the service refuses the request"))
        }
        Some(Code::FailedPrecondition) => Error::invalid(format!(
            "{what}: its state does not allow it: it is disabled or destroyed, or its encryption key is"
        )),
        _ => lost(effect, what),
    }
}

/// Whether the service says that this is not the state in which the call may be made.
pub(crate) fn is_precondition(error: &SdkError) -> bool {
    code(error) == Some(Code::FailedPrecondition)
}

/// Neither an answer nor a refusal: by exclusion, for a client's timeout is none of the other kinds either.
pub(crate) fn lost(effect: Effect, what: &str) -> Error {
    match effect {
        Effect::Reads => Error::unavailable(format!("{what}: no usable answer came")),
        Effect::Changes => Error::unknown_outcome(format!(
            "{what}: no usable answer came, perhaps after it was done"
        )),
    }
}

/// The service's code, or what the status alone says where something in between answered.
fn code(error: &SdkError) -> Option<Code> {
    if let Some(status) = error.status() {
        return Some(status.code);
    }
    Some(match error.http_status_code()? {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::Aborted,
        429 => Code::ResourceExhausted,
        400..=499 => Code::InvalidArgument,
        _ => return None,
    })
}

/// Before anything was sent: either it comes right by itself, or somebody has to give us other credentials.
fn not_identified(error: &SdkError, what: &str) -> Error {
    let transient = error
        .source()
        .and_then(|source| source.downcast_ref::<CredentialsError>())
        .is_some_and(CredentialsError::is_transient);
    match transient {
        true => Error::unavailable(format!("{what}: no access token can be had now")),
        false => Error::denied(format!(
            "{what}: no access token is given for our credentials"
        )),
    }
}

fn retry_after(error: &SdkError) -> Option<Duration> {
    let after = error.http_headers()?.get("retry-after")?.to_str().ok()?;
    after.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::{Effect, failed};
    use google_cloud_gax::error::Error as SdkError;
    use google_cloud_gax::error::rpc::{Code, Status};

    fn words(error: &SdkError) -> (&'static str, &'static str) {
        (
            failed(error, Effect::Reads, "reading").word(),
            failed(error, Effect::Changes, "writing").word(),
        )
    }

    #[test]
    fn each_code_has_its_kind() {
        for (code, kind) in [
            (Code::NotFound, "not_found"),
            (Code::PermissionDenied, "denied"),
            (Code::Unauthenticated, "denied"),
            (Code::ResourceExhausted, "throttled"),
            (Code::Aborted, "conflict"),
            (Code::InvalidArgument, "invalid"),
            (Code::FailedPrecondition, "invalid"),
        ] {
            let status = Status::default().set_code(code);
            assert_eq!(words(&SdkError::service(status)), (kind, kind), "{code:?}");
        }
    }

    #[test]
    fn whatever_is_not_a_refusal_leaves_a_write_in_doubt() {
        let doubt = ("unavailable", "unknown_outcome");
        for code in [
            Code::Unavailable,
            Code::Internal,
            Code::DeadlineExceeded,
            Code::Unknown,
        ] {
            let status = Status::default().set_code(code);
            assert_eq!(words(&SdkError::service(status)), doubt, "{code:?}");
        }
        assert_eq!(words(&SdkError::io("example")), doubt);
        assert_eq!(words(&SdkError::timeout("example")), doubt);
        assert_eq!(words(&SdkError::deser("example")), doubt);
        let connect = SdkError::connect("example");
        assert_eq!(words(&connect), ("unavailable", "unavailable"));
    }

    #[test]
    fn nothing_of_the_service_s_words_is_shown() {
        let status = Status::default()
            .set_code(Code::InvalidArgument)
            .set_message("example-value");
        let error = failed(&SdkError::service(status), Effect::Changes, "writing `a`");
        assert!(!format!("{error} {error:?}").contains("example-value"));
    }
}
