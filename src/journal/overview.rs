//! Narrow rows for looking at many secrets at once: never a definition, never a plan.

use super::error::Result;
use super::sql::{Arg, Row, Tx, marks};
use crate::rotation::phase::Phase;
use crate::rotation::plan::Waiting;
use crate::rotation::words::{Cause, Kind, Mode, State};
use std::collections::{BTreeMap, BTreeSet};

/// What status needs of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretLine {
    /// `environment/name`.
    pub id: String,
    /// The part before the slash.
    pub environment: String,
    /// Key of the owner.
    pub owner: String,
    /// `track`, `approve` or `auto`.
    pub manage: String,
    /// Labels, separated and surrounded by spaces.
    pub tags: String,
    /// Name of its schedule.
    pub schedule: String,
    /// When the credential in use was published by a rotation that completed.
    pub last_rotated_ms: Option<i64>,
    /// Overdue after this.
    pub next_rotation_ms: Option<i64>,
    /// Due soon after this.
    pub soon_ms: Option<i64>,
    /// When the scheduler acts.
    pub start_ms: Option<i64>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Until when.
    pub paused_until_ms: Option<i64>,
    /// When it left the inventory.
    pub retired_ms: Option<i64>,
}

const SECRET: &str = "id, environment, owner, manage, tags, schedule, last_rotated_ms, next_rotation_ms, soon_ms, \
     start_ms, paused_by, paused_until_ms, retired_ms";

