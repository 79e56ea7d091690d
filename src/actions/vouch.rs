//! `vouch`: a named person lets a consumer pass without evidence, for a while.

use super::{ActionError, Judged, Person, Refused, known, record, under_way};
use crate::inventory::Definition;
use crate::journal::rotations::{self, Run};
use crate::journal::{Journal, Tx, ledger, secrets};
use crate::rotation::facts::Waiver;
use crate::rotation::phase::Phase;
use crate::rotation::{NEW_REVOKED, NEW_USED, OLD_REVOKED, OLD_UNUSED};
use std::collections::BTreeSet;

/// The longest that a waiver stands: whoever still vouches after it says so again. Milliseconds.
const LONGEST_MS: i64 = 30 * 86_400_000;

/// Where it counts whether somebody still uses the old credential, or uses the new one.
const USES_COUNT: [Phase; 4] = [
    Phase::Overlapping,
    Phase::Disabling,
    Phase::Observing,
    Phase::Revoking,
];

/// A waiver that stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The secret.
    pub id: String,
    /// The consumer, [`OLD_REVOKED`], [`NEW_REVOKED`], [`OLD_UNUSED`] or [`NEW_USED`].
    pub subject: String,
    /// When it ends, epoch milliseconds.
    pub until_ms: i64,
    /// The phase of the rotation it helps, where one is under way.
    pub phase: Option<String>,
}

/// Records a waiver for a consumer, or that a person ended a credential ([`OLD_REVOKED`],
/// [`NEW_REVOKED`]), or gives up who still uses the old one ([`OLD_UNUSED`]) or that somebody is seen to use the new one
/// ([`NEW_USED`]).
///
/// # Errors
/// The consumer is not listed, no rotation asks about that credential, the time is too long, or the
/// journal failed.
pub async fn vouch(
    journal: &Journal,
    id: &str,
    subject: &str,
    for_ms: i64,
    person: &Person,
) -> Result<Vouched, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let subject = subject.to_owned();
    let judged = journal
        .write(async move |tx| vouched(tx, &id, &subject, for_ms, &person).await)
        .await?;
    Ok(judged?)
}

async fn vouched(
    tx: &mut Tx,
    id: &str,
    subject: &str,
    for_ms: i64,
    person: &Person,
) -> Judged<Vouched> {
    if let Err(refused) = known(tx, id).await? {
        return Ok(Err(refused));
    }
    let today = secrets::definition(tx, id).await?;
    let mut run = match under_way(tx, id).await? {
        Some(run) => rotations::touch(tx, &run.id).await?,
        None => None,
    };
    if let Some(refused) = refusal(id, subject, for_ms, run.as_ref(), today.as_ref()) {
        return Ok(Err(refused));
    }
    let created_ms = tx.now_ms();
    let until_ms = created_ms + for_ms;
    let waiver = Waiver {
        subject: subject.to_owned(),
        actor: person.actor.clone(),
        reason: person.reason.clone(),
        created_ms,
        until_ms,
    };
    let waiver_id = uuid::Uuid::now_v7().to_string();
    ledger::waive(tx, &waiver_id, id, &waiver).await?;
    let mut entry = person.entry(run.as_ref(), "waiver", "granted");
    subject.clone_into(&mut entry.destination);
    entry.evidence = waiver_id;
    entry.detail = waiver.said();
    record(tx, id, run.as_mut(), entry).await?;
    Ok(Ok(Vouched {
        id: id.to_owned(),
        subject: subject.to_owned(),
        until_ms,
        phase: run.map(|run| run.phase.word().to_owned()),
    }))
}

fn refusal(
    id: &str,
    subject: &str,
    for_ms: i64,
    run: Option<&Run>,
    today: Option<&Definition>,
) -> Option<Refused> {
    if for_ms <= 0 || for_ms > LONGEST_MS {
        let why = format!(
            "a waiver stands for more than no time and at most 30d; nothing of {id} was waived"
        );
        return Some(Refused::new(why));
    }
    if subject == OLD_UNUSED || subject == NEW_USED {
        let asked = run.is_some_and(|run| USES_COUNT.contains(&run.phase));
        let why =
            format!("no rotation of {id} is about to end an old credential; nothing was waived");
        return (!asked).then(|| Refused::new(why).next(format!("keywheel show {id}")));
    }
    let asks_in = match subject {
        OLD_REVOKED => Some((Phase::Confirming, "old")),
        NEW_REVOKED => Some((Phase::Restoring, "provided")),
        _ => None,
    };
    if let Some((phase, which)) = asks_in {
        let asked = run.is_some_and(|run| run.phase == phase);
        let why = format!(
            "no rotation of {id} asks whether its {which} credential was ended; end it at its issuer only when one does"
        );
        return (!asked).then(|| Refused::new(why).next(format!("keywheel show {id}")));
    }
    let planned = run.into_iter().flat_map(|run| run.plan.consumers.keys());
    let listed: BTreeSet<&String> = planned
        .chain(today.into_iter().flat_map(|today| today.consumers.keys()))
        .collect();
    let unknown = !listed.iter().any(|name| *name == subject);
    unknown.then(|| no_such_consumer(id, subject, &listed))
}

/// Names those that there are.
pub(super) fn no_such_consumer(id: &str, name: &str, listed: &BTreeSet<&String>) -> Refused {
    let names: Vec<&str> = listed.iter().map(|name| name.as_str()).collect();
    let known = match names.is_empty() {
        true => "it has none".to_owned(),
        false => format!("it has {}", names.join(", ")),
    };
    Refused::new(format!("{id} has no consumer `{name}`; {known}"))
}
