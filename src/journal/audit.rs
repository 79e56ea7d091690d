//! The audit table: one row per intent, outcome, move, proof and decision, in the transaction it belongs to.
//!
//! A row is hashed with the row before it **of its rotation** when it is written: only the holder of the lease
//! appends, so that this chain costs nothing. A fenced sequencer then gives all rows their global order in
//! batches and chains them again. Truncation of the tail, and a rewriting of everything by someone who may
//! write the table, show only against a copy kept elsewhere.

use super::error::{Error, Result};
use super::rotations::Run;
use super::sql::{Arg, Row, Tx};
use aws_lc_rs::digest;
use std::collections::{BTreeMap, VecDeque};

/// What one row says. Ids, words and sentences; never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Who: a person, `schedule` or `engine`.
    pub actor: String,
    /// What: `intent`, `outcome`, `phase`, `evidence`, `request`, `waiver`, …, with the kind of effect.
    pub action: String,
    /// The rotation's phase at that moment.
    pub phase: String,
    /// How it went, in one word.
    pub outcome: String,
    /// The credential it is about: our id.
    pub credential: String,
    /// The destination or consumer it is about.
    pub destination: String,
    /// Which evidence it rests on.
    pub evidence: String,
    /// A sentence for people.
    pub detail: String,
}

/// One row as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub id: String,
    /// Its place in the global order, once the sequencer has given it one.
    pub seq: Option<i64>,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// The secret, or empty.
    pub secret_id: String,
    /// The rotation, or empty.
    pub rotation_id: String,
    /// Its place in the rotation, counted from one; zero outside rotations.
    pub n: i64,
    /// What it says.
    pub entry: Entry,
    /// Leaf hash of the rotation's row before it.
    pub chain_prev: String,
    /// Hash of this row and of `chain_prev`.
    pub leaf: String,
    /// Global hash before it.
    pub prev_hash: Option<String>,
    /// Global hash: of `prev_hash`, `seq` and `leaf`.
    pub hash: Option<String>,
}

const LEAF: &str = "keywheel/audit/row/v1\n";
const LINK: &str = "keywheel/audit/link/v1\n";
const COLUMNS: &str = "id, seq, at_ms, secret_id, rotation_id, n, actor, action, phase, outcome, credential, \
     destination, evidence, detail, chain_prev, leaf, prev_hash, hash";

impl AuditRow {
    /// The hash that `leaf` must be.
    pub fn expected_leaf(&self) -> String {
        let Entry {
            actor,
            action,
            phase,
            outcome,
            credential,
            destination,
            evidence,
            detail,
        } = &self.entry;
        let (at, n) = (self.at_ms.to_string(), self.n.to_string());
        hash(
            LEAF,
            &[
                &self.id,
                &at,
                &self.secret_id,
                &self.rotation_id,
                &n,
                actor,
                action,
                phase,
                outcome,
                credential,
                destination,
                evidence,
                detail,
                &self.chain_prev,
            ],
        )
    }

    /// The hash that `hash` must be.
    pub fn expected_hash(&self) -> Option<String> {
        Some(link(self.prev_hash.as_deref()?, self.seq?, &self.leaf))
    }

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            seq: row.maybe_int("seq")?,
            at_ms: row.int("at_ms")?,
            secret_id: row.text("secret_id")?,
            rotation_id: row.text("rotation_id")?,
            n: row.int("n")?,
            entry: Entry {
                actor: row.text("actor")?,
                action: row.text("action")?,
                phase: row.text("phase")?,
                outcome: row.text("outcome")?,
                credential: row.text("credential")?,
                destination: row.text("destination")?,
                evidence: row.text("evidence")?,
                detail: row.text("detail")?,
            },
            chain_prev: row.text("chain_prev")?,
            leaf: row.text("leaf")?,
            prev_hash: row.maybe_text("prev_hash")?,
            hash: row.maybe_text("hash")?,
        })
    }
}

/// SHA-256 over length-prefixed parts, as hexadecimal digits.
fn hash(domain: &str, parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(domain.as_bytes());
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}

/// The next global hash.
pub fn link(prev_hash: &str, seq: i64, leaf: &str) -> String {
    hash(LINK, &[prev_hash, &seq.to_string(), leaf])
}

/// Appends rows of a rotation, chained to its earlier ones; `run` carries the head of the chain on.
pub async fn append(tx: &mut Tx, run: &mut Run, entries: Vec<Entry>) -> Result<()> {
    let now = tx.now_ms();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        run.audit_n += 1;
        let row = new_row(
            now,
            &run.secret_id,
            run.id.as_str(),
            run.audit_n,
            entry,
            run.audit_head.clone(),
        );
        run.audit_head.clone_from(&row.leaf);
        rows.push(columns(&row));
    }
    insert(tx, &rows).await
}

