//! A whole project in a temporary folder: files as a person writes them, the real `keywheel` as its own
//! process, daemons, consumers and an issuer. Whatever was started ends with the test, also when it panics.

pub(crate) mod canary;
mod consumer;
pub(crate) mod liar;
mod process;
pub(crate) mod scene;
pub(crate) mod stored;
mod tokens;
mod view;

pub(crate) use consumer::Consumer;
pub(crate) use process::{Daemon, Ran};
pub(crate) use scene::Scene;
pub(crate) use tokens::{Tokens, program as tokens_program};

use keywheel::journal::Journal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) use keywheel_test_servers::counts::show;

/// The program under test.
pub(crate) const KEYWHEEL: &str = env!("CARGO_BIN_EXE_keywheel");
/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Durations short enough for a test; everything else as in production.
pub(crate) const SWIFT: &str = r#"{ every = "30d", jitter = "0s", overlap = "0s", quiet = "0s", undo = "0s", prove_within = "30s" }"#;

/// A project folder.
pub(crate) struct Project {
    folder: TempDir,
    journal: tokio::sync::Mutex<Option<Journal>>,
    daemons: AtomicU32,
}

impl Project {
    /// A folder with `keywheel.toml` and an environment `test`: a store `env` for `.env` files in the folder
    /// `app`, a store `files` for files in the folder `published`, and an owner. No secrets, no journal yet.
    pub(crate) fn new() -> Self {
        Self::with_config("")
    }

    /// The same, with more lines in `keywheel.toml`.
    pub(crate) fn with_config(more: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            journal: tokio::sync::Mutex::new(None),
            daemons: AtomicU32::new(0),
        };
        let config = "journal = \"sqlite://keywheel.db\"\ninventory = \"inventory\"\n\
             seal = { key_file = \"seal.key\" }\n";
        project.write("keywheel.toml", &format!("{config}{more}\n"));
        project.write(
            "inventory/shared.toml",
            "[owners]\nteam = { email = \"team@example.com\" }\n",
        );
        project.write(
            "inventory/test/environment.toml",
            &format!(
                "environment = \"test\"\n\
                 defaults = {{ owner = \"team\", schedule = \"development\", timing = {SWIFT} }}\n\
                 [stores.env]\nkind = \"dotenv\"\nroot = \"app\"\n\
                 [stores.files]\nkind = \"files\"\nroot = \"published\"\n"
            ),
        );
        for folder in ["app", "published", "logs"] {
            std::fs::create_dir(project.path(folder)).unwrap();
        }
        project
    }

    /// A path inside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders it lies in.
    pub(crate) fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, inside: &str) -> String {
        let path = self.path(inside);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Writes the secrets of environment `test`.
    pub(crate) fn secrets(&self, text: &str) {
        self.write("inventory/test/team.toml", text);
    }

    /// The value of a key of a `.env` file below `app`, as a shell reads it.
    pub(crate) fn env_value(&self, file: &str, key: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path(&format!("app/{file}"))).ok()?;
        let raw = text
            .lines()
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .next_back()?;
        let plain = ['\'', '"']
            .iter()
            .find_map(|quote| raw.strip_prefix(*quote)?.strip_suffix(*quote));
        Some(plain.unwrap_or(raw).to_owned())
    }

    /// Runs `keywheel` in the folder until it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.record(Ran::of(self.command(arguments)))
    }

    /// Runs `keywheel` with this on its standard input.
    #[cfg(feature = "http")]
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        use std::io::Write as _;
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        self.record(Ran::from(child.wait_with_output().unwrap()))
    }

    /// Keeps what a command printed, for [`crate::project::Project::leaks`] to search.
    fn record(&self, ran: Ran) -> Ran {
        use std::io::Write as _;
        let path = self.path("logs/commands");
        let mut log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        write!(log, "{}{}", ran.stdout, ran.stderr).unwrap();
        ran
    }

    /// Runs commands that must succeed.
    pub(crate) fn runs(&self, commands: &[&[&str]]) {
        for arguments in commands {
            self.run(arguments).succeeded();
        }
    }

    /// Seal key, journal, inventory: ready for a daemon.
    pub(crate) fn prepared(&self) {
        self.runs(&[&["init", "--bare"], &["inventory", "apply"]]);
    }

    /// Starts a daemon with short leases and waits until it runs.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&["--lease-ms", "3000"])
    }

    /// Starts a daemon and waits until it runs.
    pub(crate) fn daemon_with(&self, more: &[&str]) -> Daemon {
        let daemon = self.daemon_unchecked(more);
        daemon.until_log("keywheel is running");
        daemon
    }

    /// Starts a daemon and waits for nothing.
    pub(crate) fn daemon_unchecked(&self, more: &[&str]) -> Daemon {
        let mut command = self.command(&["daemon"]);
        command.args(more);
        self.daemon_by(command)
    }

    /// Starts a daemon by a command made here.
    pub(crate) fn daemon_by(&self, command: Command) -> Daemon {
        let number = self.daemons.fetch_add(1, Ordering::Relaxed);
        Daemon::start(command, self.path(&format!("logs/daemon-{number}")))
    }

    /// A call of `keywheel` in the folder, in a small environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(KEYWHEEL);
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("USER", "example")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }
}
