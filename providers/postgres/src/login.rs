//! Logging in as a consumer would.

use crate::refusal::{NOT_ALLOWED, WRONG_PASSWORD, cause, code};
use crate::server::Server;
use keywheel_contract::{Error, Result, SecretValue};
use sqlx::Connection as _;

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Let in.
    Accepted,
    /// Refused for its password: wrong, none, or past `VALID UNTIL`.
    WrongPassword,
    /// Refused before that: the role has no LOGIN, or no line of `pg_hba.conf` is about it.
    NotAllowed,
    /// It cannot be told now, and why.
    Unknown(String),
}

/// Logs in over a fresh connection, and out again.
///
/// # Errors
/// `Invalid`: the password was right, and the role may not use the database.
pub(crate) async fn log_in(server: &Server, user: &str, password: &SecretValue) -> Result<Login> {
    let _slot = server.slot().await?;
    let error = match server.connect(user, password).await {
        Ok(connection) => {
            // Whether the server hears of the goodbye does not matter: it was let in.
            drop(connection.close().await);
            return Ok(Login::Accepted);
        }
        Err(error) => error,
    };
    let database = server.database();
    Ok(match code(&error).as_deref() {
        Some(WRONG_PASSWORD) => Login::WrongPassword,
        Some(NOT_ALLOWED) => Login::NotAllowed,
        Some("42501") => {
            return Err(Error::invalid(format!(
                "`{user}` may not connect to the database `{database}`: GRANT CONNECT to it"
            )));
        }
        Some("3D000") => {
            return Err(Error::invalid(format!("there is no database `{database}`")));
        }
        Some(code) => Login::Unknown(format!("SQLSTATE {code}")),
        None => Login::Unknown(cause(&error)),
    })
}
