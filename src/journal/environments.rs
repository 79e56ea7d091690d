//! What environments allow, and the places in the queue of those that reached their limit.

use super::error::Result;
use super::sql::{Arg, Row, Tx};
use std::collections::BTreeMap;

/// Rotations that the schedule may start in 24 hours, by environment; no limit where there is none.
pub type Limits = BTreeMap<String, Option<i64>>;

/// All of them.
pub async fn limits(tx: &mut Tx) -> Result<Limits> {
    let rows = tx
        .rows("SELECT name, max_starts_per_day FROM environment", &[])
        .await?;
    let read = |row: &Row| Ok((row.text("name")?, row.maybe_int("max_starts_per_day")?));
    rows.iter().map(read).collect()
}

/// Replaces them. Where a limit changed, what it held starts when it was due: places in the queue are given anew.
pub async fn replace(tx: &mut Tx, limits: &Limits) -> Result<()> {
    let before = self::limits(tx).await?;
    let names = before.keys().chain(limits.keys());
    for name in names.filter(|name| before.get(*name) != limits.get(*name)) {
        let sql = "UPDATE secret SET held = 0, start_ms = CASE WHEN next_rotation_ms < start_ms \
             THEN next_rotation_ms ELSE start_ms END WHERE environment = $1 AND held = 1";
        tx.run(sql, &[name.into()]).await?;
    }
    tx.run("DELETE FROM environment", &[]).await?;
    let row =
        |(name, limit): (&String, &Option<i64>)| -> Vec<Arg> { vec![name.into(), (*limit).into()] };
    let rows: Vec<Vec<Arg>> = limits.iter().map(row).collect();
    tx.insert(
        "INSERT INTO environment (name, max_starts_per_day)",
        &rows,
        "",
    )
    .await
}

/// One limit, for this transaction alone, so that no other replica counts at the same time.
pub async fn locked(tx: &mut Tx, name: &str) -> Result<Option<i64>> {
    let sql = "UPDATE environment SET name = name WHERE name = $1 AND max_starts_per_day IS NOT NULL \
         RETURNING max_starts_per_day";
    let rows = tx.rows(sql, &[name.into()]).await?;
    rows.first()
        .map(|row| row.int("max_starts_per_day"))
        .transpose()
}

/// When the schedule started rotations after `since_ms`, latest first.
pub async fn started(tx: &mut Tx, name: &str, since_ms: i64, limit: i64) -> Result<Vec<i64>> {
    let sql = "SELECT created_ms AS at_ms FROM request WHERE environment = $1 AND cause = 'scheduled' \
         AND created_ms > $2 ORDER BY created_ms DESC LIMIT $3";
    moments(tx, sql, &[name.into(), since_ms.into(), limit.into()]).await
}

/// Moments to which starts were put off, latest first.
pub async fn reserved(tx: &mut Tx, name: &str, limit: i64) -> Result<Vec<i64>> {
    let sql = "SELECT start_ms AS at_ms FROM secret WHERE environment = $1 AND held = 1 \
         ORDER BY start_ms DESC LIMIT $2";
    moments(tx, sql, &[name.into(), limit.into()]).await
}

async fn moments(tx: &mut Tx, sql: &'static str, args: &[Arg]) -> Result<Vec<i64>> {
    let rows = tx.rows(sql, args).await?;
    rows.iter().map(|row| row.int("at_ms")).collect()
}

/// Puts a start off to its place in the queue.
pub async fn hold(tx: &mut Tx, id: &str, start_ms: i64, reason: &str) -> Result<()> {
    let sql = "UPDATE secret SET start_ms = $2, start_reason = $3, held = 1 WHERE id = $1";
    tx.run(sql, &[id.into(), start_ms.into(), reason.into()])
        .await
        .map(drop)
}
