//! `adopt`: getting to know the values that are in use already. Each is read and never shown: it is
//! fingerprinted, dated by its store and named by its issuer, so that the first rotation can end it.

use crate::actions::{ActionError, Person, Tools};
use crate::inventory::{Definition, Manage};
use crate::journal::audit::{self, Entry};
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::{self, Journal, Tx, secrets};
use crate::providers::Outside;
use crate::rotation::values::{proof_field, recover};
use keywheel_contract::VersionId;
use keywheel_schedules::{History, next_rotation};

/// What became of one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// Its value is known now. `named`: its issuer could say which credential it is, or need not.
    /// `dated`: its store could say since when, and the date starts nothing by itself.
    Known {
        /// Its credential can be ended by its first rotation.
        named: bool,
        /// Its next rotation is known.
        dated: bool,
    },
    /// Its value was known already.
    Before,
    /// There is no value yet.
    Empty,
    /// A rotation is under way and gets to know it.
    Busy,
}

/// A value in use, without the value.
struct Found {
    version: VersionId,
    fingerprint: String,
    issuer_ref: Option<String>,
    named: bool,
    written_ms: Option<i64>,
}

/// Gets to know the value of one secret. Nothing rotates because of it: a date by which the schedule would
/// start at once is kept only with `allow_due`.
///
/// # Errors
/// Its systems cannot be reached, or the journal failed.
pub async fn adopt(
    journal: &Journal,
    tools: &Tools,
    definition: &Definition,
    allow_due: bool,
    person: &Person,
) -> Result<Adopted, ActionError> {
    let outside = tools.outside(definition, None).await?;
    let found = look(tools, definition, &outside).await;
    let found = found.map_err(|error| ActionError::Outside {
        what: format!("reading the value of {}", definition.id),
        error,
    })?;
    let Some(found) = found else {
        return Ok(Adopted::Empty);
    };
    let (definition, person) = (definition.clone(), person.clone());
    Ok(journal
        .write(async move |tx| keep(tx, &definition, &found, allow_due, &person).await)
        .await?)
}

async fn look(
    tools: &Tools,
    definition: &Definition,
    outside: &Outside,
) -> keywheel_contract::Result<Option<Found>> {
    let Some(main) = definition.destinations.first() else {
        return Ok(None);
    };
    let target = &outside.destinations[&main.name()];
    let seen = target.store.inspect(&target.place).await?;
    let Some(version) = seen.current else {
        return Ok(None);
    };
    let document = target.store.read(&target.place, &version).await?;
    let Some(value) = document.proof_value(proof_field(main)) else {
        return Ok(None);
    };
    let fingerprint = tools.fingerprint().of(value);
    let can = outside.issuer.capabilities();
    let fields = recover(main, &document);
    let identified = match can.identifies && !fields.is_empty() {
        true => outside.issuer.identify(&fields).await?,
        false => None,
    };
    let issuer_ref = identified
        .map(|id| id.as_str().to_owned())
        .or_else(|| definition.current_id.clone());
    Ok(Some(Found {
        version,
        fingerprint,
        named: issuer_ref.is_some() || !(can.reversible || can.revokes),
        issuer_ref,
        written_ms: seen.written_at_ms,
    }))
}

async fn keep(
    tx: &mut Tx,
    definition: &Definition,
    found: &Found,
    allow_due: bool,
    person: &Person,
) -> journal::Result<Adopted> {
    let id = definition.id.as_str();
    if secrets::is_busy(tx, id).await? {
        return Ok(Adopted::Busy);
    }
    if is_known(tx, id, &found.fingerprint).await? {
        return Ok(Adopted::Before);
    }
    let row = credential(tx, id, found);
    ledger::add_credential(tx, &row).await?;
    let date = date(tx, definition, found.written_ms, allow_due).await?;
    match date {
        Some(published_ms) => secrets::rotated(tx, id, &row.id, published_ms).await?,
        None => secrets::in_use(tx, id, &row.id).await?,
    }
    secrets::reschedule(tx, definition).await?;
    let entry = Entry {
        actor: person.actor.clone(),
        action: "adopt".to_owned(),
        outcome: if found.named { "named" } else { "nameless" }.to_owned(),
        credential: row.id,
        evidence: found.fingerprint.clone(),
        detail: format!("version {}", found.version),
        ..Entry::default()
    };
    audit::append_apart(tx, id, entry).await?;
    Ok(Adopted::Known {
        named: found.named,
        dated: date.is_some(),
    })
}

async fn is_known(tx: &mut Tx, id: &str, fingerprint: &str) -> journal::Result<bool> {
    let secret = secrets::by_id(tx, id).await?;
    let Some(current) = secret.and_then(|secret| secret.current_credential) else {
        return Ok(false);
    };
    let row = ledger::credential(tx, &current).await?;
    Ok(row.is_some_and(|row| row.fingerprint.as_deref() == Some(fingerprint)))
}

fn credential(tx: &Tx, id: &str, found: &Found) -> CredentialRow {
    CredentialRow {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: id.to_owned(),
        rotation_id: None,
        issuer_ref: found.issuer_ref.clone(),
        fingerprint: Some(found.fingerprint.clone()),
        state: "current".to_owned(),
        born_ms: tx.now_ms(),
        published_ms: found.written_ms,
    }
}

/// The date of the value in use, unless the schedule would start a rotation by it at once.
async fn date(
    tx: &mut Tx,
    definition: &Definition,
    written_ms: Option<i64>,
    allow_due: bool,
) -> journal::Result<Option<i64>> {
    let id = definition.id.as_str();
    let enrolled_ms = secrets::by_id(tx, id)
        .await?
        .map_or(0, |secret| secret.enrolled_ms);
    let history = History {
        last_rotated_ms: written_ms,
        credential_expires_ms: None,
        enrolled_ms,
    };
    let next = next_rotation(&definition.timing, id, &history);
    let starts = definition.manage == Manage::Auto;
    let at_once = starts && next.start_ms.is_some_and(|start| start <= tx.now_ms());
    Ok(written_ms.filter(|_| allow_due || !at_once))
}
