//! `standby`: spares for secrets whose credentials a person makes, so that an emergency needs nobody.

use super::provide::{fingerprint, identified, name_is_taken, needed};
use super::tools::Tools;
use super::{ActionError, Judged, Person, Refused, known, record};
use crate::inventory::Definition;
use crate::journal::spares::{self, End, Spare};
use crate::journal::{Journal, Tx, ledger, rotations, secrets};
use crate::providers::Connect;
use crate::rotation::CANDIDATE;
use crate::rotation::report::Sealed;
use crate::rotation::values::{OpenSpare, Values, pack};
use crate::seal::KeyRing;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, Error, Fields, Issuer, Liveness, RotationId,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A spare that works is tried again after this time. Milliseconds.
const TRIED_EVERY_MS: i64 = 24 * 3_600_000;
/// One whose issuer could not tell is tried again after this time. Milliseconds.
const TRIED_AGAIN_MS: i64 = 3_600_000;

/// A secret that may have spares.
pub struct Wanted {
    /// Names of the fields that a spare needs.
    pub fields: BTreeSet<String>,
    /// What the person who makes it should know, by its issuer.
    pub instructions: Option<String>,
    definition: Definition,
    issuer: Arc<dyn Issuer>,
}

/// Whether spares of this secret can be used, before anybody is asked to type one.
///
/// # Errors
/// It is not in the inventory, its issuer makes its own, or the journal failed.
pub async fn wanted(journal: &Journal, tools: &Tools, id: &str) -> Result<Wanted, ActionError> {
    let named = id.to_owned();
    let judged = journal
        .read(async move |tx| {
            if let Err(refused) = known(tx, &named).await? {
                return Ok(Err(refused));
            }
            let definition = secrets::definition(tx, &named).await?;
            let gone = || Refused::new(format!("{named} was taken out of the inventory"));
            Ok(definition.ok_or_else(gone))
        })
        .await?;
    let definition = judged?;
    let issuer = issuer_of(tools, &definition).await?;
    if issuer.capabilities().chosen_by != ChosenBy::Person {
        let why = format!("{id} needs no spare: its issuer makes credentials by itself");
        return Err(Refused::new(why).into());
    }
    let instructions = definition.issuer.options.get("instructions");
    Ok(Wanted {
        fields: needed(&definition),
        instructions: instructions
            .and_then(|text| text.as_str())
            .map(str::to_owned),
        definition,
        issuer,
    })
}

async fn issuer_of(tools: &Tools, definition: &Definition) -> Result<Arc<dyn Issuer>, ActionError> {
    let found = tools.issuer(&definition.issuer).await;
    found.map_err(|error| ActionError::Outside {
        what: format!("reaching the issuer of {}", definition.id),
        error,
    })
}

/// Tries a spare, seals it and keeps it; wakes a rotation that waits for a value.
///
/// # Errors
/// Its format is wrong, its issuer refuses it, the secret had this value before, or the journal failed.
pub async fn add_spare(
    journal: &Journal,
    tools: &Tools,
    wanted: &Wanted,
    fields: Fields,
    issuer_ref: Option<String>,
    person: &Person,
) -> Result<Spare, ActionError> {
    let id = wanted.definition.id.as_str();
    let taken = |error| ActionError::Outside {
        what: format!("taking a spare of {id} in"),
        error,
    };
    let issuer_ref = match issuer_ref {
        Some(named) => Some(named),
        None => identified(wanted.issuer.as_ref(), id, &fields, "standby add").await?,
    };
    let fingerprint = fingerprint(tools, &wanted.definition, &fields).map_err(taken)?;
    let by_hand = || format!("by-hand-{}", &fingerprint[..12.min(fingerprint.len())]);
    let credential = Credential {
        id: CredentialId::new(issuer_ref.unwrap_or_else(by_hand)),
        fields,
    };
    let now_ms = journal.clock().now_ms();
    let tested_ms = works(wanted, &credential).await?.then_some(now_ms);
    let spare = Spare {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: id.to_owned(),
        issuer_ref: credential.id.as_str().to_owned(),
        fingerprint,
        added_ms: now_ms,
        added_by: person.actor.clone(),
        tested_ms,
    };
    let named = RotationId::new(spare.id.as_str());
    let values = Values::open(journal, &tools.ring, &named).await?;
    let sealed = pack(credential.fields)
        .and_then(|packed| values.keep(CANDIDATE, packed))
        .map_err(taken)?;
    let kept = Kept {
        spare: spare.clone(),
        sealed,
        key: values.new_key.clone(),
    };
    let person = person.clone();
    let judged = journal
        .write(async move |tx| keep(tx, &kept, &person).await)
        .await?;
    judged?;
    Ok(spare)
}

