//! Bringing secrets in, changing them, taking them out: many with few statements.

use super::error::{Error, Result};
use super::rotations;
use super::secrets::by_id;
use super::spares;
use super::spread::{Known, Spreading, known};
use super::sql::{Arg, Tx, marks, to_json};
use crate::inventory::{Definition, Manage};
use keywheel_schedules::{First, History, Spread, next_rotation};

/// Secrets in one statement, at most: each is held while it runs.
pub(super) const BATCH: usize = 150;

/// Adds or changes secrets as defined, and stirs their rotations. Dates are kept; where a secret is renamed, its
/// history moves along.
pub async fn apply(tx: &mut Tx, definitions: &[Definition]) -> Result<()> {
    apply_spread(tx, definitions, None).await.map(drop)
}

/// The same; with a spread, those that are to have one get a first start. Says how many did.
pub async fn apply_spread(
    tx: &mut Tx,
    definitions: &[Definition],
    spread: Option<Spread>,
) -> Result<usize> {
    for definition in definitions {
        for former in &definition.formerly {
            rename(tx, former.as_str(), definition.id.as_str()).await?;
        }
    }
    let mut given = 0;
    for batch in definitions.chunks(BATCH) {
        given += put(tx, batch, spread).await?;
    }
    Ok(given)
}

async fn put(tx: &mut Tx, batch: &[Definition], spread: Option<Spread>) -> Result<usize> {
    let now = tx.now_ms();
    let ids: Vec<Arg> = batch.iter().map(|d| d.id.as_str().into()).collect();
    let known = known(tx, &ids).await?;
    let spreading = match spread {
        Some(spread) => Some(Spreading::of(tx, &ids, spread).await?),
        None => None,
    };
    let mut given = 0;
    let mut rows = Vec::with_capacity(batch.len());
    for definition in batch {
        let known = known.get(definition.id.as_str()).copied();
        let known = known.unwrap_or(Known::enrolled(now));
        let new = spreading
            .as_ref()
            .and_then(|spreading| spreading.gives(definition, &known));
        given += usize::from(new.is_some());
        rows.push(row_of(definition, &known.history, new.or(known.first), now));
    }
    write(tx, batch, &rows).await?;
    Ok(given)
}

async fn write(tx: &mut Tx, batch: &[Definition], rows: &[Vec<Arg>]) -> Result<()> {
    let head = "INSERT INTO secret (id, shard, environment, name, owner, manage, tags, schedule, file, \
         definition_n, consumers, enrolled_ms, standby, next_rotation_ms, soon_ms, start_ms, start_reason, first_ms, first_span_ms)";
    let tail = "ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, manage = excluded.manage, \
         tags = excluded.tags, schedule = excluded.schedule, file = excluded.file, \
         definition_n = secret.definition_n + 1, consumers = excluded.consumers, standby = excluded.standby, \
         retired_ms = NULL, \
         next_rotation_ms = excluded.next_rotation_ms, soon_ms = excluded.soon_ms, \
         start_ms = excluded.start_ms, start_reason = excluded.start_reason, \
         first_ms = excluded.first_ms, first_span_ms = excluded.first_span_ms, held = 0";
    tx.insert(head, rows, tail).await?;
    let bodies = batch
        .iter()
        .map(|d| Ok(vec![d.id.as_str().into(), to_json(d)?.into()]))
        .collect::<Result<Vec<Vec<Arg>>>>()?;
    let head = "INSERT INTO secret_definition (secret_id, body)";
    let tail = "ON CONFLICT (secret_id) DO UPDATE SET body = excluded.body";
    tx.insert(head, &bodies, tail).await?;
    let ids: Vec<&str> = batch.iter().map(|d| d.id.as_str()).collect();
    rotations::stir(tx, &ids).await
}

fn row_of(
    definition: &Definition,
    history: &History,
    first: Option<First>,
    now_ms: i64,
) -> Vec<Arg> {
    let id = definition.id.as_str();
    let manage = match definition.manage {
        Manage::Track => "track",
        Manage::Approve => "approve",
        Manage::Auto => "auto",
    };
    let consumers = i64::try_from(definition.consumers.len());
    let mut row = vec![
        id.into(),
        shard(id).into(),
        definition.id.environment().into(),
        definition.id.name().into(),
        (&definition.owner).into(),
        manage.into(),
        format!(" {} ", definition.tags.join(" ")).into(),
        (&definition.schedule).into(),
        (&definition.origin.file).into(),
        1_i64.into(),
        consumers.unwrap_or(i64::MAX).into(),
        history.enrolled_ms.into(),
        i64::from(definition.issuer.standby).into(),
    ];
    row.extend(dates(definition, history, first, now_ms));
    row
}

