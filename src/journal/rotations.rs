//! Rotations: reading, saving, and what others change of them.

mod lease;

pub use lease::{
    Claimant, Lease, claim, hold, hold_whole, next_wake, release_all, seize, set_aside, touched,
};

use super::bundle::Query;
use super::error::{Error, Result};
use super::sql::{Arg, Row, Tx, to_json};
use crate::inventory::Definition;
use crate::rotation::phase::Phase;
use crate::rotation::plan::Waiting;
use crate::rotation::words::{Cause, Mode, State, Wish};
use keywheel_contract::RotationId;
use std::sync::Arc;

/// A rotation as its row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RotationId,
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
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// The plan, kept for life.
    pub plan: Arc<Definition>,
    /// Whether it keeps other rotations of the secret from starting.
    pub exclusive: bool,
    /// Rises with every lease.
    pub fence: i64,
    /// Not looked at before this.
    pub wake_ms: i64,
    /// What a person asked since.
    pub wish: Wish,
    /// Who did.
    pub wish_actor: String,
    /// An outage was accepted in so many words.
    pub accept_outage: bool,
    /// Our ids of leaked credentials.
    pub leaked: Vec<String>,
    /// Our id of the credential in use before.
    pub old_credential: Option<String>,
    /// Our id of the candidate.
    pub candidate: Option<String>,
    /// When it was opened.
    pub created_ms: i64,
    /// When the phase began.
    pub phase_since_ms: i64,
    /// When a person last said `retry`.
    pub retried_ms: i64,
    /// When every destination served the candidate.
    pub published_ms: Option<i64>,
    /// When the last consumer was proven on it.
    pub proven_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// When the leak was reported.
    pub reported_ms: Option<i64>,
    /// When the leaked credential was refused.
    pub refused_ms: Option<i64>,
    /// The question of a blocked one, then the command to type, separated by a newline.
    pub question: String,
    /// What it waits for.
    pub waiting: Vec<Waiting>,
    /// How many audit rows it has.
    pub audit_n: i64,
    /// Hash of the last of them.
    pub audit_head: String,
}

const COLUMNS: &str = "id, secret_id, phase, state, mode, cause, reason, actor, plan, exclusive, fence, wake_ms, \
     wish, wish_actor, accept_outage, leaked, old_credential, candidate, created_ms, phase_since_ms, retried_ms, \
     published_ms, proven_ms, ended_ms, reported_ms, refused_ms, question, waiting, audit_n, audit_head";

impl Run {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: RotationId::new(row.text("id")?),
            secret_id: row.text("secret_id")?,
            phase: row.word("phase", Phase::from_word)?,
            state: row.word("state", State::from_word)?,
            mode: row.word("mode", Mode::from_word)?,
            cause: row.word("cause", Cause::from_word)?,
            reason: row.text("reason")?,
            actor: row.text("actor")?,
            plan: row.json("plan")?,
            exclusive: row.int("exclusive")? == 1,
            fence: row.int("fence")?,
            wake_ms: row.int("wake_ms")?,
            wish: row.word("wish", Wish::from_word)?,
            wish_actor: row.text("wish_actor")?,
            accept_outage: row.int("accept_outage")? == 1,
            leaked: row.json("leaked")?,
            old_credential: row.maybe_text("old_credential")?,
            candidate: row.maybe_text("candidate")?,
            created_ms: row.int("created_ms")?,
            phase_since_ms: row.int("phase_since_ms")?,
            retried_ms: row.int("retried_ms")?,
            published_ms: row.maybe_int("published_ms")?,
            proven_ms: row.maybe_int("proven_ms")?,
            ended_ms: row.maybe_int("ended_ms")?,
            reported_ms: row.maybe_int("reported_ms")?,
            refused_ms: row.maybe_int("refused_ms")?,
            question: row.text("question")?,
            waiting: row.json("waiting")?,
            audit_n: row.int("audit_n")?,
            audit_head: row.text("audit_head")?,
        })
    }
}

/// How a step that writes back stands to its row.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The lease lasts so long from now on, milliseconds; `None` gives it up.
    pub keeps_ms: Option<i64>,
    /// What [`hold`] said when everything was read, for a step that did not take the row first.
    pub read_at: Option<i64>,
}

impl Standing {
    /// Of one that took the row first and gives the lease up.
    pub const GIVEN_UP: Self = Self {
        keeps_ms: None,
        read_at: None,
    };
}

