//! `provide`: a person brings the value that a rotation waits for.

use super::standby::tried;
use super::tools::Tools;
use super::{ActionError, Judged, Person, Refused, known, record, under_way};
use crate::inventory::{Definition, Template};
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::rotations::{self, Run, Standing};
use crate::journal::{Journal, Tx, spares};
use crate::rotation::CANDIDATE;
use crate::rotation::phase::Phase;
use crate::rotation::report::Sealed;
use crate::rotation::values::{Values, pack, proof_field, render};
use crate::rotation::words::State;
use keywheel_contract::{ChosenBy, Credential, CredentialId, Error, Fields, Issuer, Liveness};
use std::collections::BTreeSet;

/// What a rotation waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaiting {
    /// Names of the fields it needs.
    pub fields: BTreeSet<String>,
    /// What the person who makes the value should know, by its issuer.
    pub instructions: Option<String>,
    run: Waits,
}

/// The waiting rotation, as far as two looks at it are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waits {
    id: String,
    secret_id: String,
}

/// A value that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    /// The rotation that goes on with it.
    pub rotation: String,
    /// How the issuer's credential is called from now on.
    pub issuer_ref: String,
}

/// Whether a rotation of this secret waits for a person to bring a value, before anybody is asked to type one.
///
/// # Errors
/// None does, or the journal failed.
pub async fn awaiting(journal: &Journal, tools: &Tools, id: &str) -> Result<Awaiting, ActionError> {
    let run = waiting_run(journal, id).await?;
    let outside = tools.outside(&run.plan, None).await?;
    if outside.issuer.capabilities().chosen_by != ChosenBy::Person {
        let why = format!("nobody has to bring a value for {id}: its issuer makes its own");
        return Err(Refused::new(why)
            .next(format!("keywheel retry {id}"))
            .into());
    }
    let instructions = run.plan.issuer.options.get("instructions");
    Ok(Awaiting {
        fields: needed(&run.plan),
        instructions: instructions.and_then(|v| v.as_str()).map(str::to_owned),
        run: Waits {
            id: run.id.as_str().to_owned(),
            secret_id: id.to_owned(),
        },
    })
}

async fn waiting_run(journal: &Journal, id: &str) -> Result<Run, ActionError> {
    let named = id.to_owned();
    let judged = journal
        .read(async move |tx| {
            if let Err(refused) = known(tx, &named).await? {
                return Ok(Err(refused));
            }
            let run = under_way(tx, &named).await?;
            Ok(waits(&named, run))
        })
        .await?;
    Ok(judged?)
}

fn waits(id: &str, run: Option<Run>) -> Result<Run, Refused> {
    match run {
        Some(run) if run.phase == Phase::Minting && run.candidate.is_none() => Ok(run),
        Some(run) if run.phase < Phase::Minting => Err(Refused::new(format!(
            "{id} is still {}; bring the value once it waits for one",
            run.phase
        ))
        .next(format!("keywheel rotate-now {id} --wait"))),
        Some(run) => Err(Refused::new(format!(
            "{id} is {} and waits for no value; nothing was taken in",
            run.phase
        ))
        .next(format!("keywheel show {id}"))),
        None => Err(Refused::new(format!(
            "no rotation of {id} is under way; nothing was taken in"
        ))
        .next(format!(
            "keywheel rotate-now {id}, then keywheel provide {id}"
        ))),
    }
}

/// The names that the destinations' templates ask for; `value` where the whole content is one value.
pub(super) fn needed(definition: &Definition) -> BTreeSet<String> {
    let templates = definition
        .destinations
        .iter()
        .flat_map(|d| d.fields.values());
    let mut names: BTreeSet<String> = templates
        .filter_map(|text| Template::parse(text).ok())
        .flat_map(|template| {
            let names: Vec<String> = template.names().map(str::to_owned).collect();
            names
        })
        .filter(|name| !name.starts_with("previous."))
        .collect();
    if names.is_empty() {
        names.insert("value".to_owned());
    }
    names
}

/// Checks the value's format, seals it for the waiting rotation and wakes that.
///
/// # Errors
/// The issuer's format refuses it or it is the old one, the rotation moved on meanwhile, or the journal failed.
pub async fn provide(
    journal: &Journal,
    tools: &Tools,
    awaiting: &Awaiting,
    fields: Fields,
    issuer_ref: Option<String>,
    person: &Person,
) -> Result<Provided, ActionError> {
    let run = waiting_run(journal, &awaiting.run.secret_id).await?;
    let values = Values::open(journal, &tools.ring, &run.id).await?;
    let outside = tools.outside(&run.plan, None).await?;
    let checked = outside
        .issuer
        .check_format(&fields, values.old().as_ref())
        .await;
    checked.map_err(|error| refused_value(&run.secret_id, &error))?;
    let issuer_ref = match issuer_ref {
        Some(named) => Some(named),
        None => identified(&*outside.issuer, &run.secret_id, &fields, "provide").await?,
    };
    let taken = |error| ActionError::Outside {
        what: format!("taking the value of {} in", run.secret_id),
        error,
    };
    let fingerprint = fingerprint(tools, &run.plan, &fields).map_err(taken)?;
    let by_hand = || format!("by-hand-{}", &fingerprint[..12.min(fingerprint.len())]);
    let credential = Credential {
        id: CredentialId::new(issuer_ref.unwrap_or_else(by_hand)),
        fields,
    };
    // A rotation that took a dead one in would have to go back, and ask for another.
    if let Ok(Liveness::Dead) = tried(&*outside.issuer, &credential).await {
        let dead = Error::invalid("its issuer refuses it: revoked already, or not in force yet");
        return Err(refused_value(&run.secret_id, &dead).into());
    }
    let sealed = pack(credential.fields)
        .and_then(|packed| values.keep(CANDIDATE, packed))
        .map_err(taken)?;
    let brought = Brought {
        issuer_ref: credential.id.as_str().to_owned(),
        fingerprint,
        sealed,
        new_key: values.new_key.clone(),
    };
    let (rotation, named) = (run.id.as_str().to_owned(), brought.issuer_ref.clone());
    let person = person.clone();
    let judged = journal
        .write(async move |tx| take_in(tx, &run, &brought, &person).await)
        .await?;
    judged?;
    Ok(Provided {
        rotation,
        issuer_ref: named,
    })
}

