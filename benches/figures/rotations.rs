//! Rotations per second through all phases, beside the floor of the same run, and what a second process that
//! writes to the same journal meanwhile has to wait.

use super::definitions::definition;
use super::floor;
use super::ground::{Backend, Ground};
use super::machine::{Memory, load};
use super::outside::Instant as InstantOutside;
use anyhow::{Context as _, Result, ensure};
use keywheel::daemon::{Presence, Workers, run_until};
use keywheel::inventory::{Definition, Manage};
use keywheel::journal::requests::{self, Request};
use keywheel::journal::{Journal, secrets};
use keywheel::rotation::engine::Engine;
use keywheel::rotation::facts::Pace;
use keywheel::rotation::words::{Cause, Mode};
use keywheel::seam::Seams;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// One cell.
pub(crate) struct Load {
    /// The journal.
    pub(crate) backend: Backend,
    /// Rotations worked on side by side.
    pub(crate) flight: usize,
    /// Rotations run through.
    pub(crate) count: usize,
    /// Rotations of other secrets that wait meanwhile.
    pub(crate) waiting: usize,
}

/// Runs the cell and prints its line.
pub(crate) async fn measure(cell: &Load) -> Result<()> {
    let ground = Ground::prepare(&cell.backend).await?;
    let outside = Arc::new(InstantOutside::new(ground.store())?);
    seed(cell, &ground, &outside).await?;
    wait_for_others(&ground, cell.waiting).await?;
    let journal = ground.journal.clone();
    let workers = workers(&ground, Arc::clone(&outside), cell.flight)?;
    let stop = CancellationToken::new();
    let before = journal.counts();
    let start = Instant::now();
    let running = tokio::spawn(run_until(workers, stop.clone()));
    let bystander = tokio::spawn(longest_wait(ground.second_journal().await?, stop.clone()));
    ended(&journal, cell.count).await?;
    let seconds = start.elapsed().as_secs_f64();
    let after = journal.counts();
    stop.cancel();
    running.await.context("the workers")??;
    let waited = bystander.await.context("the bystander")??;
    let memory = Memory::own()?;
    check(&journal, &outside, cell.count).await?;
    let floor = floor::steps_per_second(&cell.backend, &ground, cell.flight).await?;
    let per = |total: u64| total as f64 / cell.count as f64;
    let (writes, commits) = (
        per(after.writes - before.writes),
        per(after.commits - before.commits),
    );
    let trips = per(after.trips - before.trips);
    let rate = cell.count as f64 / seconds;
    anstream::println!(
        "{:<8} {:>3} in flight, {} waiting: {rate:>6.1} rotations/s | {writes:.1} transactions, {commits:.1} \
         commits, {trips:.0} messages each | floor {floor:.0} steps/s = {:.1} rotations/s, reached {:.0} % \
         | second writer waited at most {} ms | {memory} | load {}",
        cell.backend.word(),
        cell.flight,
        cell.waiting,
        floor / writes,
        100.0 * rate * writes / floor,
        waited.as_millis(),
        load()?
    );
    Ok(())
}