/// Writes back what a step changed.
///
/// # Errors
/// [`Error::Lost`]: somebody else has it. [`Error::Stale`], of a step that did not take the row first: either that, or
/// somebody changed what it rests on.
pub async fn save(tx: &mut Tx, lease: &Lease, run: &Run, standing: Standing) -> Result<()> {
    let sql = "UPDATE rotation SET phase = $3, state = $4, mode = $5, cause = $6, exclusive = $7, wake_ms = $8, \
         wish = $9, accept_outage = $10, leaked = $11, old_credential = $12, candidate = $13, \
         phase_since_ms = $14, published_ms = $15, proven_ms = $16, ended_ms = $17, reported_ms = $18, \
         refused_ms = $19, question = $20, waiting = $21, audit_n = $22, audit_head = $23, \
         retried_ms = $24, lease_until_ms = $25, holder = $26 \
         WHERE id = $1 AND fence = $2 AND holder = $27 AND state <> 'ended' AND ($28 < 0 OR touched = $28) \
         RETURNING id";
    let (until_ms, holder) = match standing.keeps_ms {
        Some(keeps_ms) => (tx.now_ms() + keeps_ms, lease.holder.as_str()),
        None => (0, ""),
    };
    let args: [Arg; 28] = [
        run.id.as_str().into(),
        lease.fence.into(),
        run.phase.word().into(),
        run.state.word().into(),
        run.mode.word().into(),
        run.cause.word().into(),
        run.exclusive.into(),
        run.wake_ms.into(),
        run.wish.word().into(),
        run.accept_outage.into(),
        to_json(&run.leaked)?.into(),
        (&run.old_credential).into(),
        (&run.candidate).into(),
        run.phase_since_ms.into(),
        run.published_ms.into(),
        run.proven_ms.into(),
        run.ended_ms.into(),
        run.reported_ms.into(),
        run.refused_ms.into(),
        (&run.question).into(),
        to_json(&run.waiting)?.into(),
        run.audit_n.into(),
        (&run.audit_head).into(),
        run.retried_ms.into(),
        until_ms.into(),
        holder.into(),
        (&lease.holder).into(),
        standing.read_at.unwrap_or(-1).into(),
    ];
    match (tx.last(sql, &args).await?.len(), standing.read_at) {
        (1, _) => Ok(()),
        (_, Some(_)) => Err(Error::Stale),
        (_, None) => Err(Error::Lost),
    }
}

/// Adds a new rotation; the caller has made sure that the secret is free.
pub async fn insert(tx: &mut Tx, run: &Run, host: Option<&str>, priority: i64) -> Result<()> {
    let args: Vec<Arg> = vec![
        run.id.as_str().into(),
        (&run.secret_id).into(),
        host.map(str::to_owned).into(),
        priority.into(),
        run.phase.word().into(),
        run.state.word().into(),
        run.mode.word().into(),
        run.cause.word().into(),
        (&run.reason).into(),
        (&run.actor).into(),
        to_json(&run.plan)?.into(),
        run.exclusive.into(),
        0_i64.into(),
        "".into(),
        0_i64.into(),
        run.wake_ms.into(),
        0_i64.into(),
        run.wish.word().into(),
        "".into(),
        run.accept_outage.into(),
        to_json(&run.leaked)?.into(),
        (&run.old_credential).into(),
        (&run.candidate).into(),
        run.created_ms.into(),
        run.phase_since_ms.into(),
        run.retried_ms.into(),
        run.reported_ms.into(),
        "".into(),
        to_json(&run.waiting)?.into(),
        run.audit_n.into(),
        (&run.audit_head).into(),
    ];
    let head = "INSERT INTO rotation (id, secret_id, host, priority, phase, state, mode, cause, reason, actor, \
         plan, exclusive, fence, holder, lease_until_ms, wake_ms, touched, wish, wish_actor, accept_outage, \
         leaked, old_credential, candidate, created_ms, phase_since_ms, retried_ms, reported_ms, question, \
         waiting, audit_n, audit_head)";
    tx.insert(head, &[args], "").await
}

/// The rotation that keeps others of this secret from starting.
pub async fn exclusive(tx: &mut Tx, secret_id: &str) -> Result<Option<Run>> {
    let sql = format!("SELECT {COLUMNS} FROM rotation WHERE secret_id = $1 AND exclusive = 1");
    tx.row(sql, &[secret_id.into()])
        .await?
        .map(|row| Run::read(&row))
        .transpose()
}

/// A rotation by its id.
pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Run>> {
    let sql = format!("SELECT {COLUMNS} FROM rotation WHERE id = $1");
    tx.row(sql, &[id.into()])
        .await?
        .map(|row| Run::read(&row))
        .transpose()
}

/// The unfinished rotations of a secret, newest first: at most one exclusive, and any that only retries the
/// end of an older credential.
pub async fn unfinished(tx: &mut Tx, secret_id: &str) -> Result<Vec<Run>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rotation WHERE secret_id = $1 AND state <> 'ended' ORDER BY created_ms DESC"
    );
    tx.rows(sql, &[secret_id.into()])
        .await?
        .iter()
        .map(Run::read)
        .collect()
}

/// Every unfinished rotation: what status joins with the secrets.
pub async fn all_unfinished(tx: &mut Tx) -> Result<Vec<Run>> {
    let sql = format!("SELECT {COLUMNS} FROM rotation WHERE state <> 'ended' ORDER BY created_ms");
    tx.rows(sql, &[]).await?.iter().map(Run::read).collect()
}

