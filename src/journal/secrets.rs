//! Secrets as the inventory was applied, and what the schedule needs of them.

pub use super::enrol::{apply, apply_spread, reschedule, retire};

use super::bundle::Query;
use super::error::Result;
use super::rotations;
use super::sql::{Arg, Row, Tx};
use crate::inventory::Definition;
use std::collections::BTreeMap;

/// One secret's row, without its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// `environment/name`.
    pub id: String,
    /// The part before the slash.
    pub environment: String,
    /// The part after it.
    pub name: String,
    /// Key of the owner.
    pub owner: String,
    /// `track`, `approve` or `auto`.
    pub manage: String,
    /// Labels, separated and surrounded by spaces.
    pub tags: String,
    /// Name of its schedule.
    pub schedule: String,
    /// The file that defines it.
    pub file: String,
    /// When the inventory first named it.
    pub enrolled_ms: i64,
    /// When the credential in use was published by a rotation that completed.
    pub last_rotated_ms: Option<i64>,
    /// Overdue after this.
    pub next_rotation_ms: Option<i64>,
    /// Due soon after this.
    pub soon_ms: Option<i64>,
    /// When the scheduler acts.
    pub start_ms: Option<i64>,
    /// Why then.
    pub start_reason: String,
    /// Our id of the credential in use.
    pub current_credential: Option<String>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
    /// Until when.
    pub paused_until_ms: Option<i64>,
    /// When it left the inventory.
    pub retired_ms: Option<i64>,
    /// Consumers listed.
    pub consumers: i64,
    /// Consumers proven by the newest rotation.
    pub proven: i64,
    /// Whether the limit of its environment put its start off.
    pub held: bool,
    /// Its first start, where `inventory apply --spread` gave one and no rotation has completed since.
    pub first_ms: Option<i64>,
}

const COLUMNS: &str = "id, environment, name, owner, manage, tags, schedule, file, enrolled_ms, last_rotated_ms, \
     next_rotation_ms, soon_ms, start_ms, start_reason, current_credential, paused_by, paused_reason, \
     paused_until_ms, retired_ms, consumers, proven, held, first_ms";

impl Secret {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            environment: row.text("environment")?,
            name: row.text("name")?,
            owner: row.text("owner")?,
            manage: row.text("manage")?,
            tags: row.text("tags")?,
            schedule: row.text("schedule")?,
            file: row.text("file")?,
            enrolled_ms: row.int("enrolled_ms")?,
            last_rotated_ms: row.maybe_int("last_rotated_ms")?,
            next_rotation_ms: row.maybe_int("next_rotation_ms")?,
            soon_ms: row.maybe_int("soon_ms")?,
            start_ms: row.maybe_int("start_ms")?,
            start_reason: row.text("start_reason")?,
            current_credential: row.maybe_text("current_credential")?,
            paused_by: row.maybe_text("paused_by")?,
            paused_reason: row.maybe_text("paused_reason")?,
            paused_until_ms: row.maybe_int("paused_until_ms")?,
            retired_ms: row.maybe_int("retired_ms")?,
            consumers: row.int("consumers")?,
            proven: row.int("proven")?,
            held: row.int("held")? == 1,
            first_ms: row.maybe_int("first_ms")?,
        })
    }

    /// Whether somebody paused it and the pause still stands.
    pub fn is_paused(&self, now_ms: i64) -> bool {
        self.paused_by.is_some() && self.paused_until_ms.is_none_or(|until| now_ms < until)
    }
}

/// One secret.
pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Secret>> {
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id = $1");
    tx.row(sql, &[id.into()])
        .await?
        .map(|row| Secret::read(&row))
        .transpose()
}

/// Secrets by id, after `after`, for paging through all of them.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Secret>> {
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id > $1 ORDER BY id LIMIT $2");
    tx.rows(sql, &[after.into(), limit.into()])
        .await?
        .iter()
        .map(Secret::read)
        .collect()
}

/// What selectors ask of a secret's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// `environment/name`.
    pub id: String,
    /// The part before the slash.
    pub environment: String,
    /// Key of the owner.
    pub owner: String,
    /// Labels, separated and surrounded by spaces.
    pub tags: String,
}