async fn seed(cell: &Load, ground: &Ground, outside: &InstantOutside) -> Result<()> {
    for first in (0..cell.count).step_by(500) {
        let numbers = first..(first + 500).min(cell.count);
        let definitions = numbers
            .map(|number| definition(number, ground.store(), Manage::Approve))
            .collect::<Result<Vec<Definition>>>()?;
        for definition in &definitions {
            let adopted = outside.adopt(definition).await;
            adopted.map_err(|error| anyhow::anyhow!("{}", error.message))?;
        }
        ground
            .journal
            .write(async move |tx| {
                secrets::apply(tx, &definitions).await?;
                for definition in &definitions {
                    requests::add(tx, &request(definition.id.as_str())).await?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// A person's wish for a rotation.
pub(crate) fn request(secret: &str) -> Request {
    Request {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: secret.to_owned(),
        cause: Cause::Manual,
        mode: Mode::Normal,
        credential: "current".to_owned(),
        reason: "figures".to_owned(),
        actor: "figures".to_owned(),
        accept_outage: false,
        reported_ms: 0,
    }
}

/// Rotations of other secrets, far from their wake-up time.
async fn wait_for_others(ground: &Ground, waiting: usize) -> Result<()> {
    let plan = serde_json::to_string(&definition(
        usize::MAX / 2_000_000,
        ground.store(),
        Manage::Auto,
    )?)?;
    for first in (0..waiting).step_by(5_000) {
        let plan = plan.clone();
        let numbers = first..(first + 5_000).min(waiting);
        ground
            .journal
            .write(async move |tx| {
                let rows: Vec<_> = numbers
                    .clone()
                    .map(|number| waiting_row(number, &plan))
                    .collect();
                tx.insert(WAITING, &rows, "").await
            })
            .await?;
    }
    Ok(())
}

const WAITING: &str = "INSERT INTO rotation (id, secret_id, priority, phase, state, mode, cause, reason, actor, \
     plan, exclusive, fence, holder, lease_until_ms, wake_ms, touched, wish, wish_actor, accept_outage, leaked, \
     created_ms, phase_since_ms, retried_ms, question, waiting, audit_n, audit_head)";

fn waiting_row(number: usize, plan: &str) -> Vec<keywheel::journal::Arg> {
    const FAR_MS: i64 = 4_000_000_000_000;
    let words = ["overlapping", "waiting", "normal", "scheduled", "", ""];
    let mut row: Vec<keywheel::journal::Arg> = vec![
        format!("waiting-{number:07}").into(),
        format!("production/waiting-{number:07}").into(),
        2_i64.into(),
    ];
    row.extend(words.map(Into::into));
    row.extend([
        plan.into(),
        1_i64.into(),
        1_i64.into(),
        "".into(),
        0_i64.into(),
        FAR_MS.into(),
    ]);
    row.extend([
        0_i64.into(),
        "none".into(),
        "".into(),
        0_i64.into(),
        "[]".into(),
    ]);
    row.extend([1_i64.into(), 1_i64.into(), 0_i64.into()]);
    row.extend(["".into(), "[]".into(), 0_i64.into(), "".into()]);
    row
}

pub(crate) fn workers(
    ground: &Ground,
    outside: Arc<InstantOutside>,
    slots: usize,
) -> Result<Workers> {
    let presence = Presence::new(&ground.journal, "daemon")?;
    let engine = Engine {
        journal: ground.journal.clone(),
        connect: outside,
        ring: Arc::clone(&ground.ring),
        pace: Pace::default(),
        replica: presence.id().to_owned(),
        host: presence.host().to_owned(),
        seams: Seams::default(),
        crowd: Arc::default(),
    };
    Ok(Workers {
        engine,
        presence,
        slots,
        schedules: true,
    })
}

/// Workers in a task of their own.
pub(crate) struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<keywheel::journal::Result<()>>,
}

impl Running {
    /// Starts them.
    pub(crate) fn start(workers: Workers) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run_until(workers, stop.clone()));
        Self { stop, task }
    }

    /// Returns when calls under way have ended.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.context("the workers")??;
        Ok(())
    }
}

/// Until this many rotations completed.
pub(crate) async fn ended(journal: &Journal, count: usize) -> Result<()> {
    ended_since(journal, count, 0).await
}

/// Until so many secrets are through with a rotation that published since then, epoch milliseconds.
pub(crate) async fn ended_since(journal: &Journal, count: usize, since_ms: i64) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(600);
    while completed(journal, since_ms).await? < count {
        ensure!(
            Instant::now() < deadline,
            "the rotations did not end in ten minutes"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The last step of a completed rotation frees its secret and dates it.
async fn completed(journal: &Journal, since_ms: i64) -> Result<usize> {
    let row = journal.read(async move |tx| {
        let sql = "SELECT COUNT(*) AS n FROM secret WHERE last_rotated_ms >= $1";
        let row = tx.row(sql, &[since_ms.into()]).await?;
        row.map_or(Ok(0), |row| row.int("n"))
    });
    Ok(usize::try_from(row.await?)?)
}

/// Each secret has one live credential, and as many were ended.
pub(crate) async fn check(journal: &Journal, outside: &InstantOutside, count: usize) -> Result<()> {
    let (alive, ended) = outside.credentials();
    ensure!(
        (alive, ended) == (count, count),
        "{alive} credentials live, {ended} ended, of {count} secrets"
    );
    let unplaced = journal
        .read(async |tx| keywheel::journal::audit::pending(tx).await)
        .await?;
    ensure!(unplaced == 0, "{unplaced} audit rows have no place");
    Ok(())
}

/// Writes as `rotate-now` beside a daemon would, ten times a second, and says the longest it took.
async fn longest_wait(journal: Journal, stop: CancellationToken) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    while !stop.is_cancelled() {
        let start = Instant::now();
        let wish = request("production/not-there");
        journal
            .write(async move |tx| {
                requests::add(tx, &wish).await?;
                requests::close(tx, &wish.id, "dropped", "").await
            })
            .await?;
        longest = longest.max(start.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(longest)
}
