//! Changing a role: its mark is read, checked and rewritten in the transaction that alters it.

use crate::mark::Mark;
use crate::quote;
use crate::server::{Admin, Server};
use aws_lc_rs::digest;
use keywheel_contract::{Error, Result};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// A role as it is now.
pub(crate) struct Standing {
    pub(crate) mark: Mark,
    /// LOGIN or NOLOGIN.
    pub(crate) can_login: bool,
    /// `VALID UNTIL` has passed.
    pub(crate) has_expired: bool,
    comment: String,
}

/// What is to be done to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What follows `ALTER ROLE name`; nothing where only the mark changes.
    pub(crate) alter: Option<String>,
    pub(crate) mark: Mark,
}

/// A role, looked at without changing it.
///
/// # Errors
/// `NotFound`: there is no such role. `Invalid`: its mark cannot be read.
pub(crate) async fn look(server: &Server, role: &str) -> Result<Standing> {
    let mut admin = server.admin().await?;
    let rows = admin.read(&reading(role), "look at the role").await?;
    let standing = standing(role, rows.last());
    admin.keep();
    standing
}

/// Does what `decide` makes of the role as it is, or nothing, while nobody else changes it.
///
/// # Errors
/// Those of `decide`, and of the server. `UnknownOutcome`: it may have been done.
pub(crate) async fn change(
    server: &Server,
    role: &str,
    doing: &str,
    decide: impl FnOnce(&Standing) -> Result<Option<Change>>,
) -> Result<()> {
    let mut admin = server.admin().await?;
    let standing = begin(&mut admin, role, doing).await?;
    let Some(change) = decide(&standing)? else {
        return undo(admin).await;
    };
    let (name, comment) = (quote::name(role), change.mark.write(&standing.comment));
    let alter = change.alter.map(|how| format!("ALTER ROLE {name} {how}; "));
    let alter = alter.unwrap_or_default();
    let comment = quote::text(&comment);
    let sql = format!("{alter}COMMENT ON ROLE {name} IS {comment}; COMMIT");
    admin.change(&sql, doing).await?;
    admin.keep();
    Ok(())
}

/// Begins a transaction in which nobody else of ours changes the role, and looks at it. One round trip: every statement
/// sees what was committed when it began, so that the reading, which follows the lock, sees the last change.
pub(crate) async fn begin(admin: &mut Admin<'_>, role: &str, doing: &str) -> Result<Standing> {
    let (lock, reading) = (lock(role), reading(role));
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({lock}); {reading}"
    );
    let rows = admin.read(&sql, doing).await?;
    standing(role, rows.last())
}

/// Ends a transaction in which nothing was done.
pub(crate) async fn undo(mut admin: Admin<'_>) -> Result<()> {
    admin.read("ROLLBACK", "end a transaction").await?;
    admin.keep();
    Ok(())
}

fn reading(role: &str) -> String {
    let role = quote::text(role);
    format!(
        "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') AS comment, rolcanlogin AS can_login, \
         coalesce(rolvaliduntil <= now(), false) AS has_expired FROM pg_catalog.pg_roles WHERE rolname = {role}"
    )
}

fn standing(role: &str, row: Option<&PgRow>) -> Result<Standing> {
    let found = row.and_then(|row| {
        Some((
            row.try_get::<String, _>("comment").ok()?,
            row.try_get("can_login").ok()?,
            row.try_get("has_expired").ok()?,
        ))
    });
    let Some((comment, can_login, has_expired)) = found else {
        return Err(Error::not_found(format!("there is no role `{role}`")));
    };
    let mark = Mark::read(&comment);
    Ok(Standing {
        mark: mark.map_err(|error| Error::invalid(format!("{role}: {error}")))?,
        can_login,
        has_expired,
        comment,
    })
}

/// The number of a lock of this role's own, the same for everyone.
fn lock(role: &str) -> i64 {
    let hash = digest::digest(&digest::SHA256, format!("keywheel role {role}").as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_ref()[..8]);
    i64::from_be_bytes(bytes)
}
