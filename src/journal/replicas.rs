//! Replicas and the named leases they share.

use super::error::Result;
use super::sql::Tx;

/// A process that works on this journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its id, new at each start.
    pub id: String,
    /// `daemon` or `command`.
    pub kind: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub pid: i64,
    /// When it started.
    pub started_ms: i64,
    /// When it was last seen.
    pub seen_ms: i64,
    /// When it said goodbye.
    pub stopped_ms: Option<i64>,
}

/// A replica not seen for this long counts as gone.
pub const LOST_AFTER_MS: i64 = 15_000;

/// A replica silent for this long is forgotten, unless it is the last of its kind: status says since when none runs.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3_600_000;

/// Says that a replica is alive, and forgets those that have long been gone.
pub async fn beat(tx: &mut Tx, replica: &Replica) -> Result<()> {
    let now = tx.now_ms();
    let row = vec![
        (&replica.id).into(),
        (&replica.kind).into(),
        (&replica.host).into(),
        replica.pid.into(),
        replica.started_ms.into(),
        now.into(),
    ];
    let head = "INSERT INTO replica (id, kind, host, pid, started_ms, seen_ms)";
    tx.insert(
        head,
        &[row],
        "ON CONFLICT (id) DO UPDATE SET seen_ms = excluded.seen_ms",
    )
    .await?;
    let sql = "DELETE FROM replica WHERE seen_ms < $1 AND EXISTS \
         (SELECT 1 FROM replica AS newer WHERE newer.kind = replica.kind AND newer.seen_ms > replica.seen_ms)";
    tx.run(sql, &[(now - FORGOTTEN_AFTER_MS).into()])
        .await
        .map(drop)
}

/// Says goodbye.
pub async fn stop(tx: &mut Tx, id: &str) -> Result<()> {
    let now = tx.now_ms();
    tx.run(
        "UPDATE replica SET stopped_ms = $2 WHERE id = $1",
        &[id.into(), now.into()],
    )
    .await
    .map(drop)
}

/// Replicas that did not say goodbye, and the last daemon that did, newest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<Replica>> {
    let sql = "SELECT id, kind, host, pid, started_ms, seen_ms, stopped_ms FROM replica ORDER BY seen_ms DESC LIMIT 100";
    let rows = tx.rows(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Replica {
                id: row.text("id")?,
                kind: row.text("kind")?,
                host: row.text("host")?,
                pid: row.int("pid")?,
                started_ms: row.int("started_ms")?,
                seen_ms: row.int("seen_ms")?,
                stopped_ms: row.maybe_int("stopped_ms")?,
            })
        })
        .collect()
}

/// Takes a named lease, or keeps it; `false` where another replica has it.
pub async fn take(tx: &mut Tx, name: &str, holder: &str, lease_ms: i64) -> Result<bool> {
    let now = tx.now_ms();
    let sql = "INSERT INTO lease (name, holder, term, until_ms) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms, \
         term = CASE WHEN lease.holder = excluded.holder THEN lease.term ELSE lease.term + 1 END \
         WHERE lease.holder = excluded.holder OR lease.until_ms <= $4 RETURNING term";
    let args = [
        name.into(),
        holder.into(),
        (now + lease_ms).into(),
        now.into(),
    ];
    Ok(tx.row(sql, &args).await?.is_some())
}

/// Gives up every named lease of a replica.
pub async fn release(tx: &mut Tx, holder: &str) -> Result<()> {
    tx.run(
        "UPDATE lease SET until_ms = 0 WHERE holder = $1",
        &[holder.into()],
    )
    .await
    .map(drop)
}
