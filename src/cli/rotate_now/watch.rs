//! Watching rotations until they end; being the replica that works on them where no daemon does.

use super::super::acting::Bench;
use super::super::context::daemons;
use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::told::{self, Told};
use crate::daemon::{self, Workers, run_until};
use crate::journal::rotations::{self, Run};
use crate::journal::{self, Journal, requests};
use crate::rotation::facts::Pace;
use crate::rotation::phase::Phase;
use crate::rotation::words::State;
use crate::seam::Seams;
use clap::ValueEnum;
use keywheel_schedules::Span;
use std::time::{Duration, Instant};
use tokio::signal::unix::Signal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The journal is looked at this often.
const LOOK: Duration = Duration::from_millis(150);
/// Rotations worked on side by side by a command.
const SLOTS: usize = 16;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Goal {
    /// Every consumer is proven on the new credential.
    Proven,
    /// The old credential is over.
    Completed,
}

/// One request that is watched.
pub(super) struct Watched {
    id: String,
    request: String,
    run: Option<Run>,
    shown: Option<Phase>,
    /// What it was last seen to wait for.
    waits: Vec<String>,
    /// How it came out, once it did.
    result: Option<(&'static str, Exit)>,
}

impl Watched {
    pub(super) fn new(id: &str, request: String) -> Self {
        Self {
            id: id.to_owned(),
            request,
            run: None,
            shown: None,
            waits: Vec::new(),
            result: None,
        }
    }

    /// What is said of it: how it came out, else `so_far`.
    pub(super) fn told(&self, so_far: &'static str) -> Told<'_> {
        Told {
            id: &self.id,
            run: self.run.as_ref(),
            result: self.result.map_or(so_far, |(result, _)| result),
        }
    }

    async fn look(&mut self, journal: &Journal, goal: Goal) -> journal::Result<()> {
        let (request, known) = (
            self.request.clone(),
            self.run.as_ref().map(|run| run.id.clone()),
        );
        let (run, dropped) = journal
            .read(async move |tx| {
                let found = requests::outcome(tx, &request).await?;
                let (state, rotation) = found.unwrap_or_default();
                let rotation = known.as_ref().map(|id| id.as_str().to_owned()).or(rotation);
                let run = match rotation.filter(|id| !id.is_empty()) {
                    Some(rotation) => rotations::by_id(tx, &rotation).await?,
                    None => None,
                };
                Ok((run, state == "dropped"))
            })
            .await?;
        self.run = run.or(self.run.take());
        self.say();
        self.result = match &self.run {
            Some(run) => judge(run, goal),
            None if dropped => Some(("cancelled", Exit::Failed)),
            None => None,
        };
        Ok(())
    }

    /// Each phase once, and what is waited for in it, on stderr.
    fn say(&mut self) {
        let Some(run) = &self.run else { return };
        let at = chrono::Utc::now().format("%H:%M:%S");
        if self.shown != Some(run.phase) {
            self.shown = Some(run.phase);
            self.waits.clear();
            anstream::eprintln!("{at}  {}  {}", self.id, run.phase);
        }
        // One that acts still shows what it waited for before; a blocked one is told with its question.
        if run.state != State::Waiting {
            return;
        }
        let waits = told::waits(run);
        for wait in waits.iter().filter(|wait| !self.waits.contains(wait)) {
            anstream::eprintln!("{at}  {}  {}, {wait}", self.id, run.phase);
        }
        self.waits = waits;
    }
}

/// How a rotation came out, where it did or where only a person can help. One that was woken and not looked
/// at since (`wake_ms` is 0) still shows its earlier question.
fn judge(run: &Run, goal: Goal) -> Option<(&'static str, Exit)> {
    match (run.phase, run.state) {
        (Phase::Completed, _) => Some(("completed", Exit::Done)),
        (Phase::RolledBack, _) => Some(("rolled_back", Exit::Failed)),
        (Phase::Cancelled, _) => Some(("cancelled", Exit::Failed)),
        _ if goal == Goal::Proven && run.proven_ms.is_some() => Some(("proven", Exit::Done)),
        _ if run.wake_ms == 0 => None,
        (_, State::Blocked) => Some(("blocked", Exit::Attention)),
        (_, State::Waiting) if run.waiting.iter().any(|w| w.kind == "person") => {
            Some(("waits_for_person", Exit::Attention))
        }
        _ => None,
    }
}

/// Watches until all came out, the time is over or somebody interrupts.
pub(super) async fn watch(
    bench: Bench,
    mut watched: Vec<Watched>,
    limit: Option<Span>,
    goal: Goal,
    output: Output,
    mut interrupt: Signal,
) -> Result<Exit, Failure> {
    if is_interrupted(&mut interrupt).await {
        return report(&bench.journal, output, &watched, "stopped").await;
    }
    let stop = CancellationToken::new();
    let alone = daemons(&bench.journal).await?.is_empty();
    let journal = bench.journal.clone();
    let working = match alone {
        true => Some(replica(bench, stop.clone()).await?),
        false => None,
    };
    let limit = limit.and_then(|span| u64::try_from(span.millis()).ok());
    let deadline = limit.map(|ms| Instant::now() + Duration::from_millis(ms));
    let ended = tokio::select! {
        ended = until_out(&journal, &mut watched, goal, deadline) => ended,
        _ = interrupt.recv() => Ok("stopped"),
    };
    stop.cancel();
    if let Some(working) = working {
        working.await.unwrap_or(Err(journal::Error::Lost))?;
    }
    let so_far = ended?;
    for one in &mut watched {
        // Calls under way have ended by now.
        one.look(&journal, goal).await?;
    }
    report(&journal, output, &watched, so_far).await
}

/// Whether somebody pressed Ctrl-C while the requests were written: then no work is begun.
async fn is_interrupted(interrupt: &mut Signal) -> bool {
    tokio::select! {
        biased;
        _ = interrupt.recv() => true,
        () = std::future::ready(()) => false,
    }
}

/// A replica of this process that does not follow the schedule.
async fn replica(
    bench: Bench,
    stop: CancellationToken,
) -> Result<JoinHandle<journal::Result<()>>, Failure> {
    anstream::eprintln!("no daemon is running: this command does the work while it waits");
    let Bench {
        config, journal, ..
    } = bench;
    let parts = daemon::build(
        &config,
        journal,
        "command",
        Pace::default(),
        Seams::default(),
    )
    .await?;
    let workers = Workers {
        engine: parts.engine,
        presence: parts.presence,
        slots: SLOTS,
        schedules: false,
    };
    Ok(tokio::spawn(run_until(workers, stop)))
}

/// Looks until every rotation came out or the time is over; answers what those are that did not.
async fn until_out(
    journal: &Journal,
    watched: &mut [Watched],
    goal: Goal,
    deadline: Option<Instant>,
) -> journal::Result<&'static str> {
    loop {
        for one in watched.iter_mut().filter(|one| one.result.is_none()) {
            one.look(journal, goal).await?;
        }
        if watched.iter().all(|one| one.result.is_some()) {
            return Ok("waiting");
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok("waiting");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Tells of all of them; the worst counts.
async fn report(
    journal: &Journal,
    output: Output,
    watched: &[Watched],
    so_far: &'static str,
) -> Result<Exit, Failure> {
    let all: Vec<Told<'_>> = watched.iter().map(|one| one.told(so_far)).collect();
    told::write(journal, output, &all).await?;
    let codes = watched.iter().map(|one| one.result);
    Ok(codes
        .map(|result| result.map_or(Exit::Attention, |(_, code)| code))
        .fold(Exit::Done, Exit::or))
}
