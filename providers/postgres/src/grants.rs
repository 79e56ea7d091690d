//! What two roles that take turns may do, compared: a consumer moved to the other one must miss nothing.

use crate::quote;
use crate::server::Server;
use keywheel_contract::Result;
use keywheel_database::lacks;
use sqlx::Row as _;

/// The rights of one role; `ROLE` is put in.
const RIGHTS: &str = include_str!("grants.sql");

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
    lacks(current, next, &missing)
}