/// Appends a row that belongs to no rotation.
pub async fn append_apart(tx: &mut Tx, secret_id: &str, entry: Entry) -> Result<()> {
    let row = new_row(tx.now_ms(), secret_id, "", 0, entry, String::new());
    insert(tx, &[columns(&row)]).await
}

fn new_row(
    at_ms: i64,
    secret_id: &str,
    rotation_id: &str,
    n: i64,
    entry: Entry,
    prev: String,
) -> AuditRow {
    let mut row = AuditRow {
        id: uuid::Uuid::now_v7().to_string(),
        seq: None,
        at_ms,
        secret_id: secret_id.to_owned(),
        rotation_id: rotation_id.to_owned(),
        n,
        entry,
        chain_prev: prev,
        leaf: String::new(),
        prev_hash: None,
        hash: None,
    };
    row.leaf = row.expected_leaf();
    row
}

fn columns(row: &AuditRow) -> Vec<Arg> {
    let entry = &row.entry;
    vec![
        (&row.id).into(),
        row.at_ms.into(),
        (&row.secret_id).into(),
        (&row.rotation_id).into(),
        row.n.into(),
        (&entry.actor).into(),
        (&entry.action).into(),
        (&entry.phase).into(),
        (&entry.outcome).into(),
        (&entry.credential).into(),
        (&entry.destination).into(),
        (&entry.evidence).into(),
        (&entry.detail).into(),
        (&row.chain_prev).into(),
        (&row.leaf).into(),
    ]
}

async fn insert(tx: &mut Tx, rows: &[Vec<Arg>]) -> Result<()> {
    let head = "INSERT INTO audit (id, at_ms, secret_id, rotation_id, n, actor, action, phase, outcome, \
         credential, destination, evidence, detail, chain_prev, leaf)";
    tx.insert(head, rows, "").await
}

/// Which rows to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this secret.
    pub secret_id: Option<String>,
    /// Only this rotation.
    pub rotation_id: Option<String>,
    /// Only from this moment on.
    pub since_ms: Option<i64>,
    /// Only after this place in the order.
    pub after_seq: i64,
    /// At most this many.
    pub limit: i64,
}

/// Sequenced rows in their order.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<AuditRow>> {
    let (sql, args) = list_sql(filter);
    tx.rows(sql, &args)
        .await?
        .iter()
        .map(AuditRow::read)
        .collect()
}

/// What [`list`] asks, with its arguments.
pub fn list_sql(filter: &Filter) -> (String, Vec<Arg>) {
    let mut args = vec![filter.after_seq.into(), filter.limit.into()];
    // Only what is asked for: an index is chosen by the text, not by the values.
    let mut conditions = String::from("seq > $1");
    let mut only = |condition: &str, arg: Option<Arg>| {
        if let Some(arg) = arg {
            args.push(arg);
            conditions.push_str(&format!(" AND {condition} ${}", args.len()));
        }
    };
    only("secret_id =", filter.secret_id.as_ref().map(Arg::from));
    only("rotation_id =", filter.rotation_id.as_ref().map(Arg::from));
    only("at_ms >=", filter.since_ms.map(Arg::from));
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE {conditions} ORDER BY seq LIMIT $2");
    (sql, args)
}

/// How many rows still wait for their place.
pub async fn pending(tx: &mut Tx) -> Result<i64> {
    let row = tx
        .row(
            "SELECT COUNT(*) AS pending FROM audit WHERE seq IS NULL",
            &[],
        )
        .await?;
    row.map_or(Ok(0), |row| row.int("pending"))
}

/// Rows without a place, in the order in which they will get one.
pub async fn unsequenced(tx: &mut Tx) -> Result<Vec<AuditRow>> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE seq IS NULL ORDER BY at_ms, id");
    tx.rows(sql, &[])
        .await?
        .iter()
        .map(AuditRow::read)
        .collect()
}

/// Rows without a place by rotation and their place in it, after `after`: rotation, place, id.
pub async fn pending_page(
    tx: &mut Tx,
    after: &(String, i64, String),
    limit: i64,
) -> Result<Vec<AuditRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM audit WHERE seq IS NULL AND (rotation_id > $1 OR (rotation_id = $1 \
         AND (n > $2 OR (n = $2 AND id > $3)))) ORDER BY rotation_id, n, id LIMIT $4"
    );
    let (rotation, n, id) = after;
    let args = [rotation.into(), (*n).into(), id.into(), limit.into()];
    tx.rows(sql, &args)
        .await?
        .iter()
        .map(AuditRow::read)
        .collect()
}

const HEAD: &str = "audit_head";

