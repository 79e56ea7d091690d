//! When credentials end by themselves, where their issuer could say. Epoch milliseconds.

use super::error::Result;
use super::sql::Tx;

/// When a credential ends by itself; `None` where it does not, or nobody could say.
pub async fn of(tx: &mut Tx, credential: &str) -> Result<Option<i64>> {
    let sql = "SELECT expires_ms FROM credential WHERE id = $1";
    let row = tx.row(sql, &[credential.into()]).await?;
    row.map_or(Ok(None), |row| row.maybe_int("expires_ms"))
}

/// Records what an issuer says of one. The dates of its secret are computed anew by whoever changes what is in use.
pub async fn keep(tx: &mut Tx, credential: &str, expires_ms: i64) -> Result<()> {
    let sql = "UPDATE credential SET expires_ms = $2 WHERE id = $1";
    tx.later(sql, &[credential.into(), expires_ms.into()]).await
}
