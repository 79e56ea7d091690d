//! `retry`, `rollback`, `reenable` and `cancel`: what a person asks of a rotation under way.

use super::tools::{Tools, judging};
use super::{ActionError, Judged, Person, Refused, known, record, under_way, what_is_safe};
use crate::journal::requests;
use crate::journal::rotations::{self, Run};
use crate::journal::{Journal, Tx, ledger, secrets};
use crate::rotation::decide;
use crate::rotation::facts::Capabilities;
use crate::rotation::phase::Phase;
use crate::rotation::plan::can_turn_back;
use crate::rotation::words::{Mode, Wish};
use chrono::{DateTime, SecondsFormat};

/// What was asked of which rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steered {
    /// The secret.
    pub id: String,
    /// The rotation, where one is under way.
    pub rotation: Option<String>,
    /// Its phase at that moment.
    pub phase: String,
    /// What is safe at that moment.
    pub safe: String,
    /// What happens next.
    pub next: String,
}

/// Forgets earlier failures, lifts a hold and wakes the rotation.
///
/// # Errors
/// Nothing is under way, or the journal failed.
pub async fn retry(journal: &Journal, id: &str, person: &Person) -> Result<Steered, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let judged = journal
        .write(async move |tx| {
            let mut run = match taken(tx, &id).await? {
                Ok(run) => run,
                Err(refused) => return Ok(Err(refused)),
            };
            rotations::retry(tx, &run.id, &person.actor).await?;
            let next = match run.wish {
                Wish::Held => {
                    "the hold is lifted: consumers are proven again, then the old credential is \
                     disabled as planned"
                }
                _ => "earlier failures no longer count; it goes on from where it is",
            };
            let entry = person.entry(Some(&run), "retry", "asked");
            record(tx, &id, Some(&mut run), entry).await?;
            Ok(Ok(steered(&run, next)))
        })
        .await?;
    Ok(judged?)
}

/// Goes back to the old credential: cancels before anything changed, restores after; refused past the point
/// of no return, with where the working value is.
///
/// # Errors
/// A rule forbids it, the outside systems cannot be judged, or the journal failed.
pub async fn rollback(
    journal: &Journal,
    tools: &Tools,
    id: &str,
    person: &Person,
) -> Result<Steered, ActionError> {
    let named = id.to_owned();
    let found = journal
        .write(async move |tx| match known(tx, &named).await? {
            Err(refused) => Ok(Err(refused)),
            Ok(_) => match under_way(tx, &named).await? {
                None => Ok(Err(over(tx, &named).await?)),
                Some(run) => Ok(Ok((run, secrets::definition(tx, &named).await?))),
            },
        })
        .await?;
    let (run, today) = found?;
    let can = tools
        .outside(&run.plan, today.as_ref())
        .await?
        .capabilities();
    let person = person.clone();
    let judged = journal
        .write(async move |tx| turned_back(tx, &run, &can, &person).await)
        .await?;
    Ok(judged?)
}

async fn turned_back(
    tx: &mut Tx,
    seen: &Run,
    can: &Capabilities,
    person: &Person,
) -> Judged<Steered> {
    let Some(mut run) = rotations::touch(tx, &seen.id).await? else {
        return Ok(Err(over(tx, &seen.secret_id).await?));
    };
    if run.phase == Phase::Restoring {
        return Ok(Err(Refused::new(format!(
            "{} is on its way back already; {}",
            run.secret_id,
            what_is_safe(&run)
        ))));
    }
    let facts = decide::load(tx, &run, &judging(&run.id, can.clone())).await?;
    let early = is_early(run.phase);
    if let Err(why) = can_turn_back(&facts).or_else(|why| if early { Ok(()) } else { Err(why) }) {
        return Ok(Err(no_way_back(tx, &run, why).await?));
    }
    rotations::wish(tx, &run.id, Wish::Rollback, &person.actor).await?;
    let entry = person.entry(Some(&run), "rollback", "asked");
    let id = run.secret_id.clone();
    record(tx, &id, Some(&mut run), entry).await?;
    let next = match early {
        true => "it is cancelled: nothing was changed",
        false => {
            "the old credential is made to work first, then published again, then every consumer is proven \
             on it; only then is the new one ended"
        }
    };
    Ok(Ok(steered(&run, next)))
}

