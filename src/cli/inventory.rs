//! `keywheel inventory`: applying the files to the journal, comparing before, adopting what is in use.

use super::acting::{Bench, person};
use super::changes;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::selector::Selector;
use crate::adopt::{Adopted, adopt};
use crate::apply::{self, Applied};
use crate::config::{Config, FILE_NAME};
use crate::inventory::{difference, read};
use crate::journal::secrets;
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
    /// Gets to know the values in use: fingerprints, dates and names them, never shows one. Starts nothing.
    Adopt(AdoptArgs),
}

#[derive(Debug, clap::Args)]
struct AdoptArgs {
    #[command(flatten)]
    selector: Selector,
    /// Also keeps dates by which the schedule starts rotations at once.
    #[arg(long)]
    allow_due: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Adopt(args) => adopt_all(context, args).await,
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

async fn adopt_all(context: &Context, args: AdoptArgs) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let person = person("");
    let mut summary = Summary::default();
    for id in args.selector.resolve(&journal).await? {
        let named = id.clone();
        let definition = journal
            .read(async move |tx| secrets::definition(tx, &named).await)
            .await?;
        let Some(definition) = definition else {
            continue;
        };
        match adopt(&journal, &tools, &definition, args.allow_due, &person).await {
            Ok(adopted) => summary.count(&id, adopted),
            Err(error) => {
                anstream::eprintln!("{id}: {error}");
                summary.failed += 1;
            }
        }
    }
    Ok(summary.tell())
}

#[derive(Default)]
struct Summary {
    known: usize,
    nameless: usize,
    undated: usize,
    before: usize,
    failed: usize,
}

impl Summary {
    fn count(&mut self, id: &str, adopted: Adopted) {
        match adopted {
            Adopted::Known { named, dated } => {
                self.known += 1;
                self.nameless += usize::from(!named);
                self.undated += usize::from(!dated);
                let name = if named {
                    ""
                } else {
                    ", cannot be named: write its `current_id`"
                };
                let date = if dated { "" } else { ", not dated" };
                anstream::println!("{id} adopted{name}{date}");
            }
            Adopted::Before => self.before += 1,
            Adopted::Empty => anstream::println!("{id} has no value yet"),
            Adopted::Busy => anstream::println!("{id} is being rotated, which gets to know it"),
        }
    }

    fn tell(&self) -> Exit {
        anstream::eprintln!(
            "{} adopted, {} known before, {} cannot be named, {} not dated, {} failed; nothing was rotated",
            self.known,
            self.before,
            self.nameless,
            self.undated,
            self.failed
        );
        if self.undated > 0 {
            anstream::eprintln!(
                "not dated: the store does not say since when, or the date would start a rotation at once (--allow-due)"
            );
        }
        match (self.failed, self.nameless) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Attention,
            _ => Exit::Failed,
        }
    }
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
