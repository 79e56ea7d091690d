//! Which inventory files were applied, what of each concerns the others, and the owners they name.

use super::error::{Error, Result};
use super::sql::{Arg, Row, Tx, marks, to_json};
use crate::inventory::{Marks, Owner};
use std::collections::BTreeMap;

/// One file as it was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedFile {
    /// Relative to `keywheel.toml`.
    pub path: String,
    /// SHA-256 of its text, in hexadecimal.
    pub hash: String,
    /// Hash of what it is layered over; empty where it is layered over nothing.
    pub around: String,
}

/// Every file applied last, by path.
pub async fn applied(tx: &mut Tx) -> Result<BTreeMap<String, AppliedFile>> {
    let sql = "SELECT path, hash, around FROM inventory_file";
    let rows = tx.rows(sql, &[]).await?;
    let read = |row: &Row| {
        let file = AppliedFile {
            path: row.text("path")?,
            hash: row.text("hash")?,
            around: row.text("around")?,
        };
        Ok((file.path.clone(), file))
    };
    rows.iter().map(read).collect()
}

/// What of these files, at most 500 of them, concerns others.
pub async fn marks_of(tx: &mut Tx, paths: &[String]) -> Result<Marks> {
    let sql = format!(
        "SELECT ids, claims, needs FROM inventory_file WHERE path IN ({})",
        marks(paths.len())
    );
    let paths: Vec<Arg> = paths.iter().map(Arg::from).collect();
    let mut all = Marks::default();
    for row in tx.rows(sql, &paths).await? {
        all.extend(Marks {
            ids: unpacked(&row.bytes("ids")?)?,
            claims: unpacked(&row.bytes("claims")?)?,
            needs: unpacked(&row.bytes("needs")?)?,
        });
    }
    Ok(all)
}

/// Records that a file is applied.
pub async fn record(tx: &mut Tx, file: &AppliedFile, marks: &Marks) -> Result<()> {
    let row = vec![
        (&file.path).into(),
        (&file.hash).into(),
        (&file.around).into(),
        packed(&marks.ids).into(),
        packed(&marks.claims).into(),
        packed(&marks.needs).into(),
        tx.now_ms().into(),
    ];
    let head = "INSERT INTO inventory_file (path, hash, around, ids, claims, needs, applied_ms)";
    let tail = "ON CONFLICT (path) DO UPDATE SET hash = excluded.hash, around = excluded.around, \
         ids = excluded.ids, claims = excluded.claims, needs = excluded.needs, applied_ms = excluded.applied_ms";
    tx.insert(head, &[row], tail).await
}

/// Records that files were applied whose secrets, and so their marks, are what they were.
pub async fn renew(tx: &mut Tx, files: &[AppliedFile]) -> Result<()> {
    let sql = "UPDATE inventory_file SET hash = $2, around = $3, applied_ms = $4 WHERE path = $1";
    let now = tx.now_ms();
    for file in files {
        let args = [
            (&file.path).into(),
            (&file.hash).into(),
            (&file.around).into(),
            now.into(),
        ];
        tx.run(sql, &args).await?;
    }
    Ok(())
}

/// Forgets a file that is gone.
pub async fn forget(tx: &mut Tx, path: &str) -> Result<()> {
    let sql = "DELETE FROM inventory_file WHERE path = $1";
    tx.run(sql, &[path.into()]).await.map(drop)
}

fn packed(marks: &[u64]) -> Vec<u8> {
    marks.iter().flat_map(|mark| mark.to_be_bytes()).collect()
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u64>> {
    let (marks, rest) = bytes.as_chunks::<8>();
    match rest {
        [] => Ok(marks.iter().map(|mark| u64::from_be_bytes(*mark)).collect()),
        _ => Err(Error::Unreadable("marks of an inventory file".into())),
    }
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
