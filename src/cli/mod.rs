//! The command line: one file per command with its `Args` and `run`.
//!
//! Data goes to stdout, everything else to stderr. A command opens the journal itself; with a daemon alive it
//! writes a request and watches.

mod audit;
mod context;
mod daemon;
mod exec_shim;
mod exit;
mod heading;
mod init;
mod inventory;
mod log;
mod output;
mod rotate_now;
mod selector;
mod status;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use context::Context;
use std::path::PathBuf;

/// Rotates secrets, and ends the old one only on evidence that nobody uses it.
#[derive(Debug, Parser)]
#[command(name = "keywheel", version, propagate_version = true)]
pub struct Cli {
    /// The configuration; otherwise KEYWHEEL_CONFIG, otherwise keywheel.toml in this folder.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Inventory(inventory::Args),
    Daemon(daemon::Args),
    Status(status::Args),
    RotateNow(rotate_now::Args),
    Audit(audit::Args),
    #[command(hide = true)]
    ExecShim(exec_shim::Args),
}

impl Cli {
    /// Runs the command and answers with the exit code.
    pub async fn run(self) -> Exit {
        let context = Context::new(self.config);
        let outcome = match self.command {
            Command::Init(args) => init::run(&context, args).await,
            Command::Inventory(args) => inventory::run(&context, args).await,
            Command::Daemon(args) => daemon::run(&context, args).await,
            Command::Status(args) => status::run(&context, args).await,
            Command::RotateNow(args) => rotate_now::run(&context, args).await,
            Command::Audit(args) => audit::run(&context, args).await,
            Command::ExecShim(args) => Ok(exec_shim::run(args)),
        };
        outcome.unwrap_or_else(|failure| failure.report())
    }

    /// Whether the command is the shim, which must not start a runtime or threads.
    pub fn is_shim(&self) -> bool {
        matches!(self.command, Command::ExecShim(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_fit_together() {
        super::Cli::command().debug_assert();
    }
}