/// Makes a disabled credential work again and holds there.
///
/// # Errors
/// Nothing is disabled, it is too late, or the journal failed.
pub async fn reenable(
    journal: &Journal,
    id: &str,
    person: &Person,
) -> Result<Steered, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let judged = journal
        .write(async move |tx| {
            let mut run = match taken(tx, &id).await? {
                Ok(run) => run,
                Err(refused) => return Ok(Err(refused)),
            };
            if let Some(refused) = cannot_reenable(tx, &run).await? {
                return Ok(Err(refused));
            }
            rotations::wish(tx, &run.id, Wish::Reenable, &person.actor).await?;
            let entry = person.entry(Some(&run), "reenable", "asked");
            record(tx, &id, Some(&mut run), entry).await?;
            let next = "the old credential is brought back and nothing is ended by itself; find out who needs it, \
                 then `keywheel retry` or `keywheel rollback`";
            Ok(Ok(steered(&run, next)))
        })
        .await?;
    Ok(judged?)
}

async fn cannot_reenable(tx: &mut Tx, run: &Run) -> crate::journal::Result<Option<Refused>> {
    let id = &run.secret_id;
    if run.mode == Mode::Contain {
        return Ok(Some(
            Refused::new(format!(
                "{id} is being contained: a leaked credential is not brought back"
            ))
            .next(format!("keywheel show {id}")),
        ));
    }
    let effects = ledger::effects(tx, run.id.as_str()).await?;
    let past_return = effects.iter().any(|effect| effect.kind.is_final());
    Ok(match run.phase {
        Phase::Disabling | Phase::Observing => None,
        Phase::Revoking if !past_return => None,
        Phase::Revoking | Phase::Confirming => {
            Some(no_way_back(tx, run, "the old credential is being ended for good").await?)
        }
        _ => Some(
            Refused::new(format!(
                "{id} is {}: the old credential is not disabled; {}",
                run.phase,
                what_is_safe(run)
            ))
            .next(format!("keywheel rollback {id} --reason \"…\"")),
        ),
    })
}

/// Cancels what has not changed anything yet: queued requests, and a rotation before its first change.
///
/// # Errors
/// There is nothing to cancel, it is too late, or the journal failed.
pub async fn cancel(journal: &Journal, id: &str, person: &Person) -> Result<Steered, ActionError> {
    let (id, person) = (id.to_owned(), person.clone());
    let judged = journal
        .write(async move |tx| cancelled(tx, &id, &person).await)
        .await?;
    Ok(judged?)
}

async fn cancelled(tx: &mut Tx, id: &str, person: &Person) -> Judged<Steered> {
    if let Err(refused) = known(tx, id).await? {
        return Ok(Err(refused));
    }
    let queued = requests::queued_of(tx, id).await?;
    let run = match under_way(tx, id).await? {
        Some(run) => rotations::touch(tx, &run.id).await?,
        None => None,
    };
    let late = run.as_ref().filter(|run| !is_early(run.phase));
    if let (Some(run), true) = (late, queued.is_empty()) {
        let why = format!("{id} is {} already; {}", run.phase, what_is_safe(run));
        return Ok(Err(
            Refused::new(why).next(format!("keywheel rollback {id} --reason \"…\""))
        ));
    }
    if queued.is_empty() && run.is_none() {
        return Ok(Err(Refused::new(format!(
            "nothing of {id} is queued or under way; nothing was changed"
        ))));
    }
    for request in &queued {
        requests::close(tx, &request.id, "dropped", "").await?;
    }
    let mut early = run.filter(|run| is_early(run.phase));
    if let Some(run) = &early {
        rotations::wish(tx, &run.id, Wish::Rollback, &person.actor).await?;
    }
    let mut entry = person.entry(early.as_ref(), "cancel", "asked");
    entry.detail = format!("{} queued requests dropped", queued.len());
    record(tx, id, early.as_mut(), entry).await?;
    let next = "it is taken back: nothing was changed, and nothing will be".to_owned();
    Ok(Ok(match early {
        Some(run) => steered(&run, &next),
        None => Steered {
            id: id.to_owned(),
            rotation: None,
            phase: "queued".to_owned(),
            safe: "nothing was changed; the credential in use works".to_owned(),
            next,
        },
    }))
}

