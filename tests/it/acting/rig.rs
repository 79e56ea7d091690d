//! A folder with an inventory, and the built program in it.

use crate::project::canary::found_in;
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, Tx, audit};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A value no output may ever show.
pub(crate) const CANARY: &str = "example-canary-brought-by-a-person-000000";

/// `other/token` of a real issuer, with time to look at each end of its rotation.
pub(crate) const TOKEN: &str = r#"
[secrets.token]
issuer = { kind = "exec", program = "token-issuer", config = { path = "tokens.json" } }
publish_to = [{ store = "main", path = "token" }]
no_consumers = "a test"
timing = { overlap = "1h", quiet = "0s", undo = "1h" }
"#;

/// A folder that `keywheel init` was run in.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
}

/// How a run of the program ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The lines of stdout as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.err))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        let said = format!("{}{}", ran.out, ran.err);
        let found = found_in(said.as_bytes(), CANARY);
        assert!(found.is_empty(), "a value was printed as {found:?}");
        ran
    }
}

impl Rig {
    /// The starter inventory, applied.
    pub(crate) fn starter() -> Self {
        let rig = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        rig.ok(&["init"]);
        rig.ok(&["inventory", "apply"]);
        rig
    }

    /// The starter with one environment more: `text` is its only team file.
    pub(crate) fn with(environment: &str, text: &str) -> Self {
        let rig = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        rig.ok(&["init"]);
        let settings = format!(
            "environment = \"{environment}\"\ndefaults = {{ owner = \"me\", schedule = \"development\", manage = \"auto\" }}\n\
             [stores.main]\nkind = \"files\"\nroot = \"published\"\n"
        );
        rig.write(
            &format!("inventory/{environment}/environment.toml"),
            &settings,
        );
        rig.write(&format!("inventory/{environment}/team.toml"), text);
        rig.append("keywheel.toml", &plugins());
        rig.ok(&["inventory", "apply"]);
        rig
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        let before = fs::read_to_string(self.path().join(name)).unwrap();
        self.write(name, &format!("{before}\n{text}"));
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program, with these words, in the folder.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keywheel"));
        command
            .args(words)
            .current_dir(self.path())
            .env("NO_COLOR", "1");
        command
    }

    /// Runs the program without a terminal and with nothing on stdin.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.command(words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
            .into()
    }

    /// Runs it with this on stdin.
    pub(crate) fn run_with(&self, words: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses before it reads closes the pipe: that is no fault of the test.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap().into()
    }

    /// Runs it and expects that it did what it was asked.
    pub(crate) fn ok(&self, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, 0, "{words:?}: {} {}", ran.out, ran.err);
        ran
    }

    /// Starts a daemon; it ends with the value.
    pub(crate) fn daemon(&self) -> Daemon {
        let log = fs::File::create(self.path().join("daemon.log")).unwrap();
        let child = self
            .command(&["daemon"])
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.until("the daemon runs", || {
            self.read("daemon.log").contains("keywheel is running")
        });
        Daemon(child)
    }

    /// Every audit row, placed or not, as words.
    pub(crate) fn audit(&self) -> Vec<String> {
        let address = Address::Sqlite(self.path().join("keywheel.db"));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rows = runtime.block_on(async {
            let journal = Journal::open(address, Arc::new(SystemClock)).await.unwrap();
            let all = async |tx: &mut Tx| {
                let filter = audit::Filter {
                    limit: 10_000,
                    ..audit::Filter::default()
                };
                let mut rows = audit::list(tx, &filter).await?;
                rows.extend(audit::unsequenced(tx).await?);
                Ok(rows)
            };
            journal.read(all).await.unwrap()
        });
        rows.into_iter()
            .map(|row| {
                let e = row.entry;
                let words = [
                    e.actor,
                    e.action,
                    e.phase,
                    e.outcome,
                    e.destination,
                    e.evidence,
                    e.detail,
                ];
                words.join(" ")
            })
            .collect()
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "never: {what}\n{}",
                self.audit().join("\n")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the audit has a row with all of these words.
    pub(crate) fn audited(&self, words: &[&str]) {
        self.until(&words.join(" "), || {
            let rows = self.audit();
            rows.iter()
                .any(|row| words.iter().all(|word| row.contains(word)))
        });
    }
}

/// A running daemon.
pub(crate) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The plugins of the repository, as programs of a configuration.
fn plugins() -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("providers/exec/examples/plugins");
    format!(
        "[programs.token-issuer]\npath = \"{0}/token-issuer\"\n[programs.env-file-consumer]\npath = \"{0}/env-file-consumer\"\n",
        folder.display()
    )
}
