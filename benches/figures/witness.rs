//! What the database server itself shows of rotations, whoever made them: roles whose password is another one now.

use anyhow::{Result, ensure};
use keywheel_test_servers::postgres::Postgres;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use std::time::{Duration, Instant};

/// The server is asked this often.
const LOOK: Duration = Duration::from_millis(20);
/// Everything that is waited for has come by then.
const PATIENCE: Duration = Duration::from_secs(600);

const CHANGED: &str = "SELECT count(*) FROM seen JOIN pg_authid USING (rolname) \
    WHERE pg_authid.rolpassword IS DISTINCT FROM seen.rolpassword";

/// Remembers the passwords of some roles, as the server keeps them.
pub(crate) struct Witness {
    session: PgConnection,
}

impl Witness {
    /// Of all roles `PREFIX_…`, as they are now.
    pub(crate) async fn of(server: &Postgres, prefix: &str) -> Result<Self> {
        let mut session = server.superuser().await;
        let sql = format!(
            "CREATE TEMPORARY TABLE seen AS SELECT rolname, rolpassword FROM pg_authid \
             WHERE rolname LIKE '{prefix}\\_%'"
        );
        session.execute(AssertSqlSafe(sql)).await?;
        Ok(Self { session })
    }

    /// Waits until at least so many have another password.
    pub(crate) async fn until(&mut self, count: usize) -> Result<()> {
        let (wanted, asked) = (i64::try_from(count)?, Instant::now());
        loop {
            let (changed,): (i64,) = sqlx::query_as(CHANGED).fetch_one(&mut self.session).await?;
            if changed >= wanted {
                return Ok(());
            }
            ensure!(
                asked.elapsed() < PATIENCE,
                "{changed} of {count} roles have another password after ten minutes"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}
