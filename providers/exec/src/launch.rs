//! How a program is started: through the shim, with nothing inherited.

use crate::program::Program;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// The command that starts the shim; parent, program and arguments are added behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// Program and first arguments of the shim.
    pub shim: Vec<OsString>,
}

impl Launcher {
    /// This very binary, as `exec-shim --`.
    ///
    /// By its link in `/proc` where there is one: that is the running program even after an upgrade has
    /// replaced the file.
    ///
    /// # Errors
    /// The system does not say which file is running.
    pub fn current_program() -> std::io::Result<Self> {
        let link = Path::new("/proc/self/exe");
        let program = if link.exists() {
            link.to_owned()
        } else {
            std::env::current_exe()?
        };
        Ok(Self {
            shim: vec![program.into(), "exec-shim".into(), "--".into()],
        })
    }

    /// The command of one call, ready to start: no shell, own process group, pipes for all three streams.
    pub(crate) fn command(&self, program: &Program, op: &str) -> Option<Command> {
        let (shim, first) = self.shim.split_first()?;
        let mut command = Command::new(shim);
        command
            .args(first)
            .arg(std::process::id().to_string())
            .arg(&program.path)
            .args(&program.args)
            .arg(op)
            .env_clear()
            .envs(&program.environment)
            .current_dir(&program.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Some(command)
    }
}
