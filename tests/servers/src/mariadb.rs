//! A real MariaDB server of one test's or one test run's own; see `throwaway-mariadb`.

use crate::authority::Authority;
use crate::counts::skipped;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/throwaway-mariadb");
/// The script's exit code for "not installed".
const NOT_INSTALLED: i32 = 69;

/// A server; it is killed when this is dropped, or with the process.
pub struct MariaDb {
    port: u16,
    home: PathBuf,
    script: Child,
}

impl MariaDb {
    /// A server of a test's own; `None` where MariaDB is not installed, with the reason printed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// The one of the whole run, for tests that keep to accounts of their own.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<MariaDb>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// A server that knows what its clients call themselves.
    #[must_use]
    pub fn with_names() -> Option<Self> {
        Self::with(&["--names"])
    }

    /// A server that also speaks TLS, by a certificate of this authority.
    #[must_use]
    pub fn encrypted(authority: &Authority) -> Option<Self> {
        let folder: TempDir = tempfile::tempdir().unwrap();
        let (certificate, key) = authority.pem();
        let paths = [("certificate.pem", certificate), ("key.pem", key)].map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        });
        Self::with(&[&paths[0], &paths[1]])
    }

    fn with(arguments: &[&str]) -> Option<Self> {
        let mut script = Command::new(SCRIPT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let told = BufReader::new(script.stdout.take().unwrap()).read_line(&mut line);
        told.unwrap();
        if let Some((port, home)) = line.trim().split_once(' ') {
            return Some(Self {
                port: port.parse().unwrap(),
                home: home.into(),
                script,
            });
        }
        let mut reason = String::new();
        let said = script.stderr.take().unwrap().read_to_string(&mut reason);
        said.unwrap();
        let ended = script.wait().unwrap().code();
        assert_eq!(
            ended,
            Some(NOT_INSTALLED),
            "MariaDB did not start: {reason}"
        );
        skipped(reason.trim());
        None
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Statements as `root`, by the command-line client: rows as lines.
    pub fn root(&self, statements: &str) -> String {
        self.client("root", "", statements).unwrap()
    }

    /// Statements as this user, by the command-line client: rows as lines, or what it said instead.
    ///
    /// # Errors
    /// What the client said.
    pub fn client(&self, user: &str, password: &str, statements: &str) -> Result<String, String> {
        let mut command = Command::new("mariadb");
        command
            .args([
                "--no-defaults",
                "--host=127.0.0.1",
                "--batch",
                "--skip-column-names",
            ])
            .args([format!("--port={}", self.port), format!("--user={user}")])
            .args(["--execute", statements])
            .env_remove("MYSQL_PWD");
        if !password.is_empty() {
            command.env("MYSQL_PWD", password);
        }
        let ran = command.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match ran.status.success() {
            true => Ok(said(&ran.stdout)),
            false => Err(said(&ran.stderr)),
        }
    }

    /// Has the command-line client log in and ask for its name, without waiting for it on a thread.
    ///
    /// # Errors
    /// What it said.
    pub async fn log_in_as(&self, user: &str, password: &str) -> Result<(), String> {
        let answer = tokio::process::Command::new("mariadb")
            .args([
                "--no-defaults",
                "--host=127.0.0.1",
                "--batch",
                "--skip-column-names",
            ])
            .args([format!("--port={}", self.port), format!("--user={user}")])
            .args(["--execute", "SELECT CURRENT_USER()"])
            .env("MYSQL_PWD", password)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match said(&answer.stdout) == format!("{user}@%") {
            true => Ok(()),
            false => Err(said(&answer.stderr)),
        }
    }

    /// Whether this password works for this user, as the command-line client sees it.
    #[must_use]
    pub fn accepts(&self, user: &str, password: &str) -> bool {
        match self.client(user, password, "SELECT 1") {
            Ok(_) => true,
            Err(why) => {
                let refused = why.contains("ERROR 1045") || why.contains("ERROR 4151");
                assert!(refused, "{why}");
                false
            }
        }
    }

    /// Every statement it was told, and every other log of it.
    #[must_use]
    pub fn logs(&self) -> String {
        let names = ["general.log", "error.log", "out.log", "install.log"];
        let paths = names.iter().map(|name| self.home.join(name));
        let read = |path: PathBuf| {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        };
        paths.map(read).collect()
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().unwrap();
    }
}
