//! `retry --absent` and `retry --adopt`: a person looked at an issuer that nobody else can ask what it made.

use super::steer::{steered, taken};
use super::tools::{Tools, judging};
use super::{ActionError, Judged, Person, Refused, Steered, record, under_way};
use crate::journal::rotations::Run;
use crate::journal::{Journal, Tx, ledger};
use crate::rotation::decide;
use crate::rotation::facts::{Capabilities, Effect};
use crate::rotation::plan::lost_mint;
use crate::rotation::words::Status;
use keywheel_contract::{CredentialId, CredentialState};

/// What the person saw at the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It made nothing.
    Absent,
    /// It made the credential of this id, whose value is lost.
    Made(String),
}

/// Settles a mint whose answer is lost by what a person saw: a new try follows, and what was made is ended first.
///
/// # Errors
/// No mint waits for this, the id belongs to a credential in use, the issuer does not know it or cannot end it
/// from here, or the journal failed.
pub async fn settle(
    journal: &Journal,
    tools: &Tools,
    id: &str,
    seen: &Seen,
    person: &Person,
) -> Result<Steered, ActionError> {
    let can = look(journal, tools, id, seen).await?;
    let (id, seen, person) = (id.to_owned(), seen.clone(), person.clone());
    let judged = journal
        .write(async move |tx| settled(tx, &id, &can, &seen, &person).await)
        .await?;
    Ok(judged?)
}

/// What the outside systems can do, and that the issuer does not deny what the person saw.
async fn look(
    journal: &Journal,
    tools: &Tools,
    id: &str,
    seen: &Seen,
) -> Result<Capabilities, ActionError> {
    let named = id.to_owned();
    let run = journal
        .read(async move |tx| under_way(tx, &named).await)
        .await?;
    let run = run.ok_or_else(|| not_asked(id))?;
    let outside = tools.outside(&run.plan, None).await?;
    let can = outside.capabilities();
    let Seen::Made(made) = seen else {
        return Ok(can);
    };
    if !can.issuer.revokes {
        let why = format!("the issuer of {id} cannot end {made} from here; nothing was changed");
        return Err(Refused::new(why)
            .next(format!(
                "end it there by hand, then keywheel retry {id} --absent"
            ))
            .into());
    }
    match outside.issuer.state(&CredentialId::new(made)).await {
        Ok(CredentialState::Absent) => Err(Refused::new(format!(
            "the issuer of {id} does not know {made}; nothing was changed"
        ))
        .next(format!(
            "keywheel retry {id} --adopt with the id that its console shows"
        ))
        .into()),
        Ok(_) => Ok(can),
        Err(error) => Err(ActionError::Outside {
            what: format!("asking the issuer of {id} about {made}"),
            error,
        }),
    }
}

fn not_asked(id: &str) -> Refused {
    Refused::new(format!(
        "no rotation of {id} asks what its issuer made; nothing was changed"
    ))
    .next(format!("keywheel show {id}"))
}

async fn settled(
    tx: &mut Tx,
    id: &str,
    can: &Capabilities,
    seen: &Seen,
    person: &Person,
) -> Judged<Steered> {
    let mut run = match taken(tx, id).await? {
        Ok(run) => run,
        Err(refused) => return Ok(Err(refused)),
    };
    let facts = decide::load(tx, &run, &judging(&run.id, can.clone())).await?;
    let Some(lost) = lost_mint(&facts).cloned() else {
        return Ok(Err(not_asked(id)));
    };
    if let Seen::Made(made) = seen
        && let Some(refused) = in_use(tx, id, made).await?
    {
        return Ok(Err(refused));
    }
    keep(tx, &mut run, lost, seen, person).await?;
    let next = match seen {
        Seen::Absent => "a new one is made",
        Seen::Made(_) => "it is ended, for its value is lost; then a new one is made",
    };
    Ok(Ok(steered(&run, next)))
}

/// A slip of the hand must not end a credential that is known to be somebody's.
async fn in_use(tx: &mut Tx, id: &str, made: &str) -> crate::journal::Result<Option<Refused>> {
    let owners = ledger::secrets_of_issuer_ref(tx, made).await?;
    Ok(owners.first().map(|owner| {
        let why = format!("{made} is a credential of {owner} that keywheel knows; it is not ended");
        Refused::new(why).next(format!(
            "keywheel retry {id} --absent, where nothing else was made"
        ))
    }))
}

async fn keep(
    tx: &mut Tx,
    run: &mut Run,
    mut lost: Effect,
    seen: &Seen,
    person: &Person,
) -> crate::journal::Result<()> {
    lost.settled_ms = Some(tx.now_ms());
    let said = match seen {
        Seen::Absent => {
            lost.status = Status::Absent;
            "it made none"
        }
        Seen::Made(made) => {
            lost.status = Status::Orphaned;
            lost.result.orphans = vec![made.clone()];
            made.as_str()
        }
    };
    lost.word = lost.status.word().to_owned();
    ledger::settle_effect(tx, run.id.as_str(), &lost).await?;
    let mut entry = person.entry(Some(run), lost.kind.word(), lost.status.word());
    entry.destination.clone_from(&lost.target);
    entry.detail = format!(
        "try {} looked up at its issuer by a person: {said}",
        lost.attempt
    );
    let id = run.secret_id.clone();
    record(tx, &id, Some(run), entry).await
}
