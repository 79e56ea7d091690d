//! The scheduler: a timer and a nudge, no input. It asks which secrets are due, why and whether now, and
//! writes requests; it knows nothing of how rotations run.

mod turns;

use crate::journal::environments;
use crate::journal::requests::{self, Request};
use crate::journal::secrets::{self, Secret};
use crate::journal::{Journal, Result, Tx, expiry};
use crate::rotation::words::{Cause, Mode};
use keywheel_schedules::{Gate, Opening, Timing, apart};
use std::collections::HashMap;
use turns::{DAY_MS, Turns};

/// At most this many secrets are looked at in one transaction.
const BATCH: i64 = 64;
/// A secret that waits for another one is looked at again after this.
const APART_MS: i64 = 60_000;

/// Writes requests for the secrets whose start has come; says how many it looked at.
///
/// # Errors
/// The journal.
pub async fn tick(journal: &Journal) -> Result<usize> {
    let any = journal
        .read(async |tx| Ok(!secrets::due(tx, 1).await?.is_empty()))
        .await?;
    if !any {
        return Ok(0);
    }
    journal
        .write(async |tx| {
            let due = secrets::due(tx, BATCH).await?;
            let mut limits = Limits::default();
            for secret in &due {
                one(tx, secret, &mut limits).await?;
            }
            Ok(due.len())
        })
        .await
}

async fn one(tx: &mut Tx, secret: &Secret, limits: &mut Limits) -> Result<()> {
    let now = tx.now_ms();
    let Some(definition) = secrets::definition(tx, &secret.id).await? else {
        return Ok(());
    };
    if secret.is_paused(now) {
        let again = secret
            .paused_until_ms
            .unwrap_or(now + APART_MS)
            .max(now + APART_MS);
        return secrets::postpone(tx, &secret.id, again, "paused").await;
    }
    if let Opening::At { at_ms, reason } = definition.timing.open(Gate::Start, now)
        && !runs_out(tx, secret, &definition.timing, at_ms).await?
    {
        return secrets::postpone(tx, &secret.id, at_ms, &reason).await;
    }
    if let Some(other) = waits_for(tx, secret, &definition.timing).await? {
        let why = format!("{other} is being rotated, and both are kept apart");
        return secrets::postpone(tx, &secret.id, now + APART_MS, &why).await;
    }
    if let Some(turns) = limits.of(tx, &secret.environment).await?
        && !its_turn(tx, secret, &definition.timing, turns).await?
    {
        return Ok(());
    }
    let request = Request {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: secret.id.clone(),
        cause: Cause::Scheduled,
        mode: Mode::Normal,
        credential: "current".to_owned(),
        reason: secret.start_reason.clone(),
        actor: "schedule".to_owned(),
        accept_outage: false,
        reported_ms: now,
    };
    requests::add(tx, &request).await?;
    // Busy until a rotation opens: the next tick does not ask again.
    secrets::begun(tx, &secret.id).await
}

/// Whether the credential in use ends by itself too soon to wait until then: the planner starts outside the window too.
async fn runs_out(tx: &mut Tx, secret: &Secret, timing: &Timing, at_ms: i64) -> Result<bool> {
    let ends_ms = match &secret.current_credential {
        Some(id) => expiry::of(tx, id).await?,
        None => None,
    };
    Ok(ends_ms.is_some_and(|ends_ms| timing.cannot_wait(at_ms, ends_ms)))
}

/// The turns of those environments that were asked about, for one transaction.
#[derive(Default)]
struct Limits(HashMap<String, Option<Turns>>);

impl Limits {
    /// The turns of an environment that has a limit.
    async fn of(&mut self, tx: &mut Tx, name: &str) -> Result<Option<&mut Turns>> {
        if !self.0.contains_key(name) {
            let turns = turns_of(tx, name).await?;
            self.0.insert(name.to_owned(), turns);
        }
        Ok(self.0.get_mut(name).and_then(Option::as_mut))
    }
}

async fn turns_of(tx: &mut Tx, name: &str) -> Result<Option<Turns>> {
    let Some(max) = environments::locked(tx, name).await? else {
        return Ok(None);
    };
    let since = tx.now_ms() - DAY_MS;
    let started = environments::started(tx, name, since, max).await?;
    let promised = environments::reserved(tx, name, max).await?;
    Ok(Some(Turns::new(max, &started, &promised)))
}

/// Whether it may start now; otherwise its start is put off to the place it gets in the queue.
async fn its_turn(
    tx: &mut Tx,
    secret: &Secret,
    timing: &Timing,
    turns: &mut Turns,
) -> Result<bool> {
    let now = tx.now_ms();
    let is_open = turns.is_open(secret.held, now);
    if let (true, Some(promised)) = (secret.held, secret.start_ms) {
        turns.give_back(promised);
    }
    if is_open {
        turns.start(now);
        return Ok(true);
    }
    let at = match timing.open(Gate::Start, turns.next(now)) {
        Opening::Now => turns.next(now),
        Opening::At { at_ms, .. } => at_ms,
    };
    turns.promise(at);
    let why = format!(
        "its turn: {} starts so many rotations a day and no more (max_starts_per_day)",
        secret.environment
    );
    environments::hold(tx, &secret.id, at, &why).await?;
    Ok(false)
}

async fn waits_for(tx: &mut Tx, secret: &Secret, timing: &Timing) -> Result<Option<String>> {
    let mut others = Vec::new();
    for name in &timing.apart_from {
        let id = format!("{}/{name}", secret.environment);
        others.push((name.clone(), secrets::is_busy(tx, &id).await?));
    }
    Ok(apart(timing, &others))
}
