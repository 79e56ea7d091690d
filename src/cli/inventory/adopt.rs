//! `keywheel inventory adopt`: getting to know the values in use.

use crate::adopt::{Adopted, adopt};
use crate::cli::acting::{Bench, person};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::selector::Selector;
use crate::journal::secrets;

/// Gets to know the values in use: fingerprints, dates and names them, never shows one. Starts nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// Also keeps dates by which the schedule starts rotations at once.
    #[arg(long)]
    allow_due: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
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
