//! `keywheel inventory`: applying the files to the journal, comparing before; discovering, importing and adopting
//! what exists already.

mod adopt;
mod discover;
mod import;

use super::changes;
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::apply::{self, Applied};
use crate::config::{Config, FILE_NAME};
use crate::inventory::{difference, read};
use clap::Subcommand;
use std::path::PathBuf;

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
    Diff {
        /// Compares two folders with a keywheel.toml each instead, without a journal.
        #[arg(num_args = 2, value_names = ["OLD", "NEW"])]
        folders: Vec<PathBuf>,
    },
    Discover(discover::Args),
    Import(import::Args),
    Adopt(adopt::Args),
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Discover(args) => discover::run(context, args).await,
        Command::Import(args) => import::run(context, args).await,
        Command::Adopt(args) => adopt::run(context, args).await,
        Command::Diff { folders } if !folders.is_empty() => between(&folders),
        Command::Apply { allow_retire } => {
            let (config, journal) = context.open().await?;
            let actor = Context::actor();
            Ok(show(
                &apply::apply(&config, &journal, &actor, allow_retire).await?,
            ))
        }
        Command::Diff { .. } => {
            let (config, journal) = context.open().await?;
            let compared = apply::compare(&config, &journal).await?;
            let exit = show(&compared);
            for line in changes::lines(&compared.detail) {
                anstream::println!("{line}");
            }
            Ok(exit)
        }
    }
}

/// What a change does, from the files alone: for review before it is merged.
fn between(folders: &[PathBuf]) -> Result<Exit, Failure> {
    let mut sides = Vec::with_capacity(2);
    for folder in folders {
        let config = Config::load(&folder.join(FILE_NAME))?;
        sides.push(read(&config)?.definitions);
    }
    if let [old, new] = sides.as_slice() {
        let found = difference(old, new);
        anstream::println!("{found}");
        for line in changes::lines(&found) {
            anstream::println!("{line}");
        }
    }
    Ok(Exit::Done)
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
