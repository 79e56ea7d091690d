//! Who is logged in as a role.

use crate::change::{begin, undo};
use crate::identity::Identity;
use crate::quote;
use crate::server::{Admin, Server};
use keywheel_contract::{Result, Session};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// Sessions of the credential, with where they come from. Sessions of a role belong to the value it was given last, for
/// those of the one before were ended with it; an older value has none.
pub(crate) async fn sessions(server: &Server, identity: &Identity) -> Result<Vec<Session>> {
    let mut admin = server.admin().await?;
    let standing = begin(&mut admin, &identity.principal, "look at sessions").await?;
    let found = match standing.mark.numbers.stands(identity.value) {
        true => of_role(&mut admin, &identity.principal).await?,
        false => Vec::new(),
    };
    undo(admin).await?;
    Ok(found)
}

/// Sessions of a role, whatever its value.
pub(crate) async fn sessions_of_role(server: &Server, role: &str) -> Result<Vec<Session>> {
    let mut admin = server.admin().await?;
    let found = of_role(&mut admin, role).await?;
    admin.keep();
    Ok(found)
}

/// Ends them, and says how many there were.
pub(crate) async fn end(server: &Server, identity: &Identity) -> Result<u64> {
    let mut admin = server.admin().await?;
    let standing = begin(&mut admin, &identity.principal, "end sessions").await?;
    let mut ended = 0;
    if standing.mark.numbers.stands(identity.value) {
        let sql = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS ended {}",
            from(&identity.principal)
        );
        let rows = admin.read(&sql, "end sessions").await?;
        ended = rows
            .last()
            .and_then(|row| row.try_get("ended").ok())
            .unwrap_or(0_i64);
    }
    undo(admin).await?;
    Ok(u64::try_from(ended).unwrap_or(0))
}

async fn of_role(admin: &mut Admin<'_>, role: &str) -> Result<Vec<Session>> {
    // Without `pg_read_all_stats` the address of another role's session is not shown.
    let sql = format!(
        "SELECT pid::text || '@' || coalesce(extract(epoch FROM backend_start)::bigint::text, '?') AS id, \
         host(client_addr) AS address, nullif(application_name, '') AS application {} ORDER BY backend_start",
        from(role)
    );
    let rows = admin.read(&sql, "look at sessions").await?;
    Ok(rows.iter().filter_map(session).collect())
}

fn session(row: &PgRow) -> Option<Session> {
    Some(keywheel_database::session(
        row.try_get("id").ok()?,
        row.try_get("address").ok()?,
        row.try_get("application").ok()?,
    ))
}

fn from(role: &str) -> String {
    let role = quote::text(role);
    format!("FROM pg_catalog.pg_stat_activity WHERE usename = {role} AND pid <> pg_backend_pid()")
}