/// Secrets by id, after `after`, retired ones among them.
pub async fn secrets(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<SecretLine>> {
    let sql = format!("SELECT {SECRET} FROM secret WHERE id > $1 ORDER BY id LIMIT $2");
    let rows = tx.rows(sql, &[after.into(), limit.into()]).await?;
    rows.iter().map(secret).collect()
}

/// Secrets in service by id, after `after`, without those of which there is surely nothing to say: dated, not due
/// soon, not paused, with nothing under way.
pub async fn restless(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<SecretLine>> {
    let sql = format!(
        "SELECT {SECRET} FROM secret WHERE id > $1 AND retired_ms IS NULL AND (\
         soon_ms < $2 OR next_rotation_ms < $2 OR last_rotated_ms IS NULL OR paused_by IS NOT NULL \
         OR EXISTS (SELECT 1 FROM rotation WHERE secret_id = secret.id AND state <> 'ended') \
         OR EXISTS (SELECT 1 FROM request WHERE secret_id = secret.id AND state = 'queued')) \
         ORDER BY id LIMIT $3"
    );
    let args = [after.into(), tx.now_ms().into(), limit.into()];
    tx.rows(sql, &args).await?.iter().map(secret).collect()
}

/// These secrets, at most 500 of them.
pub async fn secrets_by_id(tx: &mut Tx, ids: &[String]) -> Result<Vec<SecretLine>> {
    let marks = marks(ids.len());
    let sql = format!("SELECT {SECRET} FROM secret WHERE id IN ({marks})");
    let rows = tx.rows(sql, &args(ids)).await?;
    rows.iter().map(secret).collect()
}

fn secret(row: &Row) -> Result<SecretLine> {
    Ok(SecretLine {
        id: row.text("id")?,
        environment: row.text("environment")?,
        owner: row.text("owner")?,
        manage: row.text("manage")?,
        tags: row.text("tags")?,
        schedule: row.text("schedule")?,
        last_rotated_ms: row.maybe_int("last_rotated_ms")?,
        next_rotation_ms: row.maybe_int("next_rotation_ms")?,
        soon_ms: row.maybe_int("soon_ms")?,
        start_ms: row.maybe_int("start_ms")?,
        paused_by: row.maybe_text("paused_by")?,
        paused_until_ms: row.maybe_int("paused_until_ms")?,
        retired_ms: row.maybe_int("retired_ms")?,
    })
}

/// What status and history need of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLine {
    /// Its id.
    pub id: String,
    /// The secret's id.
    pub secret_id: String,
    /// Where it is.
    pub phase: Phase,
    /// Whether it moves by itself.
    pub state: State,
    /// How it is run.
    pub mode: Mode,
    /// Who or what asked for it.
    pub cause: Cause,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// Our id of the credential in use before.
    pub old_credential: Option<String>,
    /// Our id of the candidate.
    pub candidate: Option<String>,
    /// When it was opened.
    pub created_ms: i64,
    /// When the phase began.
    pub phase_since_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// When the leak was reported.
    pub reported_ms: Option<i64>,
    /// When the leaked credential was refused.
    pub refused_ms: Option<i64>,
    /// The question of a blocked one, then the command, separated by a newline.
    pub question: String,
    /// What it waits for.
    pub waiting: Vec<Waiting>,
}

const RUN: &str = "id, secret_id, phase, state, mode, cause, reason, actor, old_credential, candidate, created_ms, \
     phase_since_ms, ended_ms, reported_ms, refused_ms, question, waiting";

fn run(row: &Row) -> Result<RunLine> {
    Ok(RunLine {
        id: row.text("id")?,
        secret_id: row.text("secret_id")?,
        phase: row.word("phase", Phase::from_word)?,
        state: row.word("state", State::from_word)?,
        mode: row.word("mode", Mode::from_word)?,
        cause: row.word("cause", Cause::from_word)?,
        reason: row.text("reason")?,
        actor: row.text("actor")?,
        old_credential: row.maybe_text("old_credential")?,
        candidate: row.maybe_text("candidate")?,
        created_ms: row.int("created_ms")?,
        phase_since_ms: row.int("phase_since_ms")?,
        ended_ms: row.maybe_int("ended_ms")?,
        reported_ms: row.maybe_int("reported_ms")?,
        refused_ms: row.maybe_int("refused_ms")?,
        question: row.text("question")?,
        waiting: row.json("waiting")?,
    })
}

/// Unfinished rotations of the secrets after `after` up to `last`, without their plans, newest last.
pub async fn unfinished(tx: &mut Tx, after: &str, last: &str) -> Result<Vec<RunLine>> {
    let sql = format!(
        "SELECT {RUN} FROM rotation WHERE state <> 'ended' AND secret_id > $1 AND secret_id <= $2 \
         ORDER BY created_ms"
    );
    let args = [after.into(), last.into()];
    tx.rows(sql, &args).await?.iter().map(run).collect()
}

/// Unfinished rotations of these secrets, at most 500 of them, without their plans, newest last.
pub async fn unfinished_of(tx: &mut Tx, ids: &[String]) -> Result<Vec<RunLine>> {
    let sql = format!(
        "SELECT {RUN} FROM rotation WHERE state <> 'ended' AND secret_id IN ({}) ORDER BY created_ms",
        marks(ids.len())
    );
    tx.rows(sql, &args(ids)).await?.iter().map(run).collect()
}

/// The newest rotation of each of these secrets, at most 500 of them.
pub async fn newest(tx: &mut Tx, ids: &[String]) -> Result<Vec<RunLine>> {
    let sql = format!(
        "SELECT {RUN} FROM rotation WHERE secret_id IN ({}) AND created_ms = \
         (SELECT MAX(other.created_ms) FROM rotation other WHERE other.secret_id = rotation.secret_id)",
        marks(ids.len())
    );
    let rows = tx.rows(sql, &args(ids)).await?;
    rows.iter().map(run).collect()
}

/// The latest rotations of one secret, newest first.
pub async fn latest(tx: &mut Tx, secret_id: &str, limit: i64) -> Result<Vec<RunLine>> {
    let sql = format!(
        "SELECT {RUN} FROM rotation WHERE secret_id = $1 ORDER BY created_ms DESC LIMIT $2"
    );
    let rows = tx.rows(sql, &[secret_id.into(), limit.into()]).await?;
    rows.iter().map(run).collect()
}

/// Rotations of one secret, or of all where `secret_id` is empty, that ended or began at or after `since_ms`:
/// a page of them by id, after `after`.
pub async fn runs_since(
    tx: &mut Tx,
    secret_id: &str,
    since_ms: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<RunLine>> {
    let sql = format!(
        "SELECT {RUN} FROM rotation WHERE id > $1 AND ($2 = '' OR secret_id = $2) \
         AND (state <> 'ended' OR ended_ms >= $3 OR created_ms >= $3) ORDER BY id LIMIT $4"
    );
    let args = [
        after.into(),
        secret_id.into(),
        since_ms.into(),
        limit.into(),
    ];
    tx.rows(sql, &args).await?.iter().map(run).collect()
}

/// Secrets for which an emergency is reported and not begun.
pub async fn reported(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let sql = "SELECT secret_id FROM request WHERE state = 'queued' AND cause = 'emergency'";
    let rows = tx.rows(sql, &[]).await?;
    rows.iter().map(|row| row.text("secret_id")).collect()
}

/// What a destination serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serves {
    /// The secret.
    pub secret_id: String,
    /// `store:path`.
    pub destination: String,
    /// The version.
    pub version: String,
    /// Our id of the credential.
    pub credential: String,
    /// Since when.
    pub at_ms: i64,
}

/// What the destinations of these secrets serve, at most 500 of them.
pub async fn served(tx: &mut Tx, ids: &[String]) -> Result<Vec<Serves>> {
    let sql = format!(
        "SELECT secret_id, destination, version, credential, at_ms FROM published WHERE secret_id IN ({}) \
         ORDER BY secret_id, destination",
        marks(ids.len())
    );
    let rows = tx.rows(sql, &args(ids)).await?;
    let read = |row: &Row| {
        Ok(Serves {
            secret_id: row.text("secret_id")?,
            destination: row.text("destination")?,
            version: row.text("version")?,
            credential: row.text("credential")?,
            at_ms: row.int("at_ms")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What became of a version that a rotation replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The rotation.
    pub rotation: String,
    /// `store:path`.
    pub destination: String,
    /// The last that was done to it.
    pub kind: Kind,
    /// What the store made of that, in one word: `disabled`, `unlabelled`, `destroyed`, `scheduled`, `impossible`.
    pub word: String,
}

/// Versions that these rotations ended or brought back, at most 500 of them; what was done last comes last.
pub async fn replaced(tx: &mut Tx, rotations: &[String]) -> Result<Vec<Replaced>> {
    let sql = format!(
        "SELECT rotation_id, target, kind, word FROM effect WHERE rotation_id IN ({}) AND status = 'applied' \
         AND kind IN ('disable_version', 'enable_version', 'destroy_version') ORDER BY rotation_id, settled_ms",
        marks(rotations.len())
    );
    let rows = tx.rows(sql, &args(rotations)).await?;
    let read = |row: &Row| {
        Ok(Replaced {
            rotation: row.text("rotation_id")?,
            destination: row.text("target")?,
            kind: row.word("kind", Kind::from_word)?,
            word: row.text("word")?,
        })
    };
    rows.iter().map(read).collect()
}

/// One instance's latest answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The rotation that asked.
    pub rotation: String,
    /// The consumer's name.
    pub consumer: String,
    /// Our id of the credential that it holds, `other` or `unknown`.
    pub holding: String,
    /// How we know, in one word.
    pub strength: String,
    /// When.
    pub at_ms: i64,
}

/// Answers kept by these rotations, at most 500 of them.
pub async fn seen(tx: &mut Tx, rotations: &[String]) -> Result<Vec<Seen>> {
    let sql = format!(
        "SELECT rotation_id, consumer, holding, strength, at_ms FROM evidence WHERE rotation_id IN ({}) \
         ORDER BY rotation_id, consumer, instance",
        marks(rotations.len())
    );
    let rows = tx.rows(sql, &args(rotations)).await?;
    let read = |row: &Row| {
        Ok(Seen {
            rotation: row.text("rotation_id")?,
            consumer: row.text("consumer")?,
            holding: row.text("holding")?,
            strength: row.text("strength")?,
            at_ms: row.int("at_ms")?,
        })
    };
    rows.iter().map(read).collect()
}

/// A credential's id and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialLine {
    /// Our id.
    pub id: String,
    /// The secret.
    pub secret_id: String,
    /// The word of its state.
    pub state: String,
    /// When it ends by itself, where its issuer said so.
    pub expires_ms: Option<i64>,
}

/// Credentials of these secrets, newest first, at most 500 secrets.
pub async fn credentials(tx: &mut Tx, ids: &[String]) -> Result<Vec<CredentialLine>> {
    let sql = format!(
        "SELECT id, secret_id, state, expires_ms FROM credential WHERE secret_id IN ({}) ORDER BY born_ms DESC, id DESC",
        marks(ids.len())
    );
    let rows = tx.rows(sql, &args(ids)).await?;
    let read = |row: &Row| {
        Ok(CredentialLine {
            id: row.text("id")?,
            secret_id: row.text("secret_id")?,
            state: row.text("state")?,
            expires_ms: row.maybe_int("expires_ms")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What a rotation's own row says of its audit rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// How many there are.
    pub n: i64,
    /// Leaf hash of the last.
    pub leaf: String,
}

/// What these rotations say of their audit rows, at most 500 of them.
pub async fn audit_heads(tx: &mut Tx, ids: &[String]) -> Result<BTreeMap<String, AuditHead>> {
    let sql = format!(
        "SELECT id, audit_n, audit_head FROM rotation WHERE id IN ({})",
        marks(ids.len())
    );
    let rows = tx.rows(sql, &args(ids)).await?;
    let read = |row: &Row| {
        let (n, leaf) = (row.int("audit_n")?, row.text("audit_head")?);
        Ok((row.text("id")?, AuditHead { n, leaf }))
    };
    rows.iter().map(read).collect()
}

/// How many rotations there are, and how many audit rows they have together.
pub async fn audit_totals(tx: &mut Tx) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*) AS rotations, CAST(COALESCE(SUM(audit_n), 0) AS BIGINT) AS entries FROM rotation";
    let row = tx.row(sql, &[]).await?;
    row.map_or(Ok((0, 0)), |row| {
        Ok((row.int("rotations")?, row.int("entries")?))
    })
}

/// Ids of the rotations under way.
pub async fn unended(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let sql = "SELECT id FROM rotation WHERE state <> 'ended'";
    let rows = tx.rows(sql, &[]).await?;
    rows.iter().map(|row| row.text("id")).collect()
}

/// A start or a due date that is coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// The secret.
    pub id: String,
    /// Key of the owner.
    pub owner: String,
    /// `track`, `approve` or `auto`.
    pub manage: String,
    /// When the scheduler acts.
    pub start_ms: Option<i64>,
    /// Why then.
    pub start_reason: String,
    /// Its first start, where a spread gave one; also where a person starts it.
    pub first_ms: Option<i64>,
    /// When it is due.
    pub next_rotation_ms: Option<i64>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Whether a rotation is under way.
    pub busy: bool,
}

/// Secrets in service that start, or are to be started or due where a person starts them, until `until_ms`: a page by moment.
pub async fn coming(tx: &mut Tx, until_ms: i64, skip: i64, limit: i64) -> Result<Vec<Coming>> {
    let sql = "SELECT id, owner, manage, start_ms, start_reason, first_ms, next_rotation_ms, paused_by, busy FROM secret \
         WHERE retired_ms IS NULL AND COALESCE(start_ms, first_ms, next_rotation_ms) <= $1 \
         ORDER BY COALESCE(start_ms, first_ms, next_rotation_ms), id LIMIT $2 OFFSET $3";
    let rows = tx
        .rows(sql, &[until_ms.into(), limit.into(), skip.into()])
        .await?;
    let read = |row: &Row| {
        Ok(Coming {
            id: row.text("id")?,
            owner: row.text("owner")?,
            manage: row.text("manage")?,
            start_ms: row.maybe_int("start_ms")?,
            start_reason: row.text("start_reason")?,
            first_ms: row.maybe_int("first_ms")?,
            next_rotation_ms: row.maybe_int("next_rotation_ms")?,
            paused_by: row.maybe_text("paused_by")?,
            busy: row.int("busy")? == 1,
        })
    };
    rows.iter().map(read).collect()
}

fn args(ids: &[String]) -> Vec<Arg> {
    ids.iter().map(Arg::from).collect()
}
