//! The command line: one file per command with its `Args` and `run`.
//!
//! Data goes to stdout, everything else to stderr. A command opens the journal itself; with a daemon alive it
//! writes a request and watches.

mod acting;
mod audit;
mod cancel;
mod changes;
mod check;
mod completions;
mod context;
mod daemon;
mod exec_shim;
mod exit;
mod heading;
mod history;
mod init;
mod inventory;
mod log;
mod man;
mod notify;
mod output;
mod pause;
mod plan;
mod plugin;
mod progress;
mod prove;
mod provide;
mod reenable;
mod retry;
mod rollback;
mod rotate_now;
mod schema;
mod selector;
mod show;
mod standby;
mod status;
mod typed;
mod vouch;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use context::Context;
use std::path::PathBuf;

/// Rotates secrets, and ends the old one only on evidence that nobody uses it.
#[derive(Debug, Parser)]
#[command(name = "keywheel", version, propagate_version = true)]
pub struct Cli {
    /// The configuration; otherwise `KEYWHEEL_CONFIG`, otherwise `keywheel.toml` in this folder.
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
    Show(show::Args),
    Plan(plan::Args),
    History(history::Args),
    RotateNow(rotate_now::Args),
    Provide(provide::Args),
    Standby(standby::Args),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Retry(retry::Args),
    Rollback(rollback::Args),
    Reenable(reenable::Args),
    Cancel(cancel::Args),
    Notify(notify::Args),
    Vouch(vouch::Args),
    Prove(prove::Args),
    Check(check::Args),
    Plugin(plugin::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
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
            Command::Show(args) => show::run(&context, args).await,
            Command::Plan(args) => plan::run(&context, args).await,
            Command::History(args) => history::run(&context, args).await,
            Command::Status(args) => status::run(&context, args).await,
            Command::RotateNow(args) => rotate_now::run(&context, args).await,
            Command::Provide(args) => provide::run(&context, args).await,
            Command::Standby(args) => standby::run(&context, args).await,
            Command::Pause(args) => pause::pause(&context, args).await,
            Command::Resume(args) => pause::resume(&context, args).await,
            Command::Retry(args) => retry::run(&context, args).await,
            Command::Rollback(args) => rollback::run(&context, args).await,
            Command::Reenable(args) => reenable::run(&context, args).await,
            Command::Cancel(args) => cancel::run(&context, args).await,
            Command::Notify(args) => notify::run(&context, args).await,
            Command::Vouch(args) => vouch::run(&context, args).await,
            Command::Prove(args) => prove::run(&context, args).await,
            Command::Check(args) => check::run(&context, args).await,
            Command::Plugin(args) => plugin::run(&context, args).await,
            Command::Schema(args) => schema::run(args),
            Command::Completions(args) => completions::run(args),
            Command::Man(args) => man::run(args),
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
