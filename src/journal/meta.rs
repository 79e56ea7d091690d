//! Named facts about the journal itself.

use super::error::Result;
use super::sql::Tx;

/// The check value of the seal key that the journal was made with.
pub const SEAL_CHECK: &str = "seal_check";

/// A fact, where it is known.
pub async fn fact(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    tx.row("SELECT value FROM meta WHERE name = $1", &[name.into()])
        .await?
        .map(|row| row.text("value"))
        .transpose()
}

/// Keeps a fact, replacing an earlier one.
pub async fn keep(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    let tail = "ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.insert(
        "INSERT INTO meta (name, value)",
        &[vec![name.into(), value.into()]],
        tail,
    )
    .await
}