/// The issuer's name for it, without which it could never be ended; none where the issuer never tells.
pub(super) async fn identified(
    issuer: &dyn Issuer,
    id: &str,
    fields: &Fields,
    command: &str,
) -> Result<Option<String>, ActionError> {
    if !issuer.capabilities().identifies {
        return Ok(None);
    }
    let refused = |why: String| {
        Refused::new(format!("{id}: {why}; the value was not taken in")).next(format!(
            "keywheel {command} {id} --id ID   (as its issuer names it)"
        ))
    };
    let named = issuer.identify(fields).await;
    let named = named.map_err(|error| refused(error.to_string()))?;
    let named = named.ok_or_else(|| refused("its issuer does not know this value".to_owned()))?;
    Ok(Some(named.as_str().to_owned()))
}

/// Two credentials of one name could not be told apart when one of them is ended.
pub(super) async fn name_is_taken(
    tx: &mut Tx,
    id: &str,
    issuer_ref: &str,
) -> crate::journal::Result<Option<Refused>> {
    let taken = spares::is_named(tx, id, issuer_ref).await?;
    Ok(taken.then(|| {
        Refused::new(format!(
            "{issuer_ref} is a credential of {id} that keywheel knows already; the value was not taken in"
        ))
        .next(format!("keywheel show {id}"))
    }))
}

fn refused_value(id: &str, error: &Error) -> Refused {
    Refused::new(format!(
        "{id}: {error}; the value was not taken in, and the rotation still waits"
    ))
    .next(format!("keywheel provide {id}"))
}

/// Of the value that the main destination will show.
pub(super) fn fingerprint(
    tools: &Tools,
    definition: &Definition,
    fields: &Fields,
) -> keywheel_contract::Result<String> {
    let Some(main) = definition.destinations.first() else {
        return Ok(String::new());
    };
    let document = render(main, fields, fields)?;
    let value = document.proof_value(proof_field(main));
    Ok(value
        .map(|value| tools.fingerprint().of(value))
        .unwrap_or_default())
}

struct Brought {
    issuer_ref: String,
    fingerprint: String,
    sealed: Sealed,
    new_key: Option<(String, Vec<u8>)>,
}

/// The rotation is taken from whoever looks at it just now: a worker that opened the values before this one
/// was among them would find the candidate missing and turn back.
async fn take_in(tx: &mut Tx, seen: &Run, brought: &Brought, person: &Person) -> Judged<()> {
    if let Some(refused) = name_is_taken(tx, &seen.secret_id, &brought.issuer_ref).await? {
        return Ok(Err(refused));
    }
    let Some((lease, run)) = rotations::seize(tx, &seen.id, "provide").await? else {
        return Ok(waits(&seen.secret_id, None).map(drop));
    };
    let mut run = match waits(&seen.secret_id, Some(run)) {
        Ok(run) => run,
        Err(refused) => {
            rotations::release_all(tx, "provide").await?;
            return Ok(Err(refused));
        }
    };
    let rotation = run.id.as_str().to_owned();
    if let Some((key_id, wrapped)) = &brought.new_key {
        ledger::keep_data_key(tx, &rotation, key_id, wrapped.clone()).await?;
    }
    let id = uuid::Uuid::now_v7().to_string();
    ledger::add_credential(tx, &candidate(&id, &run, brought, tx.now_ms())).await?;
    ledger::keep_sealed(tx, &rotation, std::slice::from_ref(&brought.sealed)).await?;
    run.candidate = Some(id.clone());
    let mut entry = person.entry(Some(&run), "candidate", "sealed");
    entry.credential = id;
    entry.evidence.clone_from(&brought.fingerprint);
    entry.detail = format!("{} at its issuer, brought by a person", brought.issuer_ref);
    let secret_id = run.secret_id.clone();
    record(tx, &secret_id, Some(&mut run), entry).await?;
    run.wake_ms = 0;
    run.state = State::Active;
    run.waiting.clear();
    let saved = rotations::save(tx, &lease, &run, Standing::GIVEN_UP).await;
    saved.map(Ok)
}

fn candidate(id: &str, run: &Run, brought: &Brought, now_ms: i64) -> CredentialRow {
    CredentialRow {
        id: id.to_owned(),
        secret_id: run.secret_id.clone(),
        rotation_id: Some(run.id.as_str().to_owned()),
        issuer_ref: Some(brought.issuer_ref.clone()),
        fingerprint: Some(brought.fingerprint.clone()),
        state: "candidate".to_owned(),
        born_ms: now_ms,
        published_ms: None,
    }
}