/// Secrets in service by id, after `after`, with what selectors ask for.
pub async fn labels(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Label>> {
    let sql = "SELECT id, environment, owner, tags FROM secret WHERE id > $1 AND retired_ms IS NULL \
         ORDER BY id LIMIT $2";
    let rows = tx.rows(sql, &[after.into(), limit.into()]).await?;
    let read = |row: &Row| {
        Ok(Label {
            id: row.text("id")?,
            environment: row.text("environment")?,
            owner: row.text("owner")?,
            tags: row.text("tags")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Which issuer and stores a secret uses, by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uses {
    /// Key of the issuer.
    pub issuer: String,
    /// Keys of the stores.
    pub stores: Vec<String>,
}

/// Issuer and stores of these secrets, at most 500 of them.
pub async fn uses(tx: &mut Tx, ids: &[String]) -> Result<BTreeMap<String, Uses>> {
    let found = definitions_by_id(tx, ids).await?;
    let uses = |definition: Definition| Uses {
        issuer: definition.issuer.name,
        stores: definition
            .destinations
            .into_iter()
            .map(|destination| destination.store.name)
            .collect(),
    };
    Ok(found
        .into_iter()
        .map(|(id, definition)| (id, uses(definition)))
        .collect())
}

/// Definitions of these secrets where they are in the inventory, at most 500 of them.
pub async fn definitions_by_id(
    tx: &mut Tx,
    ids: &[String],
) -> Result<BTreeMap<String, Definition>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let marks: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT secret_id, body FROM secret_definition WHERE secret_id IN ({})",
        marks.join(", ")
    );
    let args: Vec<Arg> = ids.iter().map(Arg::from).collect();
    let rows = tx.rows(sql, &args).await?;
    rows.iter()
        .map(|row| Ok((row.text("secret_id")?, row.json("body")?)))
        .collect()
}

/// A secret's definition, where it is in the inventory.
pub async fn definition(tx: &mut Tx, id: &str) -> Result<Option<Definition>> {
    tx.first(definition_of(id)).await
}

/// The same, for a bundle.
pub fn definition_of(id: &str) -> Query<Definition> {
    Query {
        columns: "body",
        from: "secret_definition WHERE secret_id = $1".into(),
        order: "secret_id",
        args: vec![id.into()],
        read: |row| row.json("body"),
    }
}

/// Who paused a secret, and until when: a pause ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Until when, epoch milliseconds, where it ends by itself.
    pub until_ms: Option<i64>,
}

impl Pause {
    /// Whether it still stands.
    pub fn stands(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

/// The pause of a secret, also one that is over, where somebody paused it.
pub fn pause_of(id: &str) -> Query<Pause> {
    Query {
        columns: "paused_by, paused_until_ms",
        from: "secret WHERE id = $1 AND paused_by IS NOT NULL".into(),
        order: "id",
        args: vec![id.into()],
        read: |row| {
            Ok(Pause {
                by: row.text("paused_by")?,
                until_ms: row.maybe_int("paused_until_ms")?,
            })
        },
    }
}

/// Every definition that a file brought, for comparing with the file as it is now.
pub async fn definitions_of(tx: &mut Tx, file: &str) -> Result<Vec<Definition>> {
    let sql = "SELECT d.body AS body FROM secret_definition d JOIN secret s ON s.id = d.secret_id \
         WHERE s.file = $1 AND s.retired_ms IS NULL";
    tx.rows(sql, &[file.into()])
        .await?
        .iter()
        .map(|row| row.json("body"))
        .collect()
}

/// Every definition in force.
pub async fn definitions(tx: &mut Tx) -> Result<Vec<Definition>> {
    let sql = "SELECT d.body AS body FROM secret_definition d JOIN secret s ON s.id = d.secret_id \
         WHERE s.retired_ms IS NULL ORDER BY s.id";
    tx.rows(sql, &[])
        .await?
        .iter()
        .map(|row| row.json("body"))
        .collect()
}

/// Up to `limit` secrets whose start has come, most overdue first; those with a rotation under way are not
/// among them.
pub async fn due(tx: &mut Tx, limit: i64) -> Result<Vec<Secret>> {
    let now = tx.now_ms();
    tx.rows(due_sql(), &[now.into(), limit.into()])
        .await?
        .iter()
        .map(Secret::read)
        .collect()
}

/// Every shard is named, so that the index is used, which begins with it; public so that a test can ask the
/// databases for their plan.
pub fn due_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM secret WHERE shard IN (0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15) \
         AND busy = 0 AND start_ms IS NOT NULL AND start_ms <= $1 ORDER BY start_ms LIMIT $2"
    )
}

/// The next moment at which a secret's start comes, where there is one.
pub async fn next_start(tx: &mut Tx) -> Result<Option<i64>> {
    tx.row(next_start_sql(), &[])
        .await?
        .map_or(Ok(None), |row| row.maybe_int("start"))
}

/// One look at the beginning of each shard: over all of them at once, `MIN` would read the whole index. Public so
/// that a test can ask the databases for their plan.
pub fn next_start_sql() -> String {
    let shards = (0..16).map(|shard| {
        format!(
            "SELECT MIN(start_ms) AS start FROM secret \
             WHERE shard = {shard} AND busy = 0 AND start_ms IS NOT NULL"
        )
    });
    let shards: Vec<String> = shards.collect();
    format!(
        "SELECT MIN(start) AS start FROM ({}) AS firsts",
        shards.join(" UNION ALL ")
    )
}

/// Puts off a start that may not happen now.
pub async fn postpone(tx: &mut Tx, id: &str, start_ms: i64, reason: &str) -> Result<()> {
    let sql = "UPDATE secret SET start_ms = $2, start_reason = $3 WHERE id = $1";
    tx.later(sql, &[id.into(), start_ms.into(), reason.into()])
        .await
}

/// Marks whether an exclusive rotation is under way.
pub async fn busy(tx: &mut Tx, id: &str, busy: bool) -> Result<()> {
    tx.later(
        "UPDATE secret SET busy = $2 WHERE id = $1",
        &[id.into(), busy.into()],
    )
    .await
    .map(drop)
}

/// The schedule asks for a rotation: busy until one opens, and its place in a queue is free.
pub async fn begun(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run(
        "UPDATE secret SET busy = 1, held = 0 WHERE id = $1",
        &[id.into()],
    )
    .await
    .map(drop)
}

/// Records a completed rotation: which credential is in use, since when. From now on a first start does not matter.
pub async fn rotated(tx: &mut Tx, id: &str, credential: &str, published_ms: i64) -> Result<()> {
    let sql = "UPDATE secret SET current_credential = $2, last_rotated_ms = $3, first_ms = NULL, \
         first_span_ms = NULL WHERE id = $1";
    tx.later(sql, &[id.into(), credential.into(), published_ms.into()])
        .await
}

/// Dates a credential that was adopted: which one is in use, since when. A first start stands.
pub async fn dated(tx: &mut Tx, id: &str, credential: &str, published_ms: i64) -> Result<()> {
    let sql = "UPDATE secret SET current_credential = $2, last_rotated_ms = $3 WHERE id = $1";
    tx.later(sql, &[id.into(), credential.into(), published_ms.into()])
        .await
}

/// Records which credential is in use, without a date.
pub async fn in_use(tx: &mut Tx, id: &str, credential: &str) -> Result<()> {
    let sql = "UPDATE secret SET current_credential = $2 WHERE id = $1";
    tx.later(sql, &[id.into(), credential.into()]).await
}

/// Records how many consumers the newest rotation has proven.
pub async fn proven(tx: &mut Tx, id: &str, proven: i64) -> Result<()> {
    tx.later(
        "UPDATE secret SET proven = $2 WHERE id = $1",
        &[id.into(), proven.into()],
    )
    .await
    .map(drop)
}

/// Pauses a secret, or lifts a pause with `by` empty.
pub async fn pause(
    tx: &mut Tx,
    id: &str,
    by: Option<&str>,
    reason: &str,
    until_ms: Option<i64>,
) -> Result<()> {
    let sql =
        "UPDATE secret SET paused_by = $2, paused_reason = $3, paused_until_ms = $4 WHERE id = $1";
    let args = [
        id.into(),
        by.map(str::to_owned).into(),
        reason.into(),
        until_ms.into(),
    ];
    tx.later(sql, &args).await?;
    rotations::stir(tx, &[id]).await
}

/// Whether an exclusive rotation of a secret is under way or about to begin.
pub async fn is_busy(tx: &mut Tx, id: &str) -> Result<bool> {
    let row = tx
        .row("SELECT busy FROM secret WHERE id = $1", &[id.into()])
        .await?;
    row.map_or(Ok(false), |row| Ok(row.int("busy")? == 1))
}
