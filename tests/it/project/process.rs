//! Processes of `keywheel`: commands that end, and daemons that end with the test.

use super::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    pub(super) fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Insists on exit code 0.
    pub(crate) fn succeeded(self) -> Self {
        self.ended(0)
    }

    /// Insists on an exit code.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Insists on words in what it said to people, wherever its lines were broken.
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let said = format!("{}{}", self.stdout, self.stderr).replace("\n    ", " ");
        for word in words {
            assert!(
                said.contains(word),
                "`{word}` is not in:\n{}{}",
                self.stdout,
                self.stderr
            );
        }
        self
    }
}

/// A daemon, killed with the test.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub(super) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        command
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .stdin(Stdio::null());
        let child = command.spawn().unwrap();
        Self { child, log }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for words in its log.
    pub(crate) fn until_log(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(
                Instant::now() < end,
                "`{words}` did not come:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Waits until it ended by itself.
    pub(crate) fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < end,
                "it still runs after {patience:?}:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM; insists that it drains in time and with exit code 0.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.ended_within(Duration::from_secs(20));
        assert_eq!(status.code(), Some(0), "{}", self.log());
        self.log()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let mut stderr = std::io::stderr();
            drop(writeln!(
                stderr,
                "--- {}\n{}",
                self.log.display(),
                self.log()
            ));
        }
    }
}
