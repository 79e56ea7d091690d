//! `keywheel inventory`: applying the files to the journal, and comparing before.

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::apply::{self, Applied};
use clap::Subcommand;

/// Compares and applies the inventory's files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Applies the files; the daemon does the same on SIGHUP.
    Apply {
        /// Also take many secrets out of service at once.
        #[arg(long)]
        allow_retire: bool,
    },
    /// Shows what applying would change, and changes nothing.
    Diff,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (config, journal) = context.open().await?;
    let applied = match args.command {
        Command::Apply { allow_retire } => {
            apply::apply(&config, &journal, &Context::actor(), allow_retire).await?
        }
        Command::Diff => apply::compare(&config, &journal).await?,
    };
    Ok(show(&applied))
}

fn show(applied: &Applied) -> Exit {
    for warning in &applied.warnings {
        anstream::eprintln!("warning: {warning}");
    }
    anstream::println!("{}", applied.difference);
    match &applied.held {
        Some(why) => {
            anstream::eprintln!("held: {why}; nothing was applied");
            anstream::eprintln!("next: keywheel inventory apply --allow-retire");
            Exit::Attention
        }
        None => Exit::Done,
    }
}
