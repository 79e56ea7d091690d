//! The loop of a replica: schedule, open, lease, work, put the audit in order. What waits is a row with a
//! wake-up time, never a task; a system that hangs holds up its own rotations, and no others.

use super::Presence;
use crate::actions;
use crate::journal::{Journal, Result, attestations, rotations, secrets};
use crate::rotation::engine::{Engine, Rested, WorkError};
use crate::scheduler;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longest sleep between two looks at the journal: other processes write to it too.
const POLL: Duration = Duration::from_secs(1);
/// A replica says that it is alive this often.
const BEAT: Duration = Duration::from_secs(5);
/// Audit rows wait at most this long for their order.
const SEQUENCE: Duration = Duration::from_millis(250);
/// Shredded values are gone from the file after at most this long.
const SHRED: Duration = Duration::from_secs(30);
/// What nobody asks for any more is deleted this often.
const SWEEP: Duration = Duration::from_secs(60);
/// Spares are looked after this often.
const TEND: Duration = Duration::from_secs(5);
/// Requests opened in one look.
const OPEN_MAX: i64 = 64;

/// What the loop works with.
pub struct Workers {
    /// The engine.
    pub engine: Engine,
    /// This replica's presence.
    pub presence: Presence,
    /// Rotations worked on side by side.
    pub slots: usize,
    /// Whether the schedule is followed; a command that waits for one rotation does not.
    pub schedules: bool,
}

/// Runs until `stop`, then lets calls under way end and says goodbye.
///
/// # Errors
/// The journal failed for good.
pub async fn run_until(workers: Workers, stop: CancellationToken) -> Result<()> {
    let journal = workers.engine.journal.clone();
    let shredded = Arc::new(AtomicBool::new(false));
    let audit = tokio::spawn(keep_house(
        workers.engine.clone(),
        Arc::clone(&shredded),
        stop.clone(),
    ));
    let spares = tokio::spawn(tend_spares(
        workers.engine.clone(),
        Arc::clone(&shredded),
        stop.clone(),
    ));
    let outcome = work_until(&workers, &shredded, &stop).await;
    stop.cancel();
    drop(tokio::join!(audit, spares));
    while workers.engine.sequence().await? > 0 {}
    journal.checkpoint().await?;
    workers.presence.end(&journal).await?;
    outcome
}

