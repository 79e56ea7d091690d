//! Who is logged in as an account in turn.

use super::Value;
use crate::mariadb;
use crate::quote;
use crate::server::{Admin, Server, text};
use keywheel_contract::{Result, Session};
use std::time::Duration;

/// Our own tests are over by then: who is still there is somebody else.
const STAYS: Duration = Duration::from_millis(200);

/// Sessions of the value that the account was given last: those of the one before were ended before its turn came. An
/// older value has none.
pub(crate) async fn of_value(server: &Server, value: Value) -> Result<Vec<Session>> {
    let mut admin = server.admin().await?;
    match admin.standing().await?.mark.numbers.stands(value) {
        true => admin.sessions().await,
        false => Ok(Vec::new()),
    }
}

/// Ends them, and says how many there were.
pub(crate) async fn end(server: &Server, value: Value) -> Result<u64> {
    let mut admin = server.admin().await?;
    let standing = admin.standing().await?;
    if !standing.mark.numbers.stands(value) {
        return Ok(0);
    }
    let open = admin.listed().await?;
    if open.is_empty() {
        return Ok(0);
    }
    admin.ensure_may_close().await?;
    let closing = mariadb::closing(server.user());
    admin.do_if(&standing.account, closing).await?;
    Ok(u64::try_from(open.len()).unwrap_or(u64::MAX))
}

impl Admin<'_> {
    /// Those of the account's user, whatever their host part.
    ///
    /// # Errors
    /// `Denied`: it does not see those of others.
    pub(crate) async fn sessions(&mut self) -> Result<Vec<Session>> {
        let first = self.listed().await?;
        if first.is_empty() {
            return Ok(first);
        }
        tokio::time::sleep(STAYS).await;
        let mut stayed = self.listed().await?;
        stayed.retain(|session| first.iter().any(|one| one.id == session.id));
        Ok(stayed)
    }

    async fn listed(&mut self) -> Result<Vec<Session>> {
        self.ensure_sees_others().await?;
        // Names are kept by the performance schema alone, which is off by default.
        let question = format!(
            "SELECT p.ID AS Id, p.HOST AS Host, a.ATTR_VALUE AS Application FROM information_schema.PROCESSLIST p \
             LEFT JOIN performance_schema.session_connect_attrs a \
             ON a.PROCESSLIST_ID = p.ID AND a.ATTR_NAME = 'program_name' WHERE p.USER = {} ORDER BY p.ID",
            quote::text(self.server.user())
        );
        let rows = self.read("who is logged in", question).await?;
        let session = |row| {
            let host = text(row, "Host")?.filter(|host| !host.is_empty());
            Ok(keywheel_database::session(
                text(row, "Id")?.unwrap_or_default(),
                host.map(|host| address(&host).to_owned()),
                text(row, "Application")?,
            ))
        };
        rows.iter().map(session).collect()
    }
}

/// Without the port of the client.
fn address(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((address, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => address,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_port_of_a_client_is_no_part_of_its_address() {
        for (host, expected) in [
            ("127.0.0.1:40000", "127.0.0.1"),
            ("::1:40000", "::1"),
            ("app.example.com:1", "app.example.com"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(address(host), expected);
        }
    }
}
