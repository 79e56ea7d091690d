//! What the driver says, in the terms of the contract. Its own words are not passed on: they may quote statements.

use keywheel_contract::{Error, ErrorKind};
use std::borrow::Cow;
use std::io;

const TLS: &str =
    "TLS failed: the server has none, or `ca_file` does not vouch for its certificate";

/// Codes of `src/backend/utils/errcodes.txt`.
pub(crate) const WRONG_PASSWORD: &str = "28P01";
/// No login, no line in `pg_hba.conf`, and others.
pub(crate) const NOT_ALLOWED: &str = "28000";
const NO_RIGHT: &str = "42501";
const NO_SUCH_ROLE: &str = "42704";
const NO_SUCH_DATABASE: &str = "3D000";

/// The code of the server's refusal; `None` where it did not answer.
pub(crate) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(|error| error.code())
}

/// Whether the connection is over, ended by the server or broken.
pub(crate) fn has_ended(error: &sqlx::Error) -> bool {
    code(error).is_none_or(|code| code.starts_with("08") || code.starts_with("57P"))
}

/// A statement of the admin was refused, or did not get an answer. `doing` completes "may not …".
pub(crate) fn of_statement(error: &sqlx::Error, doing: &str) -> Error {
    let Some(code) = code(error) else {
        return Error::unavailable(format!("no answer from the server: {}", cause(error)));
    };
    match code.as_ref() {
        NO_RIGHT => Error::denied(format!(
            "the admin may not {doing}: it needs CREATEROLE, from PostgreSQL 16 on also ADMIN OPTION on the role, and \
             `pg_read_all_stats` and `pg_signal_backend` for sessions"
        )),
        NO_SUCH_ROLE => Error::not_found(format!("the server knows no such role (to {doing})")),
        passing if is_passing(passing) => Error::unavailable(format!(
            "the server cannot {doing} now (SQLSTATE {passing})"
        )),
        other => Error::invalid(format!(
            "the server refuses to {doing} (SQLSTATE {other}): see its log; a policy for passwords has to allow SCRAM \
             verifiers"
        )),
    }
}

/// The admin could not log in.
pub(crate) fn of_admin(error: &sqlx::Error, user: &str) -> Error {
    match code(error).as_deref() {
        Some(WRONG_PASSWORD | NOT_ALLOWED) => Error::denied(format!(
            "the server refuses the admin `{user}`: its password is wrong or expired, it has no LOGIN, or no line of \
             pg_hba.conf lets it in from here"
        )),
        Some(NO_SUCH_DATABASE) => Error::invalid("there is no such database"),
        Some(NO_RIGHT) => Error::denied(format!("`{user}` may not connect to the database")),
        Some(code) => {
            Error::unavailable(format!("the server lets nobody in now (SQLSTATE {code})"))
        }
        None => Error::unavailable(format!("no connection: {}", cause(error))),
    }
}

/// The same after which nobody knows whether it took effect: where the connection is over, its transaction may have been
/// committed before.
pub(crate) fn in_doubt(error: &sqlx::Error, doing: &str) -> Error {
    if !has_ended(error) {
        return of_statement(error, doing);
    }
    let why = match code(error) {
        Some(code) => format!("the server ended the session (SQLSTATE {code})"),
        None => cause(error),
    };
    Error::new(
        ErrorKind::UnknownOutcome,
        format!("no answer to the request to {doing}: {why}"),
    )
}

/// Why there is no answer, without what the driver quotes.
pub(crate) fn cause(error: &sqlx::Error) -> String {
    match error {
        // What the handshake does not like comes as invalid data.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => TLS.to_owned(),
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::Tls(_) => TLS.to_owned(),
        _ => "the connection broke".to_owned(),
    }
}

/// Whether the same may succeed later: resources, locks, a server that starts or stops, a standby that becomes the
/// primary (25006), a transaction that was given up (25P03, 25P04) or is to be repeated, two that changed one role at
/// once.
fn is_passing(code: &str) -> bool {
    let classes = ["08", "40", "53", "57", "58", "XX"];
    let codes = ["25006", "25P03", "25P04", "55P03"];
    codes.contains(&code) || classes.iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for code in [
            "53300", "57P03", "57014", "55P03", "40001", "XX000", "25006", "25P03",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["22023", "42601", "28P01", "55000", "25001"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
