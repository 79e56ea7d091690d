//! `keywheel rotate-now`: shows what it would touch, asks, writes the requests, and watches.

mod show;
mod told;
mod watch;

use super::acting::{Bench, moment, person, reason, span};
use super::context::{Context, daemons};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::selector::Selector;
use super::typed;
use crate::actions::{self, Asked, Radius};
use crate::rotation::words::Mode;
use clap::ValueEnum;
use keywheel_schedules::Span;
use std::collections::BTreeSet;
use tokio::signal::unix::{SignalKind, signal};
use watch::{Goal, Watched};

/// Starts rotations now.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// normal keeps overlap, quiet and undo. cutover skips them and still asks for evidence. contain ends the
    /// leaked credential first and accepts the outage. The last two are emergencies and need --reason.
    #[arg(long, value_enum, default_value_t = ModeWord::Normal)]
    mode: ModeWord,
    /// Why; the audit keeps it.
    #[arg(long)]
    reason: Option<String>,
    /// What leaked: current, previous, or a credential's id; naming one makes it an emergency.
    #[arg(long, value_name = "current|previous|ID")]
    credential: Option<String>,
    /// Contain although that takes longer here than a moment.
    #[arg(long)]
    accept_outage: bool,
    /// When the leak was reported, like 2026-12-01T03:00:00Z; now by default. Exposure counts from here.
    #[arg(long, value_name = "TIME")]
    reported_at: Option<String>,
    /// Waits for the end, at most this long where one is given; works on it itself where no daemon runs.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = span)]
    wait: Option<Option<Span>>,
    /// What --wait waits for.
    #[arg(long, value_enum, default_value_t = Goal::Completed, requires = "wait")]
    until: Goal,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// How results are written to stdout. Exposure is in seconds, rounded up.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The words for [`Mode`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeWord {
    Normal,
    Cutover,
    Contain,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Normal => Self::Normal,
            ModeWord::Cutover => Self::Cutover,
            ModeWord::Contain => Self::Contain,
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let bench = Bench::open(context).await?;
    let asked = asked(&args, bench.journal.clock().now_ms())?;
    let person = person(why(&args, &asked)?);
    let mut radii = Vec::new();
    for id in args.selector.resolve(&bench.journal).await? {
        radii.push(actions::radius(&bench.journal, &bench.tools, &id, &asked).await?);
    }
    show::plan(&radii, &asked);
    if !args.yes {
        for environment in asks_for(&radii) {
            typed::confirm(environment)?;
        }
    }
    // From the first request on, Ctrl-C no longer takes anything back, so that it is answered and not died of.
    let interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear Ctrl-C: {error}")))?;
    let mut watched = Vec::new();
    for radius in &radii {
        let request = actions::ask(&bench.journal, &radius.id, &asked, &person).await?;
        watched.push(Watched::new(&radius.id, request));
    }
    match args.wait {
        Some(limit) => {
            watch::watch(bench, watched, limit, args.until, args.output, interrupt).await
        }
        None => queued(&bench, &watched, args.output).await,
    }
}

fn asked(args: &Args, now_ms: i64) -> Result<Asked, Failure> {
    let reported_ms = args.reported_at.as_deref().map(moment).transpose()?;
    if reported_ms.is_some_and(|reported| reported > now_ms) {
        return Err(Failure::usage(
            "--reported-at lies in the future; nothing was changed",
        ));
    }
    Ok(Asked {
        mode: args.mode.into(),
        credential: args.credential.clone(),
        accept_outage: args.accept_outage,
        reported_ms: reported_ms.unwrap_or(now_ms),
    })
}

fn why(args: &Args, asked: &Asked) -> Result<String, Failure> {
    match &args.reason {
        Some(text) => reason(text),
        None if asked.is_emergency() => Err(Failure::usage(
            "an emergency needs --reason: the audit and everybody who is woken reads it",
        )
        .next("repeat it with --reason \"what leaked, where, which ticket\"")),
        None => Ok(String::new()),
    }
}

/// Environments whose name has to be typed.
fn asks_for(radii: &[Radius]) -> BTreeSet<&str> {
    let names = radii.iter().map(|radius| radius.environment.as_str());
    names
        .filter(|name| matches!(*name, "production" | "prod"))
        .collect()
}

/// Without `--wait` the request is left behind; with nobody to work on it that needs attention.
async fn queued(bench: &Bench, watched: &[Watched], output: Output) -> Result<Exit, Failure> {
    let all: Vec<_> = watched.iter().map(|one| one.told("queued")).collect();
    told::write(&bench.journal, output, &all).await?;
    Ok(match daemons(&bench.journal).await?.is_empty() {
        true => Exit::Attention,
        false => Exit::Done,
    })
}