/// Overdue after, due soon after, start, and why then; the first start and its span, as long as they matter.
fn dates(
    definition: &Definition,
    history: &History,
    first: Option<First>,
    now_ms: i64,
) -> [Arg; 6] {
    let mut next = next_rotation(&definition.timing, definition.id.as_str(), history);
    let first = first
        .filter(|_| definition.manage != Manage::Track)
        .map(|first| first.until(next.due_ms, now_ms))
        .filter(|first| next.start_ms.is_none_or(|start| start < first.at_ms));
    if let Some(first) = first {
        next = first.delays(next);
    }
    let early = definition.timing.due_soon.millis();
    let starts = definition.manage == Manage::Auto;
    [
        next.due_ms.into(),
        next.due_ms.map(|due| due - early).into(),
        next.start_ms.filter(|_| starts).into(),
        next.reason.into(),
        first.map(|first| first.at_ms).into(),
        first.map(|first| first.spread.millis()).into(),
    ]
}

/// Recomputes when a secret is due and when its rotation starts.
pub async fn reschedule(tx: &mut Tx, definition: &Definition) -> Result<()> {
    let id = definition.id.as_str();
    let known = known(tx, &[id.into()]).await?;
    let Some(known) = known.get(id) else {
        return Err(Error::Refused(format!("{id} is not in the journal")));
    };
    redate(tx, definition, &known.history, known.first).await
}

/// Writes the dates of a secret with this history and first start.
pub(super) async fn redate(
    tx: &mut Tx,
    definition: &Definition,
    history: &History,
    first: Option<First>,
) -> Result<()> {
    let sql = "UPDATE secret SET next_rotation_ms = $2, soon_ms = $3, start_ms = $4, start_reason = $5, \
         first_ms = $6, first_span_ms = $7, held = 0 WHERE id = $1";
    let mut args = vec![definition.id.as_str().into()];
    args.extend(dates(definition, history, first, tx.now_ms()));
    tx.later(sql, &args).await
}

/// Takes secrets out of service; rotations under way finish from their plans.
pub async fn retire(tx: &mut Tx, ids: &[String]) -> Result<()> {
    for batch in ids.chunks(BATCH) {
        // Nobody would try them any more, nor could take them out.
        spares::end_all(tx, batch, spares::End::Removed, "its secret was retired").await?;
        let marks = marks(batch.len());
        let ids: Vec<Arg> = batch.iter().map(Arg::from).collect();
        let sql = format!("DELETE FROM secret_definition WHERE secret_id IN ({marks})");
        tx.run(sql, &ids).await?;
        // Spliced in, being a number of ours: the places of the arguments are those of the ids.
        let now = tx.now_ms();
        let sql = format!(
            "UPDATE secret SET retired_ms = {now}, start_ms = NULL, first_ms = NULL, first_span_ms = NULL, held = 0 \
             WHERE retired_ms IS NULL AND id IN ({marks})"
        );
        tx.run(sql, &ids).await?;
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    rotations::stir(tx, &ids).await
}

async fn rename(tx: &mut Tx, from: &str, to: &str) -> Result<()> {
    let known = by_id(tx, from).await?.is_some() && by_id(tx, to).await?.is_none();
    if !known {
        return Ok(());
    }
    for sql in [
        "UPDATE secret SET id = $2 WHERE id = $1",
        "UPDATE secret_definition SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE rotation SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE credential SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE published SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE request SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE waiver SET secret_id = $2 WHERE secret_id = $1",
        "UPDATE spare SET secret_id = $2 WHERE secret_id = $1",
    ] {
        tx.run(sql, &[from.into(), to.into()]).await?;
    }
    let name = to.split_once('/').map_or(to, |(_, name)| name);
    tx.run(
        "UPDATE secret SET name = $2 WHERE id = $1",
        &[to.into(), name.into()],
    )
    .await
    .map(drop)
}

/// The files that brought secrets in service, by one step of the index for each.
pub async fn files(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE found (file) AS (\
         SELECT MIN(file) FROM secret WHERE retired_ms IS NULL \
         UNION ALL SELECT (SELECT MIN(file) FROM secret WHERE retired_ms IS NULL AND file > found.file) \
         FROM found WHERE found.file IS NOT NULL) \
         SELECT file FROM found WHERE file IS NOT NULL";
    let rows = tx.rows(sql, &[]).await?;
    rows.iter().map(|row| row.text("file")).collect()
}

/// Ids of the secrets in service that a file brought.
pub async fn ids_of(tx: &mut Tx, file: &str) -> Result<Vec<String>> {
    let sql = "SELECT id FROM secret WHERE file = $1 AND retired_ms IS NULL ORDER BY id";
    let rows = tx.rows(sql, &[file.into()]).await?;
    rows.iter().map(|row| row.text("id")).collect()
}

/// How many secrets are in service.
pub async fn count(tx: &mut Tx) -> Result<usize> {
    let sql = "SELECT COUNT(*) AS n FROM secret WHERE retired_ms IS NULL";
    let row = tx.row(sql, &[]).await?;
    let count = row.map_or(Ok(0), |row| row.int("n"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Sixteen parts by a stable hash, so that the index of due secrets has no single hot end.
fn shard(id: &str) -> i64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % 16).unwrap_or(0)
}
