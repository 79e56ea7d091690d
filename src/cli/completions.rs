//! `keywheel completions`: what a shell needs to complete commands.

use super::exit::{Exit, Failure};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Prints the completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    let mut command = super::Cli::command();
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "keywheel", &mut text);
    anstream::print!("{}", String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
