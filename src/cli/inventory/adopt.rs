//! `keywheel inventory adopt`: getting to know the values in use, many at once.

use crate::actions::ActionError;
use crate::adopt::{Adopted, Adopter, End};
use crate::cli::acting::{Bench, person};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::selector::Selector;
use crate::report::when::minute;
use futures_util::{StreamExt as _, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Gets to know the values in use: fingerprints, dates and names them, never shows one. Starts nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// Also keeps dates by which the schedule starts rotations at once.
    #[arg(long)]
    allow_due: bool,
    /// Also reads values that are known already, to see whether somebody changed them.
    #[arg(long)]
    again: bool,
}

/// Values read side by side; quotas hold this back where a store allows less.
const SIDE_BY_SIDE: usize = 16;

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let ids = args.selector.resolve(&journal).await?;
    let stop = CancellationToken::new();
    let interrupted = stop_on_interrupt(&stop)?;
    let adopter = Adopter {
        journal: &journal,
        tools: &tools,
        person: person(""),
        allow_due: args.allow_due,
        again: args.again,
        stop,
    };
    let summary = adopt_all(&adopter, ids).await;
    interrupted.abort();
    Ok(summary.tell())
}

/// The first Ctrl-C lets what is being recorded end.
fn stop_on_interrupt(stop: &CancellationToken) -> Result<tokio::task::JoinHandle<()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new(Exit::Failed, format!("listening for Ctrl-C: {error}")))?;
    let stop = stop.clone();
    Ok(tokio::spawn(async move {
        interrupt.recv().await;
        stop.cancel();
    }))
}

async fn adopt_all(adopter: &Adopter<'_>, ids: Vec<String>) -> Summary {
    let mut progress = Progress::of("adopted", ids.len());
    let mut summary = Summary::default();
    let one = async |id: String| {
        let adopted = adopter.adopt(&id).await;
        (id, adopted)
    };
    let all = stream::iter(ids).map(one).buffer_unordered(SIDE_BY_SIDE);
    let mut all = std::pin::pin!(all);
    while let Some((id, adopted)) = all.next().await {
        if let Some(line) = summary.count(&id, &adopted) {
            progress.clear();
            match adopted {
                Ok(_) => anstream::println!("{line}"),
                Err(_) => anstream::eprintln!("{line}"),
            }
        }
        progress.step();
    }
    progress.clear();
    summary
}

#[derive(Default)]
struct Summary {
    known: usize,
    nameless: usize,
    undated: usize,
    too_soon: usize,
    endless: usize,
    before: usize,
    failed: usize,
    left: usize,
}

impl Summary {
    /// Counts one; its line, where there is something to say of it.
    fn count(&mut self, id: &str, adopted: &Result<Adopted, ActionError>) -> Option<String> {
        match adopted {
            Ok(Adopted::Known { named, dated, ends }) => {
                self.known += 1;
                self.nameless += usize::from(!named);
                self.undated += usize::from(!dated);
                let name = if *named { "" } else { ", cannot be named" };
                let date = if *dated { "" } else { ", not dated" };
                let end = self.end(*ends);
                return Some(format!("{id} adopted{name}{date}{end}"));
            }
            Ok(Adopted::Before) => self.before += 1,
            Ok(Adopted::Left) => self.left += 1,
            Ok(Adopted::Empty) => return Some(format!("{id} has no value yet")),
            Ok(Adopted::Busy) => {
                return Some(format!("{id} is being rotated, which gets to know it"));
            }
            Err(error) => {
                self.failed += 1;
                return Some(format!("{id}: {error}"));
            }
        }
        None
    }

    /// When a credential ends by itself, counted where the schedule does not know it.
    fn end(&mut self, ends: End) -> String {
        match ends {
            End::Never => String::new(),
            End::At(at_ms) => format!(", expires {}", minute(at_ms)),
            End::TooSoon(at_ms) => {
                self.too_soon += 1;
                format!(", expires {}, which is soon", minute(at_ms))
            }
            End::Unknown => {
                self.endless += 1;
                ", and nobody says when it expires".to_owned()
            }
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
        for line in self.advice() {
            anstream::eprintln!("{line}");
        }
        match (self.failed, self.nameless + self.too_soon + self.left) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Attention,
            _ => Exit::Failed,
        }
    }

    fn advice(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.nameless > 0 {
            lines.push(
                "cannot be named: the issuer cannot tell from the value which credential it is, so that the first \
                 rotation stops and asks before it ends the old one; write its id there as `current_id`, apply, and \
                 adopt again"
                    .to_owned(),
            );
        }
        if self.undated > 0 {
            lines.push(
                "not dated: the store does not say since when, or the date would start a rotation at once (--allow-due)"
                    .to_owned(),
            );
        }
        if self.too_soon > 0 {
            lines.push(
                "which is soon: counting with it, the schedule would start a rotation at once, and so it does not; adopt \
                 with --again --allow-due, or rotate it before that (`keywheel rotate-now`)"
                    .to_owned(),
            );
        }
        if self.endless > 0 {
            lines.push(
                "nobody says when it expires: the issuer could not be asked, and the schedule counts with its period \
                 alone; adopt again with --again"
                    .to_owned(),
            );
        }
        if self.failed > 0 {
            lines.push("next: the same command again; what is known is not read again".to_owned());
        }
        if self.left > 0 {
            lines.push(format!(
                "stopped: {} are left; the same command goes on with them",
                self.left
            ));
        }
        lines
    }
}
