//! The scheduler: a timer and a nudge, no input. It asks which secrets are due, why and whether now, and
//! writes requests; it knows nothing of how rotations run.

use crate::journal::requests::{self, Request};
use crate::journal::secrets::{self, Secret};
use crate::journal::{Journal, Result, Tx};
use crate::rotation::words::{Cause, Mode};
use keywheel_schedules::{Gate, Opening, apart};

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
            for secret in &due {
                one(tx, secret).await?;
            }
            Ok(due.len())
        })
        .await
}

async fn one(tx: &mut Tx, secret: &Secret) -> Result<()> {
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
    if let Opening::At { at_ms, reason } = definition.timing.open(Gate::Start, now) {
        return secrets::postpone(tx, &secret.id, at_ms, &reason).await;
    }
    if let Some(other) = waits_for(tx, secret, &definition.timing).await? {
        let why = format!("{other} is being rotated, and both are kept apart");
        return secrets::postpone(tx, &secret.id, now + APART_MS, &why).await;
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
    secrets::busy(tx, &secret.id, true).await
}

async fn waits_for(
    tx: &mut Tx,
    secret: &Secret,
    timing: &keywheel_schedules::Timing,
) -> Result<Option<String>> {
    let mut others = Vec::new();
    for name in &timing.apart_from {
        let id = format!("{}/{name}", secret.environment);
        others.push((name.clone(), secrets::is_busy(tx, &id).await?));
    }
    Ok(apart(timing, &others))
}
