//! What two roles that take turns may do, compared: a consumer moved to the other one must miss nothing.

use crate::quote;
use crate::server::Server;
use keywheel_contract::{Error, Result};
use sqlx::Row as _;

/// The rights of one role; `ROLE` is put in.
const RIGHTS: &str = include_str!("grants.sql");

/// How many are named.
const NAMED: usize = 3;

/// # Errors
/// `Invalid`: `next` lacks what `current` may do, with the first few of it.
pub(crate) async fn compare(server: &Server, current: &str, next: &str) -> Result<()> {
    let rights = |role: &str| {
        RIGHTS.replace(
            "rolname = ROLE",
            &format!("rolname = {}", quote::text(role)),
        )
    };
    let sql = format!(
        "SELECT line FROM (({}) EXCEPT ({})) missing ORDER BY line",
        rights(current),
        rights(next)
    );
    let mut admin = server.admin().await?;
    let rows = admin.read(&sql, "compare the rights of two roles").await?;
    let missing: Vec<String> = rows
        .iter()
        .filter_map(|row| row.try_get("line").ok())
        .collect();
    admin.keep();
    match missing.as_slice() {
        [] => Ok(()),
        missing => Err(Error::invalid(told(current, next, missing))),
    }
}

fn told(current: &str, next: &str, missing: &[String]) -> String {
    let named = missing.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = missing.len().saturating_sub(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "`{next}` lacks what `{current}` has: {}{more}; nothing was changed",
        named.join(", ")
    )
}