async fn work_until(
    workers: &Workers,
    shredded: &Arc<AtomicBool>,
    stop: &CancellationToken,
) -> Result<()> {
    let journal = &workers.engine.journal;
    let freed = Arc::new(Notify::new());
    let mut tasks = JoinSet::new();
    let mut beaten: Option<Instant> = None;
    while !stop.is_cancelled() && !workers.engine.seams.is_dead() {
        if beaten.is_none_or(|at| at.elapsed() >= BEAT) {
            workers.presence.beat(journal).await?;
            beaten = Some(Instant::now());
        }
        let busy = look(workers, &mut tasks, &freed, shredded)
            .await
            .unwrap_or_else(|error| {
                tracing::error!(%error, "the journal could not be used; trying again");
                false
            });
        while tasks.try_join_next().is_some() {}
        if !busy {
            let sleep = until_next(journal).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = freed.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// One look at the journal; `true` where there may be more to do at once.
async fn look(
    workers: &Workers,
    tasks: &mut JoinSet<()>,
    freed: &Arc<Notify>,
    shredded: &Arc<AtomicBool>,
) -> Result<bool> {
    let engine = &workers.engine;
    let due = if workers.schedules {
        scheduler::tick(&engine.journal).await?
    } else {
        0
    };
    let opened = engine.open_requests(OPEN_MAX).await?;
    // Those that wait for a system that hangs take no slot from the others.
    let beside = engine.crowd.stuck(Instant::now()).min(workers.slots);
    let free = (workers.slots + beside).saturating_sub(tasks.len());
    if free == 0 {
        return Ok(false);
    }
    let leases = engine
        .claim(None, i64::try_from(free).unwrap_or(i64::MAX))
        .await?;
    let claimed = leases.len();
    for lease in leases {
        let (engine, freed, shredded) = (engine.clone(), Arc::clone(freed), Arc::clone(shredded));
        tasks.spawn(async move {
            let id = lease.id.clone();
            let worked = engine.work(lease).await;
            shredded.fetch_or(matches!(worked, Ok(Rested::Ended(_))), Ordering::Relaxed);
            report(&id, worked);
            freed.notify_one();
        });
    }
    Ok(due > 0
        || claimed > 0
        || opened
            .iter()
            .any(|o| matches!(o, crate::rotation::open::Opened::Rotation(_))))
}

fn report(id: &keywheel_contract::RotationId, worked: std::result::Result<Rested, WorkError>) {
    match worked {
        Ok(Rested::Ended(phase)) => tracing::info!(rotation.id = %id, "rotation {phase}"),
        Ok(Rested::Until(_)) => {}
        Ok(Rested::Lost) => tracing::debug!(rotation.id = %id, "another replica goes on"),
        Err(error) => {
            tracing::error!(rotation.id = %id, %error, "a step failed; nothing of it was applied")
        }
    }
}

/// Until the next wake-up or start, at most one poll.
async fn until_next(journal: &Journal) -> Duration {
    let next = journal
        .read(async |tx| {
            let wake = rotations::next_wake(tx).await?;
            let start = secrets::next_start(tx).await?;
            Ok((wake, start, tx.now_ms()))
        })
        .await;
    let Ok((wake, start, now)) = next else {
        return POLL;
    };
    let until = [wake, start]
        .into_iter()
        .flatten()
        .min()
        .map_or(i64::MAX, |at| at.saturating_sub(now));
    POLL.min(Duration::from_millis(
        u64::try_from(until.max(5)).unwrap_or(5),
    ))
}

/// Gives audit rows their order, makes shredded values disappear from the file and deletes what nobody asks for any
/// more, while the replica lives.
async fn keep_house(engine: Engine, shredded: Arc<AtomicBool>, stop: CancellationToken) {
    let mut emptied = Instant::now();
    let mut swept: Option<Instant> = None;
    while !stop.is_cancelled() && !engine.seams.is_dead() {
        match engine.sequence().await {
            Ok(placed) if placed >= 1_000 => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the audit's order could not be kept; trying again")
            }
        }
        if emptied.elapsed() >= SHRED && shredded.swap(false, Ordering::Relaxed) {
            emptied = Instant::now();
            if let Err(error) = engine.journal.checkpoint().await {
                shredded.store(true, Ordering::Relaxed);
                tracing::warn!(%error, "shredded values are still in the journal's log; trying again");
            }
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            if let Err(error) = engine.journal.write(attestations::sweep).await {
                tracing::warn!(%error, "old attestations could not be deleted; trying again in a minute");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SEQUENCE) => {}
        }
    }
}

/// Tries spares now and then, one after the other: one whose issuer hangs holds up no rotation.
async fn tend_spares(engine: Engine, shredded: Arc<AtomicBool>, stop: CancellationToken) {
    let (journal, ring, connect) = (&engine.journal, &engine.ring, &engine.connect);
    let limit = Duration::from_millis(u64::try_from(engine.pace.call_ms).unwrap_or(0));
    while !stop.is_cancelled() && !engine.seams.is_dead() {
        let tending = actions::tend(journal, ring, connect.as_ref(), "keywheel");
        match tokio::time::timeout(limit, tending).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(found))) => {
                shredded.fetch_or(found == actions::Tried::Dead, Ordering::Relaxed);
                continue;
            }
            Ok(Err(error)) => tracing::warn!(%error, "a spare could not be tried"),
            Err(_) => tracing::warn!("trying a spare took too long"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TEND) => {}
        }
    }
}
