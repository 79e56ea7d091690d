//! Watching rotations until they end; being the replica that works on them where no daemon does.

use super::super::acting::Bench;
use super::super::context::{daemons, unprintable};
use super::super::exit::{Exit, Failure};
use crate::actions::what_is_safe;
use crate::daemon::{self, Workers, run_until};
use crate::journal::rotations::{self, Run};
use crate::journal::{self, Journal, requests};
use crate::rotation::facts::Pace;
use crate::rotation::phase::Phase;
use crate::rotation::words::State;
use crate::seam::Seams;
use clap::ValueEnum;
use keywheel_schedules::Span;
use serde::Serialize;
use std::time::{Duration, Instant};
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
    /// How it came out, once it did.
    result: Option<(&'static str, Exit)>,
}

/// One line of output; scripts rely on its names.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    rotation: Option<&'a str>,
    phase: Option<&'static str>,
    state: &'static str,
    result: &'static str,
    exposure_seconds: Option<i64>,
}

impl Watched {
    pub(super) fn new(id: &str, request: String) -> Self {
        Self {
            id: id.to_owned(),
            request,
            run: None,
            shown: None,
            result: None,
        }
    }

    /// The line of a request that nobody waits for.
    pub(super) fn print_queued(&self) -> Result<(), Failure> {
        self.print("queued")
    }

    fn print(&self, result: &'static str) -> Result<(), Failure> {
        let run = self.run.as_ref();
        let line = Line {
            id: &self.id,
            rotation: run.map(|run| run.id.as_str()),
            phase: run.map(|run| run.phase.word()),
            state: run.map_or("queued", |run| run.state.word()),
            result,
            exposure_seconds: run.and_then(exposure_seconds),
        };
        let text = serde_json::to_string(&line).map_err(|e| unprintable(&e))?;
        anstream::println!("{text}");
        Ok(())
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

    /// Each phase once, on stderr.
    fn say(&mut self) {
        let Some(run) = &self.run else { return };
        if self.shown != Some(run.phase) {
            self.shown = Some(run.phase);
            let at = chrono::Utc::now().format("%H:%M:%S");
            anstream::eprintln!("{at}  {}  {}", self.id, run.phase);
        }
    }

    /// Where it stands, what is safe, and how to go on, for one that did not come to its end.
    fn explain(&self, why: &str) {
        let id = &self.id;
        let Some(run) = &self.run else {
            anstream::eprintln!("{id}: {why} before it began; nothing was changed");
            anstream::eprintln!(
                "next: keywheel cancel {id}, or let a daemon do it: keywheel daemon"
            );
            return;
        };
        anstream::eprintln!("{id}: {why} at {}; {}", run.phase, what_is_safe(run));
        let mut question = run.question.split('\n').filter(|line| !line.is_empty());
        if let Some(text) = question.next() {
            anstream::eprintln!("  {text}");
        }
        for waiting in &run.waiting {
            anstream::eprintln!("  waits for {} {}", waiting.kind, waiting.name);
        }
        let typed = run.waiting.iter().map(|w| w.next_command.as_str());
        let next = question
            .next()
            .or_else(|| typed.into_iter().find(|c| !c.is_empty()));
        let on = format!("keywheel daemon, or keywheel rotate-now {id} --wait");
        anstream::eprintln!("next: {}", next.unwrap_or(&on));
    }
}

/// From the report of a leak to the refusal of what leaked, or until now.
fn exposure_seconds(run: &Run) -> Option<i64> {
    let until = run.refused_ms.or(run.ended_ms);
    let until = until.unwrap_or_else(|| chrono::Utc::now().timestamp_millis());
    run.reported_ms
        .map(|reported| (until - reported).max(0) / 1_000)
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
) -> Result<Exit, Failure> {
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
        _ = tokio::signal::ctrl_c() => Ok("stopped"),
    };
    stop.cancel();
    if let Some(working) = working {
        working.await.unwrap_or(Err(journal::Error::Lost))?;
    }
    report(&journal, &mut watched, goal, ended?).await
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

/// Looks until every rotation came out; the word says why the looking ended.
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
            return Ok("ended");
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok("still");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// One line per secret; those that are not at their end are explained. Calls under way have ended by now.
async fn report(
    journal: &Journal,
    watched: &mut [Watched],
    goal: Goal,
    ended: &'static str,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for one in watched {
        one.look(journal, goal).await?;
        let (result, code) = one.result.unwrap_or(match ended {
            "stopped" => ("stopped", Exit::Attention),
            _ => ("waiting", Exit::Attention),
        });
        if code != Exit::Done {
            let why = match result {
                "waits_for_person" => "waits for a person",
                "waiting" => "still under way",
                other => other,
            };
            one.explain(why);
        }
        one.print(result)?;
        exit = exit.or(code);
    }
    Ok(exit)
}