/// Whether its issuer knows it to work; `false` where it cannot tell.
async fn works(wanted: &Wanted, credential: &Credential) -> Result<bool, ActionError> {
    let id = wanted.definition.id.as_str();
    let refused = |why: String| {
        Refused::new(format!("{id}: {why}; the spare was not taken in"))
            .next(format!("keywheel standby add {id}"))
    };
    let checked = wanted.issuer.check_format(&credential.fields, None).await;
    checked.map_err(|error| refused(error.to_string()))?;
    match tried(wanted.issuer.as_ref(), credential).await {
        Ok(Liveness::Alive) => Ok(true),
        Ok(Liveness::Dead) => Err(refused("its issuer refuses it".to_owned()).into()),
        Ok(Liveness::Unknown) | Err(_) => Ok(false),
    }
}

/// What its issuer says of it, where it can.
pub(super) async fn tried(issuer: &dyn Issuer, credential: &Credential) -> Result<Liveness, Error> {
    match issuer.capabilities().tests {
        true => issuer.test(credential).await,
        false => Ok(Liveness::Unknown),
    }
}

struct Kept {
    spare: Spare,
    sealed: Sealed,
    key: Option<(String, Vec<u8>)>,
}

async fn keep(tx: &mut Tx, kept: &Kept, person: &Person) -> Judged<()> {
    let spare = &kept.spare;
    let (id, secret_id) = (spare.id.as_str(), spare.secret_id.as_str());
    if spares::is_known(tx, secret_id, &spare.fingerprint).await? {
        let why = format!(
            "{secret_id} has or had this very value; a spare is a credential that was never used"
        );
        return Ok(Err(Refused::new(why)));
    }
    if let Some(refused) = name_is_taken(tx, secret_id, &spare.issuer_ref).await? {
        return Ok(Err(refused));
    }
    if let Some((key_id, wrapped)) = &kept.key {
        ledger::keep_data_key(tx, id, key_id, wrapped.clone()).await?;
    }
    ledger::keep_sealed(tx, id, std::slice::from_ref(&kept.sealed)).await?;
    let every = match spare.tested_ms {
        Some(_) => TRIED_EVERY_MS,
        None => TRIED_AGAIN_MS,
    };
    spares::add(tx, spare, tx.now_ms() + every).await?;
    noted(tx, spare, person, "added", "").await?;
    Ok(Ok(()))
}

/// A row beside all chains, and a stir for a rotation that may wait for a spare.
async fn noted(
    tx: &mut Tx,
    spare: &Spare,
    person: &Person,
    outcome: &str,
    detail: &str,
) -> crate::journal::Result<()> {
    let mut entry = person.entry(None, "standby", outcome);
    entry.evidence.clone_from(&spare.id);
    entry.detail = format!("{} at its issuer {detail}", spare.issuer_ref)
        .trim_end()
        .to_owned();
    record(tx, &spare.secret_id, None, entry).await?;
    rotations::stir(tx, &[&spare.secret_id]).await
}

/// What trying a spare showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It works.
    Works,
    /// Its issuer refuses it: it was taken out, and its value shredded.
    Dead,
    /// Its issuer cannot tell, now or ever; it stays.
    Unknown,
    /// Somebody took it or removed it meanwhile.
    Gone,
}

