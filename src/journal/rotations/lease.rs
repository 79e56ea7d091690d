//! Leases on rotations: claiming, holding, giving up.

use super::{COLUMNS, Run};
use crate::journal::error::{Error, Result};
use crate::journal::sql::{Dialect, Row, Tx, to_json};
use crate::rotation::plan::Waiting;
use keywheel_contract::RotationId;

/// A lease on one rotation: who holds it, under which fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The rotation.
    pub id: RotationId,
    /// The replica.
    pub holder: String,
    /// Rises with every lease; a write with an old one changes nothing.
    pub fence: i64,
}

/// Who claims, and what it can serve.
#[derive(Debug, Clone)]
pub struct Claimant {
    /// The replica's id.
    pub holder: String,
    /// The machine's name; work bound to another machine is left alone.
    pub host: String,
    /// Only this secret, where one is named.
    pub only: Option<String>,
    /// At most this many.
    pub limit: i64,
    /// A lease lasts this long, milliseconds.
    pub lease_ms: i64,
}

/// Leases the most urgent rotations that are awake and held by nobody. The priorities are named so that the
/// index leads to those that are awake, past any number that sleep.
pub async fn claim(tx: &mut Tx, claimant: &Claimant) -> Result<Vec<Lease>> {
    let skip = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "WITH chosen AS (\
           SELECT id FROM rotation WHERE state <> 'ended' AND priority IN (0, 1, 2, 3, 4) \
             AND wake_ms <= $3 AND lease_until_ms <= $3 \
             AND (host IS NULL OR host = $4) AND ($5 = '' OR secret_id = $5) \
           ORDER BY priority, wake_ms LIMIT $6 {skip}) \
         UPDATE rotation SET holder = $1, fence = fence + 1, lease_until_ms = $2 \
         WHERE id IN (SELECT id FROM chosen) RETURNING id, fence"
    );
    let now = tx.now_ms();
    let args = [
        (&claimant.holder).into(),
        (now + claimant.lease_ms).into(),
        now.into(),
        (&claimant.host).into(),
        claimant.only.clone().unwrap_or_default().into(),
        claimant.limit.into(),
    ];
    let rows = tx.rows(sql, &args).await?;
    rows.iter()
        .map(|row| {
            let holder = claimant.holder.clone();
            Ok(Lease {
                id: RotationId::new(row.text("id")?),
                holder,
                fence: row.int("fence")?,
            })
        })
        .collect()
}

/// Takes the row for this transaction and renews the lease: the first statement of every step. Says how often
/// somebody else has changed what a step rests on, up to now (see [`stir`](super::stir)).
///
/// # Errors
/// [`Error::Lost`]: somebody else has it.
pub async fn hold(tx: &mut Tx, lease: &Lease, lease_ms: i64) -> Result<i64> {
    held(tx, lease, lease_ms, "touched").await?.int("touched")
}

/// The same for whoever does not know the rotation yet: its row comes with the answer.
///
/// # Errors
/// [`Error::Lost`]: somebody else has it.
pub async fn hold_whole(tx: &mut Tx, lease: &Lease, lease_ms: i64) -> Result<(i64, Run)> {
    let row = held(tx, lease, lease_ms, &format!("touched, {COLUMNS}")).await?;
    Ok((row.int("touched")?, Run::read(&row)?))
}

async fn held(tx: &mut Tx, lease: &Lease, lease_ms: i64, columns: &str) -> Result<Row> {
    let sql = format!(
        "UPDATE rotation SET lease_until_ms = $1 WHERE id = $2 AND fence = $3 AND holder = $4 \
         AND state <> 'ended' RETURNING {columns}"
    );
    let until = tx.now_ms() + lease_ms;
    let args = [
        until.into(),
        lease.id.as_str().into(),
        lease.fence.into(),
        (&lease.holder).into(),
    ];
    tx.row(sql, &args).await?.ok_or(Error::Lost)
}

/// The same count, without taking the row; `None` where somebody else has it.
pub async fn touched(tx: &mut Tx, lease: &Lease) -> Result<Option<i64>> {
    let sql = "SELECT touched FROM rotation WHERE id = $1 AND fence = $2 AND holder = $3";
    let args = [
        lease.id.as_str().into(),
        lease.fence.into(),
        (&lease.holder).into(),
    ];
    let row = tx.row(sql, &args).await?;
    row.map(|row| row.int("touched")).transpose()
}

/// The earliest moment at which a rotation wants to be looked at, where one does. One that is held wants it
/// when its lease runs out: its holder may be dead by then.
pub async fn next_wake(tx: &mut Tx) -> Result<Option<i64>> {
    let sql = "SELECT MIN(at_ms) AS at_ms FROM (\
           SELECT MIN(wake_ms) AS at_ms FROM rotation WHERE state <> 'ended' AND holder = '' \
           UNION ALL \
           SELECT MIN(CASE WHEN lease_until_ms > wake_ms THEN lease_until_ms ELSE wake_ms END) AS at_ms \
           FROM rotation WHERE state <> 'ended' AND holder <> '') AS either";
    tx.row(sql, &[])
        .await?
        .map_or(Ok(None), |row| row.maybe_int("at_ms"))
}

/// Takes an unfinished rotation away from whoever works on it, by raising its fence: for the one change that
/// a worker with older values in memory must not meet halfway. `None` where it has ended.
pub async fn seize(tx: &mut Tx, id: &RotationId, holder: &str) -> Result<Option<(Lease, Run)>> {
    let sql = format!(
        "UPDATE rotation SET fence = fence + 1, holder = $2, wake_ms = 0, touched = touched + 1 \
         WHERE id = $1 AND state <> 'ended' RETURNING {COLUMNS}"
    );
    let Some(row) = tx.row(sql, &[id.as_str().into(), holder.into()]).await? else {
        return Ok(None);
    };
    let run = Run::read(&row)?;
    let lease = Lease {
        id: run.id.clone(),
        holder: holder.to_owned(),
        fence: run.fence,
    };
    Ok(Some((lease, run)))
}

/// Frees every lease of a replica that is known to be dead.
pub async fn release_all(tx: &mut Tx, holder: &str) -> Result<u64> {
    let sql = "UPDATE rotation SET lease_until_ms = 0, holder = '' WHERE holder = $1 AND state <> 'ended'";
    tx.run(sql, &[holder.into()]).await
}

/// Gives a lease up without a step: the rotation waits for something that is not here. Without `waiting` it says what it
/// said before. What a person asked of it meanwhile has woken it, and keeps it awake.
///
/// # Errors
/// [`Error::Lost`]: somebody else has it.
pub async fn set_aside(
    tx: &mut Tx,
    lease: &Lease,
    until_ms: i64,
    waiting: Option<&Waiting>,
) -> Result<()> {
    let sql = "UPDATE rotation SET state = CASE WHEN $4 = '' THEN state ELSE 'waiting' END, \
         wake_ms = CASE WHEN wish = 'none' THEN $3 ELSE wake_ms END, \
         waiting = CASE WHEN $4 = '' THEN waiting ELSE $4 END, lease_until_ms = 0, holder = '' \
         WHERE id = $1 AND fence = $2";
    let waiting = waiting.map(|one| to_json(&[one])).transpose()?;
    let args = [
        lease.id.as_str().into(),
        lease.fence.into(),
        until_ms.into(),
        waiting.unwrap_or_default().into(),
    ];
    match tx.run(sql, &args).await? {
        1 => Ok(()),
        _ => Err(Error::Lost),
    }
}
