//! Which inventory files were applied, and the owners they name.

use super::error::Result;
use super::sql::{Arg, Tx, to_json};
use crate::inventory::Owner;
use std::collections::BTreeMap;

/// Path and hash of every file applied last.
pub async fn applied(tx: &mut Tx) -> Result<Vec<(String, String)>> {
    let rows = tx
        .rows("SELECT path, hash FROM inventory_file ORDER BY path", &[])
        .await?;
    rows.iter()
        .map(|row| Ok((row.text("path")?, row.text("hash")?)))
        .collect()
}

/// Replaces the list of applied files.
pub async fn replace(tx: &mut Tx, files: &[(String, String)]) -> Result<()> {
    let now = tx.now_ms();
    tx.run("DELETE FROM inventory_file", &[]).await?;
    let rows: Vec<Vec<Arg>> = files
        .iter()
        .map(|(path, hash)| vec![path.into(), hash.into(), now.into()])
        .collect();
    tx.insert(
        "INSERT INTO inventory_file (path, hash, applied_ms)",
        &rows,
        "",
    )
    .await
}

/// Replaces the owners.
pub async fn replace_owners(tx: &mut Tx, owners: &BTreeMap<String, Owner>) -> Result<()> {
    tx.run("DELETE FROM owner", &[]).await?;
    let rows = owners
        .iter()
        .map(|(name, owner)| Ok(vec![name.into(), to_json(owner)?.into()]))
        .collect::<Result<Vec<Vec<Arg>>>>()?;
    tx.insert("INSERT INTO owner (name, body)", &rows, "").await
}

/// Every owner, by key.
pub async fn owners(tx: &mut Tx) -> Result<BTreeMap<String, Owner>> {
    let rows = tx.rows("SELECT name, body FROM owner", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.text("name")?, row.json("body")?)))
        .collect()
}

/// One owner, where the inventory names it.
pub async fn owner(tx: &mut Tx, name: &str) -> Result<Option<Owner>> {
    let row = tx
        .row("SELECT body FROM owner WHERE name = $1", &[name.into()])
        .await?;
    row.map(|row| row.json("body")).transpose()
}
