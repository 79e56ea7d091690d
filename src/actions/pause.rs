//! `pause` and `resume`: a pause stops new forward effects of one secret, nothing else.

use super::{ActionError, Judged, Person, Refused, known, record, under_way};
use crate::journal::rotations;
use crate::journal::{Journal, Tx, secrets};

/// What a pause or its end meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// The secret.
    pub id: String,
    /// The phase of the rotation under way, where there is one.
    pub phase: Option<String>,
    /// Whether it was paused before.
    pub was_paused: bool,
}

/// Pauses a secret, until a moment (epoch milliseconds) or until it is resumed.
///
/// # Errors
/// It is not in the journal or retired, the moment has passed, or the journal failed.
pub async fn pause(
    journal: &Journal,
    id: &str,
    until_ms: Option<i64>,
    person: &Person,
) -> Result<Paused, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let judged = journal
        .write(async move |tx| paused(tx, &id, until_ms, &person).await)
        .await?;
    Ok(judged?)
}

async fn paused(tx: &mut Tx, id: &str, until_ms: Option<i64>, person: &Person) -> Judged<Paused> {
    let secret = match known(tx, id).await? {
        Ok(secret) => secret,
        Err(refused) => return Ok(Err(refused)),
    };
    if secret.retired_ms.is_some() {
        return Ok(Err(Refused::new(format!(
            "{id} is retired: nothing of it starts any more"
        ))));
    }
    let now = tx.now_ms();
    if until_ms.is_some_and(|until| until <= now) {
        return Ok(Err(Refused::new(format!(
            "the pause of {id} would be over before it begins; nothing was paused"
        ))));
    }
    secrets::pause(tx, id, Some(&person.actor), &person.reason, until_ms).await?;
    let was_paused = secret.is_paused(now);
    noted(tx, id, was_paused, person, "pause").await.map(Ok)
}

/// Lifts a pause.
///
/// # Errors
/// The secret is not paused or not in the journal, or the journal failed.
pub async fn resume(journal: &Journal, id: &str, person: &Person) -> Result<Paused, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let judged = journal
        .write(async move |tx| resumed(tx, &id, &person).await)
        .await?;
    Ok(judged?)
}

async fn resumed(tx: &mut Tx, id: &str, person: &Person) -> Judged<Paused> {
    let secret = match known(tx, id).await? {
        Ok(secret) => secret,
        Err(refused) => return Ok(Err(refused)),
    };
    if secret.paused_by.is_none() {
        return Ok(Err(Refused::new(format!(
            "{id} is not paused; nothing was changed"
        ))));
    }
    secrets::pause(tx, id, None, "", None).await?;
    if let Some(definition) = secrets::definition(tx, id).await? {
        secrets::reschedule(tx, &definition).await?;
    }
    noted(tx, id, true, person, "resume").await.map(Ok)
}

async fn noted(
    tx: &mut Tx,
    id: &str,
    was_paused: bool,
    person: &Person,
    action: &str,
) -> crate::journal::Result<Paused> {
    let found = under_way(tx, id).await?;
    let mut run = match found {
        Some(run) => rotations::touch(tx, &run.id).await?,
        None => None,
    };
    let entry = person.entry(run.as_ref(), action, "done");
    record(tx, id, run.as_mut(), entry).await?;
    Ok(Paused {
        id: id.to_owned(),
        phase: run.map(|run| run.phase.word().to_owned()),
        was_paused,
    })
}
