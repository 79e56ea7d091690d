//! What is left of the quotas of outside systems, for all replicas together.

mod allowance;

pub use allowance::{Allowance, Reserved};

use super::error::Result;
use super::sql::{Row, Tx};
use std::collections::BTreeMap;

/// What is left of a quota, for this transaction alone; `rested` where nobody used it before.
pub async fn locked(tx: &mut Tx, rested: &Allowance, name: &str) -> Result<Allowance> {
    let sql = "INSERT INTO quota (name, per_minute, calls_u, as_of_ms, paced_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (name) DO UPDATE SET name = excluded.name \
         RETURNING per_minute, calls_u, as_of_ms, paced_ms";
    let args = [
        name.into(),
        rested.per_minute.into(),
        rested.calls_u.into(),
        rested.as_of_ms.into(),
        rested.paced_ms.into(),
    ];
    let rows = tx.rows(sql, &args).await?;
    rows.first().map_or(Ok(rested.clone()), allowance)
}

/// The pace of each quota that was used so far, calls a minute.
pub async fn paces(tx: &mut Tx) -> Result<BTreeMap<String, u64>> {
    let rows = tx.rows("SELECT name, per_minute FROM quota", &[]).await?;
    let pace = |row: &Row| {
        let per_minute = u64::try_from(row.int("per_minute")?).unwrap_or(0);
        Ok((row.text("name")?, per_minute))
    };
    rows.iter().map(pace).collect()
}

/// Keeps what is left.
pub async fn keep(tx: &mut Tx, name: &str, left: &Allowance) -> Result<()> {
    let sql = "UPDATE quota SET per_minute = $2, calls_u = $3, as_of_ms = $4, paced_ms = $5 WHERE name = $1";
    let args = [
        name.into(),
        left.per_minute.into(),
        left.calls_u.into(),
        left.as_of_ms.into(),
        left.paced_ms.into(),
    ];
    tx.run(sql, &args).await.map(drop)
}

fn allowance(row: &Row) -> Result<Allowance> {
    Ok(Allowance {
        per_minute: row.int("per_minute")?,
        calls_u: row.int("calls_u")?,
        as_of_ms: row.int("as_of_ms")?,
        paced_ms: row.int("paced_ms")?,
    })
}
