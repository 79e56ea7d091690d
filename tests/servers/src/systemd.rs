//! A real systemd of one test's own, with a bus of its own; see `throwaway-systemd`. It is a user's instance, which runs
//! services as the machine's own does; it asks no polkit, so that refusals are the bus's.

use crate::counts::skipped;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The program that starts and stops it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/throwaway-systemd");
/// The script's exit code for what cannot be had here.
const NOT_HERE: i32 = 69;
/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A systemd; it ends when this is dropped, or with the process, and every service with it.
pub struct Systemd {
    folder: PathBuf,
    process: Child,
}

impl Systemd {
    /// One without services; `None` where it cannot be had, with the reason printed: no systemd, or not root.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::started(None).map_err(skipped).ok()
    }

    /// The one of the whole run, for tests that keep to units of their own.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Systemd, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::started(None)).as_ref();
        shared.map_err(skipped).ok()
    }

    /// One of a test's own, whose bus lets nobody call this method of its manager.
    #[must_use]
    pub fn denying(member: &str) -> Option<Self> {
        Self::started(Some(member)).map_err(skipped).ok()
    }

    /// One, or why it cannot be had.
    fn started(denied: Option<&str>) -> Result<Self, String> {
        let mut process = Command::new(SCRIPT)
            .args(denied)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        if !line.is_empty() {
            let folder = line.trim_end().into();
            return Ok(Self { folder, process });
        }
        let ended = process.wait_with_output().unwrap();
        let why = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(NOT_HERE), "{why}");
        Err(format!("no systemd: {}", why.trim()))
    }

    /// The D-Bus address at which it answers.
    #[must_use]
    pub fn bus(&self) -> String {
        format!("unix:path={}/run/bus", self.folder.display())
    }

    /// A folder for what services write, gone with this.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the `[Service]` of a unit; one that was named before has to be read anew.
    pub fn write(&self, unit: &str, service: &str) {
        let path = self.folder.join("units").join(unit);
        std::fs::write(path, format!("[Service]\n{service}\n")).unwrap();
    }

    /// Writes a unit and starts it.
    pub fn run(&self, unit: &str, service: &str) {
        self.write(unit, service);
        self.systemctl(&["start", unit]).unwrap();
    }

    /// What `systemctl` printed.
    ///
    /// # Errors
    /// What it said instead.
    pub fn systemctl(&self, arguments: &[&str]) -> Result<String, String> {
        let ran = Command::new("systemctl")
            .arg("--user")
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus())
            // Its socket beside the bus is for those in its namespaces only.
            .env("SYSTEMCTL_FORCE_BUS", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match ran.status.success() {
            true => Ok(said(&ran.stdout)),
            false => Err(said(&ran.stderr)),
        }
    }

    /// A property of a unit, as `systemctl` shows it.
    #[must_use]
    pub fn shows(&self, unit: &str, property: &str) -> String {
        self.systemctl(&["show", "--value", "--property", property, unit])
            .unwrap()
    }

    /// Waits until a property is like this.
    pub fn until(&self, unit: &str, property: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.shows(unit, property);
            if wanted(&now) {
                return;
            }
            assert!(Instant::now() < end, "{unit}: {property} is {now}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}
