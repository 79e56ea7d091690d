//! One PostgreSQL cluster for all tests of a run, one database for each test.
//!
//! `scripts/test` starts the cluster and names it in `KEYWHEEL_TEST_POSTGRES`. A plain `cargo test` starts its own
//! at first need; where PostgreSQL is not installed, tests are skipped and say so.

use keywheel_test_servers::counts::skipped;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

const VARIABLE: &str = "KEYWHEEL_TEST_POSTGRES";
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/servers/throwaway-postgres"
);
/// The script's exit code for "not installed".
const NOT_INSTALLED: i32 = 69;

/// A database of one test's own, on the cluster of the run.
pub(crate) struct Database {
    /// With the database's name.
    pub(crate) url: String,
    name: String,
}

impl Database {
    /// Makes an empty database; `None` where PostgreSQL is not installed, with the reason printed.
    pub(crate) async fn create() -> Option<Self> {
        let cluster = match cluster() {
            Ok(url) => url,
            Err(reason) => {
                skipped(reason);
                return None;
            }
        };
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        administrate(
            cluster,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        )
        .await;
        let (server, _) = cluster.rsplit_once('/').unwrap();
        Some(Self {
            url: format!("{server}/{name}"),
            name,
        })
    }

    /// Ends every connection to it, as a restart of the server would.
    pub(crate) async fn disconnect_everyone(&self) {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        administrate(cluster().unwrap(), &sql).await;
    }

    /// Removes it; a test that failed leaves it for a look, until the cluster goes.
    pub(crate) async fn remove(self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        administrate(cluster().unwrap(), &sql).await;
    }
}

async fn administrate(cluster: &str, sql: &str) {
    let mut connection = PgConnection::connect(cluster).await.unwrap();
    sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A cluster started by this process. The script stops it when our end of its standard input closes.
struct Started {
    url: String,
    _script: Child,
}

fn cluster() -> Result<&'static str, &'static str> {
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    static STARTED: OnceLock<Result<Started, String>> = OnceLock::new();
    if let Some(url) = GIVEN.get_or_init(|| std::env::var(VARIABLE).ok()) {
        return Ok(url);
    }
    let started = STARTED.get_or_init(start).as_ref();
    started
        .map(|started| started.url.as_str())
        .map_err(String::as_str)
}

fn start() -> Result<Started, String> {
    let mut script = Command::new(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(script.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    if !url.is_empty() {
        return Ok(Started {
            url: url.trim_end().to_owned(),
            _script: script,
        });
    }
    let mut reason = String::new();
    script
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut reason)
        .unwrap();
    let ended = script.wait().unwrap();
    assert_eq!(
        ended.code(),
        Some(NOT_INSTALLED),
        "the throwaway cluster did not start: {reason}"
    );
    Err(reason.trim().to_owned())
}