/// The newest rotations of a secret, newest first.
pub async fn newest(tx: &mut Tx, secret_id: &str, limit: i64) -> Result<Vec<Run>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rotation WHERE secret_id = $1 ORDER BY created_ms DESC LIMIT $2"
    );
    tx.rows(sql, &[secret_id.into(), limit.into()])
        .await?
        .iter()
        .map(Run::read)
        .collect()
}

/// Records what a person asks of a rotation and wakes it.
pub async fn wish(tx: &mut Tx, id: &RotationId, wish: Wish, actor: &str) -> Result<()> {
    let sql = "UPDATE rotation SET wish = $2, wish_actor = $3, wake_ms = 0, touched = touched + 1 \
         WHERE id = $1 AND state <> 'ended'";
    tx.run(sql, &[id.as_str().into(), wish.word().into(), actor.into()])
        .await
        .map(drop)
}

/// Forgets earlier failures and wakes the rotation: `keywheel retry`.
pub async fn retry(tx: &mut Tx, id: &RotationId, actor: &str) -> Result<()> {
    let sql = "UPDATE rotation SET retried_ms = $2, wish = 'none', wish_actor = $3, wake_ms = 0, \
         touched = touched + 1 WHERE id = $1 AND state <> 'ended'";
    let now = tx.now_ms();
    tx.run(sql, &[id.as_str().into(), now.into(), actor.into()])
        .await
        .map(drop)
}

/// Takes an unfinished rotation's row for the rest of the transaction and wakes it: the first statement of
/// whatever a person asks of it. `None` where it has ended.
pub async fn touch(tx: &mut Tx, id: &RotationId) -> Result<Option<Run>> {
    let sql = format!(
        "UPDATE rotation SET wake_ms = 0, touched = touched + 1 WHERE id = $1 AND state <> 'ended' \
         RETURNING {COLUMNS}"
    );
    tx.row(sql, &[id.as_str().into()])
        .await?
        .map(|row| Run::read(&row))
        .transpose()
}

/// Keeps the head of a rotation's audit chain after rows were appended outside a step.
pub async fn keep_audit_head(tx: &mut Tx, run: &Run) -> Result<()> {
    let sql =
        "UPDATE rotation SET audit_n = $2, audit_head = $3, touched = touched + 1 WHERE id = $1";
    let args = [
        run.id.as_str().into(),
        run.audit_n.into(),
        (&run.audit_head).into(),
    ];
    tx.later(sql, &args).await
}

/// Says to whoever works on the rotations of these secrets that what they know is out of date, and wakes those
/// that sleep. Every verb by which somebody else changes what a step rests on (a definition, a pause, a waiver,
/// an emergency) ends with it, in the same transaction: a worker keeps what it read for the length of its
/// lease, and looks at the counter only.
pub async fn stir(tx: &mut Tx, secret_ids: &[&str]) -> Result<()> {
    for some in secret_ids.chunks(STIRRED_MAX) {
        let marks: Vec<String> = (1..=some.len()).map(|i| format!("${i}")).collect();
        let sql = format!(
            "UPDATE rotation SET wake_ms = 0, touched = touched + 1 WHERE secret_id IN ({}) \
             AND state <> 'ended'",
            marks.join(", ")
        );
        let ids: Vec<Arg> = some.iter().map(|id| (*id).into()).collect();
        tx.later(sql, &ids).await?;
    }
    Ok(())
}

/// Secrets in one statement of [`stir`].
const STIRRED_MAX: usize = 200;

/// Where the rotations of this secret are that were opened after the one with this date and id, oldest first.
pub fn newer(secret_id: &str, created_ms: i64, id: &str) -> Query<Phase> {
    Query {
        columns: "phase",
        from: "rotation WHERE secret_id = $1 AND created_ms >= $2 AND (created_ms > $2 OR id > $3)"
            .into(),
        order: "created_ms, id",
        args: vec![secret_id.into(), created_ms.into(), id.into()],
        read: |row| row.word("phase", Phase::from_word),
    }
}

/// Whether a rotation of this secret that was opened after `created_ms` is completed.
pub async fn is_outdone(tx: &mut Tx, secret_id: &str, created_ms: i64) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM rotation WHERE secret_id = $1 AND created_ms > $2 AND phase = 'completed' LIMIT 1";
    let found = tx.row(sql, &[secret_id.into(), created_ms.into()]).await?;
    Ok(found.is_some())
}

/// Whether a rotation of this secret that was opened after `created_ms`, and not cancelled, replaces this
/// credential.
pub async fn is_followed(
    tx: &mut Tx,
    secret_id: &str,
    created_ms: i64,
    credential: &str,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM rotation WHERE secret_id = $1 AND created_ms > $2 \
         AND phase <> 'cancelled' AND old_credential = $3 LIMIT 1";
    let args = [secret_id.into(), created_ms.into(), credential.into()];
    Ok(tx.row(sql, &args).await?.is_some())
}

/// Changes how urgent a rotation is; lower is sooner.
pub async fn rank(tx: &mut Tx, id: &RotationId, priority: i64) -> Result<()> {
    let sql = "UPDATE rotation SET priority = $2 WHERE id = $1";
    tx.later(sql, &[id.as_str().into(), priority.into()]).await
}