/// Gives the oldest waiting rows their global order; answers how many. Called under the sequencer's lease;
/// the head is moved by compare-and-set, so that a sequencer that lost its lease changes nothing.
///
/// # Errors
/// [`Error::Lost`]: another sequencer was first.
pub async fn sequence(tx: &mut Tx, limit: i64) -> Result<i64> {
    // The head before the rows: where another sequencer commits in between, the head is the older of the two
    // and the compare-and-set below fails, instead of giving rows a second place.
    let kept = head(tx).await?;
    // By rotation, so that a cut by the limit never takes a row before its predecessor.
    let sql = "SELECT id, rotation_id, at_ms, leaf FROM audit WHERE seq IS NULL \
         ORDER BY rotation_id, n, at_ms, id LIMIT $1";
    let waiting = tx.rows(sql, &[limit.into()]).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let waiting = in_time_order(&waiting)?;
    let (mut seq, mut prev) = parse_head(&kept)?;
    let mut rows = Vec::with_capacity(waiting.len());
    for (id, leaf) in &waiting {
        seq += 1;
        let next = link(&prev, seq, leaf);
        rows.push(vec![
            id.into(),
            seq.into(),
            prev.into(),
            next.clone().into(),
        ]);
        prev = next;
    }
    move_head(tx, &kept, &format!("{seq} {prev}")).await?;
    place(tx, &rows).await?;
    Ok(i64::try_from(waiting.len()).unwrap_or(i64::MAX))
}

/// Before any row is touched: a second sequencer waits here and then finds the head moved.
async fn move_head(tx: &mut Tx, from: &str, to: &str) -> Result<()> {
    let sql = "UPDATE meta SET value = $1 WHERE name = $2 AND value = $3";
    match tx.run(sql, &[to.into(), HEAD.into(), from.into()]).await? {
        1 => Ok(()),
        _ => Err(Error::Lost),
    }
}

/// Id and leaf of each row, by time across rotations and by its own chain within one: a clock that was set
/// back must not put an intent before the evidence it rests on.
fn in_time_order(waiting: &[Row]) -> Result<Vec<(String, String)>> {
    let mut chains: BTreeMap<String, VecDeque<(String, String)>> = BTreeMap::new();
    let mut slots = Vec::with_capacity(waiting.len());
    for row in waiting {
        let rotation = row.text("rotation_id")?;
        slots.push((row.int("at_ms")?, rotation.clone()));
        chains
            .entry(rotation)
            .or_default()
            .push_back((row.text("id")?, row.text("leaf")?));
    }
    slots.sort();
    Ok(slots
        .iter()
        .filter_map(|(_, rotation)| chains.get_mut(rotation)?.pop_front())
        .collect())
}

/// One statement for many rows: both databases can update from a list of values.
async fn place(tx: &mut Tx, rows: &[Vec<Arg>]) -> Result<()> {
    for chunk in rows.chunks(200) {
        let values: Vec<String> = (0..chunk.len())
            .map(|i| {
                let first = i * 4 + 1;
                format!(
                    "(CAST(${} AS TEXT), CAST(${} AS BIGINT), CAST(${} AS TEXT), CAST(${} AS TEXT))",
                    first, first + 1, first + 2, first + 3
                )
            })
            .collect();
        let sql = format!(
            "WITH placed (id, seq, prev_hash, hash) AS (VALUES {}) UPDATE audit SET seq = placed.seq, \
             prev_hash = placed.prev_hash, hash = placed.hash FROM placed WHERE audit.id = placed.id",
            values.join(", ")
        );
        let args: Vec<Arg> = chunk.iter().flatten().cloned().collect();
        tx.run(sql, &args).await?;
    }
    Ok(())
}

async fn head(tx: &mut Tx) -> Result<String> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    if let Some(row) = tx.row(sql, &[HEAD.into()]).await? {
        return row.text("value");
    }
    let first = format!("0 {}", "0".repeat(64));
    let head = "INSERT INTO meta (name, value)";
    tx.insert(
        head,
        &[vec![HEAD.into(), first.clone().into()]],
        "ON CONFLICT (name) DO NOTHING",
    )
    .await?;
    Ok(first)
}

/// The newest place in the order and its hash.
pub async fn newest(tx: &mut Tx) -> Result<(i64, String)> {
    let kept = tx
        .row("SELECT value FROM meta WHERE name = $1", &[HEAD.into()])
        .await?;
    match kept {
        Some(row) => parse_head(&row.text("value")?),
        None => Ok((0, "0".repeat(64))),
    }
}

fn parse_head(kept: &str) -> Result<(i64, String)> {
    let unreadable = || Error::Unreadable(format!("the audit head `{kept}`"));
    let (seq, hash) = kept.split_once(' ').ok_or_else(unreadable)?;
    Ok((seq.parse().map_err(|_| unreadable())?, hash.to_owned()))
}
