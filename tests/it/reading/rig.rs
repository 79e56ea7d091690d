//! A folder as `keywheel init` makes it, on either database, and rotations run by the program's own daemon.

use crate::servers::postgres::Database;
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The secret that the starter brings.
pub(super) const ID: &str = "development/example-token";

/// A daemon that ends with its test, also with one that fails.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A folder with a journal.
pub(super) struct Rig {
    folder: tempfile::TempDir,
    /// As `keywheel.toml` names it.
    address: String,
}

/// Runs a test on a journal of each kind, after this many rotations; on SQLite only where PostgreSQL is not
/// installed, which is printed.
pub(super) async fn on_both(times: usize, test: impl AsyncFn(&Rig)) {
    test(&Rig::rotated(times)).await;
    if let Some(database) = Database::create().await {
        let rig = Rig::on(&database.url);
        rig.rotate_times(times);
        test(&rig).await;
        drop(rig);
        database.remove().await;
    }
}

impl Rig {
    /// Initialised and applied on SQLite; nothing was rotated.
    pub(super) fn new() -> Self {
        Self::on("sqlite://keywheel.db")
    }

    /// The same on any journal.
    fn on(address: &str) -> Self {
        let rig = Self {
            folder: tempfile::tempdir().unwrap(),
            address: address.to_owned(),
        };
        assert_eq!(rig.run(&["init", "."]).0, 0);
        if !rig.is_sqlite() {
            let file = rig.folder().join("keywheel.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replace("sqlite://keywheel.db", address)).unwrap();
            std::fs::remove_file(rig.folder().join("keywheel.db")).unwrap();
            assert_eq!(rig.run(&["init", "--bare"]).0, 0);
        }
        assert_eq!(rig.run(&["inventory", "apply"]).0, 0);
        rig
    }

    /// Whether the journal is a file.
    pub(super) fn is_sqlite(&self) -> bool {
        self.address.starts_with("sqlite")
    }

    /// On SQLite after this many rotations, one after the other, by a daemon that has stopped.
    pub(super) fn rotated(times: usize) -> Self {
        let rig = Self::new();
        rig.rotate_times(times);
        rig
    }

    fn rotate_times(&self, times: usize) {
        let daemon = self.daemon();
        self.until(|rig| rig.json(&["status", "--output", "json"])["daemons"][0]["pid"].is_i64());
        for done in 1..=times {
            self.rotate();
            self.until(|rig| rig.ended() == done);
        }
        self.until(|rig| {
            rig.json(&["audit", "verify", "--output", "json"])["items"][0]["pending"] == 0
        });
        drop(daemon);
    }

    /// Asks for a rotation without waits.
    fn rotate(&self) {
        let asked = ["rotate-now", ID, "--mode", "cutover", "--reason", "example"];
        let (code, out) = self.run(&asked);
        assert_eq!(code, 0, "{out}");
    }

    fn ended(&self) -> usize {
        let history = self.json(&["history", "--output", "json"]);
        let items = history["items"].as_array().unwrap();
        items.iter().filter(|run| run["state"] == "ended").count()
    }

    fn daemon(&self) -> Daemon {
        let mut command = self.command(&["daemon", "--lease-ms", "2000"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Daemon(command.spawn().unwrap())
    }

    /// Waits for something to be so.
    pub(super) fn until(&self, is: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it took too long"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Exit code, and what was printed to stdout and stderr.
    pub(super) fn run(&self, args: &[&str]) -> (i32, String) {
        let output = self.output(args);
        let (out, err) = (&output.stdout, &output.stderr);
        let text = [out.as_slice(), err.as_slice()].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(text).unwrap(),
        )
    }

    /// What was printed to stdout, as JSON.
    pub(super) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.output(args).stdout).unwrap()
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keywheel"));
        command.current_dir(self.folder()).args(args);
        command.env_remove("KEYWHEEL_CONFIG");
        command
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its journal, opened by this process.
    pub(super) async fn journal(&self) -> Journal {
        let address = Address::parse(&self.address, self.folder()).unwrap();
        Journal::open(address, Arc::new(SystemClock)).await.unwrap()
    }
}