/// Tries a spare as a consumer would, and keeps what that showed.
///
/// # Errors
/// The seal does not fit, the secret's systems are not configured here, or the journal failed.
pub async fn try_spare(
    journal: &Journal,
    tools: &Tools,
    spare: &Spare,
    actor: &str,
) -> Result<Tried, ActionError> {
    try_with(journal, &tools.ring, &tools.providers, spare, actor).await
}

async fn try_with(
    journal: &Journal,
    ring: &KeyRing,
    connect: &dyn Connect,
    spare: &Spare,
    actor: &str,
) -> Result<Tried, ActionError> {
    let secret_id = spare.secret_id.clone();
    let definition = journal
        .read(async move |tx| secrets::definition(tx, &secret_id).await)
        .await?;
    let open = OpenSpare::open(journal, ring, &spare.id).await?;
    let (Some(definition), Some(open)) = (definition, open) else {
        return Ok(Tried::Gone);
    };
    let outside = |error| ActionError::Outside {
        what: format!("trying a spare of {}", spare.secret_id),
        error,
    };
    let systems = connect.outside(&definition, None).await.map_err(outside)?;
    let credential = open.credential().map_err(outside)?;
    let seen = tried(systems.issuer.as_ref(), &credential).await;
    let found = match seen {
        Ok(Liveness::Alive) => Tried::Works,
        Ok(Liveness::Dead) => Tried::Dead,
        Ok(Liveness::Unknown) | Err(_) => Tried::Unknown,
    };
    let (spare, person) = (
        spare.clone(),
        Person {
            actor: actor.to_owned(),
            reason: String::new(),
        },
    );
    journal
        .write(async move |tx| keep_tried(tx, &spare, &person, found).await)
        .await?;
    Ok(found)
}

async fn keep_tried(
    tx: &mut Tx,
    spare: &Spare,
    person: &Person,
    found: Tried,
) -> crate::journal::Result<()> {
    match found {
        Tried::Works => spares::works(tx, &spare.id, tx.now_ms() + TRIED_EVERY_MS).await,
        Tried::Dead => {
            let why = "its issuer refuses it";
            match spares::end(tx, &spare.id, End::Dead, why).await? {
                true => noted(tx, spare, person, End::Dead.word(), why).await,
                false => Ok(()),
            }
        }
        Tried::Unknown | Tried::Gone => Ok(()),
    }
}

/// Tries one spare whose time has come, and says what that showed; `None` where none is due.
///
/// # Errors
/// As [`try_spare`].
pub async fn tend(
    journal: &Journal,
    ring: &KeyRing,
    connect: &dyn Connect,
    actor: &str,
) -> Result<Option<Tried>, ActionError> {
    let due = journal
        .write(async |tx| spares::take_due(tx, tx.now_ms() + TRIED_AGAIN_MS).await)
        .await?;
    let Some(spare) = due else { return Ok(None) };
    try_with(journal, ring, connect, &spare, actor)
        .await
        .map(Some)
}

/// Takes a spare out: it is not used by keywheel any more, and its value is shredded.
///
/// # Errors
/// There is no such spare, or the journal failed.
pub async fn remove_spare(
    journal: &Journal,
    spare: &str,
    person: &Person,
) -> Result<Spare, ActionError> {
    let (id, person) = (spare.to_owned(), person.clone());
    let judged: Judged<Spare> = journal
        .write(async move |tx| {
            let ready = spares::by_id(tx, &id).await?;
            let Some(found) = ready else {
                let why = format!("no spare {id} is ready");
                return Ok(Err(Refused::new(why).next("keywheel standby list")));
            };
            if !spares::end(tx, &id, End::Removed, &person.reason).await? {
                let why = format!("spare {id} was taken meanwhile; it is not ended");
                return Ok(Err(Refused::new(why).next("keywheel standby list")));
            }
            noted(tx, &found, &person, End::Removed.word(), &person.reason).await?;
            Ok(Ok(found))
        })
        .await;
    Ok(judged??)
}
