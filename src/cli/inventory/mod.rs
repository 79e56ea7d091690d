//! `keywheel inventory`: applying the files to the journal, comparing before; discovering, importing and adopting
//! what exists already.

mod adopt;
mod discover;
mod import;

use super::changes;
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::apply::{self, Applied, Wishes};
use crate::config::{Config, FILE_NAME};
use crate::inventory::{difference, read};
use clap::Subcommand;
use keywheel_schedules::{EmptySpread, Span, Spread};
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
        /// Spreads the first starts of what the schedule begins to follow, or would start at once, such as 14d.
        #[arg(long, value_name = "SPAN", value_parser = spread)]
        spread: Option<Spread>,
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
        Command::Apply {
            allow_retire,
            spread,
        } => {
            let wishes = Wishes {
                allow_retire,
                spread,
            };
            applied(context, wishes).await
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

async fn applied(context: &Context, wishes: Wishes) -> Result<Exit, Failure> {
    let (config, journal) = context.open().await?;
    let applied = apply::apply(&config, &journal, &Context::actor(), wishes).await?;
    let exit = show(&applied);
    if let (Some(spread), Exit::Done) = (wishes.spread, exit) {
        let count = applied.first_starts;
        anstream::println!("{count} first starts spread over {spread}; see `keywheel plan`");
    }
    Ok(exit)
}

fn spread(text: &str) -> Result<Spread, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    Spread::over(span).map_err(|error: EmptySpread| error.to_string())
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