fn is_early(phase: Phase) -> bool {
    matches!(phase, Phase::Planned | Phase::Preflight)
}

pub(super) fn steered(run: &Run, next: &str) -> Steered {
    Steered {
        id: run.secret_id.clone(),
        rotation: Some(run.id.as_str().to_owned()),
        phase: run.phase.word().to_owned(),
        safe: what_is_safe(run).to_owned(),
        next: next.to_owned(),
    }
}

/// The rotation under way, its row taken.
pub(super) async fn taken(tx: &mut Tx, id: &str) -> Judged<Run> {
    if let Err(refused) = known(tx, id).await? {
        return Ok(Err(refused));
    }
    let found = match under_way(tx, id).await? {
        Some(run) => rotations::touch(tx, &run.id).await?,
        None => None,
    };
    match found {
        Some(run) => Ok(Ok(run)),
        None => Ok(Err(over(tx, id).await?)),
    }
}

/// Nothing is under way: what the last run came to, and where the working value is.
async fn over(tx: &mut Tx, id: &str) -> crate::journal::Result<Refused> {
    let newest = rotations::newest(tx, id, 1).await?.into_iter().next();
    let again = format!("keywheel rotate-now {id}");
    Ok(match newest {
        Some(run) if run.phase == Phase::Completed => {
            no_way_back(tx, &run, "the last rotation is complete").await?
        }
        Some(run) => Refused::new(format!(
            "nothing of {id} is under way; the last rotation was {} at {}: {}",
            run.phase,
            moment(run.ended_ms),
            what_is_safe(&run)
        ))
        .next(again),
        None => Refused::new(format!("nothing of {id} is under way")).next(again),
    })
}

/// Past the point of no return: what is gone, where the working value is, whom to reload, and how to get a
/// new one.
async fn no_way_back(tx: &mut Tx, run: &Run, why: &str) -> crate::journal::Result<Refused> {
    let id = &run.secret_id;
    let since = ended(tx, run).await?;
    let works: Vec<String> = ledger::serving(tx, id)
        .await?
        .into_iter()
        .map(|(destination, version, _)| format!("{destination} {version}"))
        .collect();
    let reload: Vec<String> = run
        .plan
        .consumers
        .keys()
        .map(|name| format!("keywheel notify {id} --consumer {name}"))
        .collect();
    let mut text = format!("{id}: {why}. {since}");
    if !works.is_empty() {
        text += &format!("; the working value is {}", works.join(", "));
    }
    for command in reload {
        text += &format!("\n  reload: {command}");
    }
    Ok(Refused::new(text).next(format!(
        "keywheel rotate-now {id} --mode cutover --reason \"…\"   (makes a new one)"
    )))
}

/// What became of the old credential, with its date.
async fn ended(tx: &mut Tx, run: &Run) -> crate::journal::Result<String> {
    let Some(old) = &run.old_credential else {
        return Ok("there was no earlier credential".to_owned());
    };
    let known = ledger::credential(tx, old).await?;
    let name = known
        .and_then(|old| old.issuer_ref)
        .unwrap_or_else(|| "the old credential".to_owned());
    Ok(match run.ended_ms {
        Some(_) => format!("{name} was ended by {}", moment(run.ended_ms)),
        None => format!(
            "{name} is being ended since {}",
            moment(Some(run.phase_since_ms))
        ),
    })
}

fn moment(ms: Option<i64>) -> String {
    ms.and_then(DateTime::from_timestamp_millis).map_or_else(
        || "?".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}
