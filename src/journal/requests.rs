//! Requests: somebody or the schedule asks for a rotation. A request survives a crash; the engine adopts it
//! at the next safe point.

use super::bundle::Query;
use super::error::Result;
use super::rotations;
use super::sql::{Row, Tx};
use crate::rotation::words::{Cause, Mode};

/// A request as its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// The secret.
    pub secret_id: String,
    /// Who or what asks.
    pub cause: Cause,
    /// How it is to be run.
    pub mode: Mode,
    /// `all`, `current`, `previous`, or a credential's id at its issuer.
    pub credential: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// An outage is accepted in so many words.
    pub accept_outage: bool,
    /// When the leak was reported.
    pub reported_ms: i64,
}

/// Adds a request.
pub async fn add(tx: &mut Tx, request: &Request) -> Result<()> {
    let now = tx.now_ms();
    let environment = request
        .secret_id
        .split_once('/')
        .map_or("", |(environment, _)| environment);
    let row = vec![
        (&request.id).into(),
        (&request.secret_id).into(),
        request.cause.word().into(),
        request.mode.word().into(),
        (&request.credential).into(),
        (&request.reason).into(),
        (&request.actor).into(),
        request.accept_outage.into(),
        request.reported_ms.into(),
        now.into(),
        "queued".into(),
        environment.into(),
    ];
    let head = "INSERT INTO request (id, secret_id, cause, mode, credential, reason, actor, accept_outage, \
         reported_ms, created_ms, state, environment)";
    tx.insert(head, &[row], "").await?;
    match request.cause {
        Cause::Emergency => rotations::stir(tx, &[&request.secret_id]).await,
        Cause::Scheduled | Cause::Manual | Cause::Drift => Ok(()),
    }
}

const COLUMNS: &str =
    "id, secret_id, cause, mode, credential, reason, actor, accept_outage, reported_ms";

fn read(row: &Row) -> Result<Request> {
    Ok(Request {
        id: row.text("id")?,
        secret_id: row.text("secret_id")?,
        cause: row.word("cause", Cause::from_word)?,
        mode: row.word("mode", Mode::from_word)?,
        credential: row.text("credential")?,
        reason: row.text("reason")?,
        actor: row.text("actor")?,
        accept_outage: row.int("accept_outage")? == 1,
        reported_ms: row.int("reported_ms")?,
    })
}

/// Requests that wait, emergencies first.
pub async fn queued(tx: &mut Tx, limit: i64) -> Result<Vec<Request>> {
    tx.rows(queued_sql(), &[limit.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// In the order of the index made for it; public so that a test can ask the databases for their plan.
pub fn queued_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM request WHERE state = 'queued' \
         ORDER BY CASE cause WHEN 'emergency' THEN 0 ELSE 1 END, created_ms LIMIT $1"
    )
}

/// Emergencies that wait for this secret, oldest first.
pub fn emergencies(secret_id: &str) -> Query<Request> {
    Query {
        columns: COLUMNS,
        from: "request WHERE secret_id = $1 AND state = 'queued' AND cause = 'emergency'".into(),
        order: "created_ms, id",
        args: vec![secret_id.into()],
        read,
    }
}

/// Requests that wait for this secret, oldest first.
pub async fn queued_of(tx: &mut Tx, secret_id: &str) -> Result<Vec<Request>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM request WHERE secret_id = $1 AND state = 'queued' ORDER BY created_ms"
    );
    tx.rows(sql, &[secret_id.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// What became of a request: `queued`, `adopted` or `dropped`, and the rotation where there is one.
pub async fn outcome(tx: &mut Tx, id: &str) -> Result<Option<(String, Option<String>)>> {
    let sql = "SELECT state, rotation_id FROM request WHERE id = $1";
    tx.row(sql, &[id.into()])
        .await?
        .map(|row| Ok((row.text("state")?, row.maybe_text("rotation_id")?)))
        .transpose()
}

/// Closes a request: a rotation took it over, or it asks for what is under way already.
pub async fn close(tx: &mut Tx, id: &str, state: &str, rotation: &str) -> Result<()> {
    let sql = "UPDATE request SET state = $2, rotation_id = $3 WHERE id = $1 AND state = 'queued'";
    tx.later(sql, &[id.into(), state.into(), rotation.into()])
        .await
}

/// The rotation that took a request over, where one did.
pub async fn rotation_of(tx: &mut Tx, id: &str) -> Result<Option<String>> {
    let sql = "SELECT rotation_id FROM request WHERE id = $1";
    tx.row(sql, &[id.into()])
        .await?
        .map_or(Ok(None), |row| row.maybe_text("rotation_id"))
}
