//! Programs of other people in Python: vendors' own clients as witnesses, emulators as servers.

use crate::counts::skipped;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python-packages");
const WHILE_HELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/while-held");

/// A set of installed packages.
#[derive(Debug, Clone)]
pub struct Packages(PathBuf);

impl Packages {
    /// Exactly these (`name==version`) and what they need; `None` where they are not installed and cannot be, with
    /// the reason printed.
    #[must_use]
    pub fn installed(names: &[&str]) -> Option<Self> {
        let done = Command::new(INSTALL).args(names).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() {
            return Some(Self(PathBuf::from(text(&done.stdout))));
        }
        skipped(text(&done.stderr));
        None
    }

    /// The folder they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Runs a script that sees these packages, with `input` on its standard input; what it prints.
    ///
    /// # Panics
    /// It fails, with what it said.
    #[must_use]
    pub fn run(&self, script: &str, arguments: &[&str], input: &str) -> String {
        let mut child = self
            .command("python3")
            .arg("-c")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// A program that sees these packages; their own programs are found by name.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let own = self.0.join("bin").join(program);
        let mut command = Command::new(if own.exists() { own } else { program.into() });
        command.env("PYTHONPATH", &self.0);
        command
    }

    /// A server that runs until the returned child is dropped by [`stop`], or this process ends in whatever way.
    #[must_use]
    pub fn serve(&self, program: &str, arguments: &[&str]) -> Child {
        let own = self.0.join("bin").join(program);
        Command::new(WHILE_HELD)
            .arg(if own.exists() { own } else { program.into() })
            .args(arguments)
            .env("PYTHONPATH", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// Ends a server started by [`Packages::serve`].
pub fn stop(server: &mut Child) {
    drop(server.stdin.take());
    drop(server.wait());
}

/// A port that was free a moment ago.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
