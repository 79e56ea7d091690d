//! `adopt`: getting to know the values that are in use already. Each is read and never shown: it is
//! fingerprinted, dated by its store and named by its issuer, so that the first rotation can end it.

use crate::actions::{ActionError, Person, Tools};
use crate::inventory::{Definition, Manage};
use crate::journal::audit::{self, Entry};
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::{self, Journal, Tx, expiry, secrets};
use crate::providers::place_of;
use crate::quotas::patiently;
use crate::rotation::execute;
use crate::rotation::report::Ends;
use crate::rotation::values::{proof_field, recover};
use keywheel_contract::{CredentialId, VersionId};
use keywheel_schedules::{History, next_rotation};
use tokio_util::sync::CancellationToken;

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
        /// When it ends by itself.
        ends: End,
    },
    /// Its value was known already.
    Before,
    /// There is no value yet.
    Empty,
    /// A rotation is under way and gets to know it.
    Busy,
    /// Its turn did not come before somebody stopped it.
    Left,
}

/// When a credential in use ends by itself, epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It does not, as far as its issuer knows.
    Never,
    /// Then, and the schedule counts with it.
    At(i64),
    /// Then: so soon that a rotation would start at once.
    TooSoon(i64),
    /// Its issuer could not say.
    Unknown,
}

/// A value in use, without the value.
struct Found {
    version: VersionId,
    fingerprint: String,
    issuer_ref: Option<String>,
    named: bool,
    written_ms: Option<i64>,
    ends: Ends,
}

/// Gets to know values, one or many side by side.
pub struct Adopter<'a> {
    /// Where they are recorded.
    pub journal: &'a Journal,
    /// The way to stores and issuers.
    pub tools: &'a Tools,
    /// Who asks.
    pub person: Person,
    /// Also keeps dates by which the schedule starts a rotation at once.
    pub allow_due: bool,
    /// Also reads values that are known already.
    pub again: bool,
    /// Stops what only reads; what is being recorded is recorded.
    pub stop: CancellationToken,
}

impl Adopter<'_> {
    /// Gets to know the value of one secret. Nothing rotates because of it: a date by which the schedule would
    /// start at once is kept only with `allow_due`. Being told to slow down by a store makes it wait.
    ///
    /// # Errors
    /// Its systems cannot be reached, or the journal failed.
    pub async fn adopt(&self, id: &str) -> Result<Adopted, ActionError> {
        if self.stop.is_cancelled() {
            return Ok(Adopted::Left);
        }
        let named = id.to_owned();
        let known = self
            .journal
            .read(async move |tx| Known::of(tx, &named).await);
        let Some(known) = known.await? else {
            return Ok(Adopted::Empty);
        };
        if !self.again && known.is_enough(self.allow_due) {
            return Ok(Adopted::Before);
        }
        // Asking the issuer whose the value is may be a use of it, which a rotation would take for somebody else's.
        if known.is_busy {
            return Ok(Adopted::Busy);
        }
        let definition = known.definition;
        let found = tokio::select! {
            () = self.stop.cancelled() => return Ok(Adopted::Left),
            found = look(self.tools, &definition) => found,
        };
        let found = found.map_err(|error| ActionError::Outside {
            what: "reading its value".to_owned(),
            error,
        })?;
        let Some(found) = found else {
            return Ok(Adopted::Empty);
        };
        let (allow_due, person) = (self.allow_due, self.person.clone());
        Ok(self
            .journal
            .write(async move |tx| keep(tx, &definition, &found, allow_due, &person).await)
            .await?)
    }
}

/// What the journal has of a secret before anything is read.
struct Known {
    definition: Definition,
    is_dated: bool,
    is_busy: bool,
    credential: Option<CredentialRow>,
}

impl Known {
    async fn of(tx: &mut Tx, id: &str) -> journal::Result<Option<Self>> {
        let Some(definition) = secrets::definition(tx, id).await? else {
            return Ok(None);
        };
        let secret = secrets::by_id(tx, id).await?;
        Ok(Some(Self {
            is_dated: secret.is_some_and(|secret| secret.last_rotated_ms.is_some()),
            is_busy: secrets::is_busy(tx, id).await?,
            credential: current(tx, id).await?,
            definition,
        }))
    }

    /// Whether reading the value could bring nothing new, short of somebody having changed it.
    fn is_enough(&self, allow_due: bool) -> bool {
        let Some(credential) = &self.credential else {
            return false;
        };
        let unnamed = credential.issuer_ref.is_none() && self.definition.current_id.is_some();
        let undated = allow_due && !self.is_dated;
        credential.fingerprint.is_some() && !unnamed && !undated
    }
}

async fn look(tools: &Tools, definition: &Definition) -> keywheel_contract::Result<Option<Found>> {
    let Some(main) = definition.destinations.first() else {
        return Ok(None);
    };
    let (store, place) = (tools.store(&main.store).await?, place_of(main));
    let seen = patiently(async || store.inspect(&place).await).await?;
    let Some(version) = seen.current else {
        return Ok(None);
    };
    let document = patiently(async || store.read(&place, &version).await).await?;
    let Some(value) = document.proof_value(proof_field(main)) else {
        return Ok(None);
    };
    let fingerprint = tools.fingerprint().of(value);
    let issuer = tools.issuer(&definition.issuer).await?;
    let can = issuer.capabilities();
    let fields = recover(main, &document);
    let identified = match can.identifies && !fields.is_empty() {
        true => patiently(async || issuer.identify(&fields).await).await?,
        false => None,
    };
    let issuer_ref = identified
        .map(|id| id.as_str().to_owned())
        .or_else(|| definition.current_id.clone());
    let ends = match &issuer_ref {
        Some(id) => execute::ends(issuer.as_ref(), &CredentialId::new(id)).await,
        None if can.expires => Ends::Unknown("its issuer cannot name it".to_owned()),
        None => Ends::Never,
    };
    Ok(Some(Found {
        version,
        fingerprint,
        ends,
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
    let date = date(tx, definition, found.written_ms, allow_due).await?;
    let ends = end(tx, definition, date, &found.ends, allow_due).await?;
    let is_dated = secrets::by_id(tx, id)
        .await?
        .is_some_and(|secret| secret.last_rotated_ms.is_some());
    let known = current(tx, id).await?;
    let known = known.filter(|row| row.fingerprint.as_deref() == Some(found.fingerprint.as_str()));
    let credential = match known {
        Some(row) => {
            let name = found
                .issuer_ref
                .as_ref()
                .filter(|_| row.issuer_ref.is_none());
            let is_told = match ends {
                End::At(at_ms) => expiry::of(tx, &row.id).await? == Some(at_ms),
                End::Never | End::TooSoon(_) | End::Unknown => true,
            };
            if name.is_none() && is_told && (is_dated || date.is_none()) {
                return Ok(Adopted::Before);
            }
            if let Some(name) = name {
                ledger::credential_learnt(tx, &row.id, Some(name.clone()), row.published_ms)
                    .await?;
            }
            row.id
        }
        None => {
            let row = credential(tx, id, found);
            ledger::add_credential(tx, &row).await?;
            row.id
        }
    };
    if let End::At(at_ms) = ends {
        expiry::keep(tx, &credential, at_ms).await?;
    }
    match date {
        Some(published_ms) => secrets::dated(tx, id, &credential, published_ms).await?,
        None => secrets::in_use(tx, id, &credential).await?,
    }
    secrets::reschedule(tx, definition).await?;
    let entry = Entry {
        actor: person.actor.clone(),
        action: "adopt".to_owned(),
        outcome: if found.named { "named" } else { "nameless" }.to_owned(),
        credential,
        evidence: found.fingerprint.clone(),
        detail: format!("version {}", found.version),
        ..Entry::default()
    };
    audit::append_apart(tx, id, entry).await?;
    Ok(Adopted::Known {
        named: found.named,
        dated: date.is_some(),
        ends,
    })
}

/// The credential in use, as far as it is known.
async fn current(tx: &mut Tx, id: &str) -> journal::Result<Option<CredentialRow>> {
    let secret = secrets::by_id(tx, id).await?;
    match secret.and_then(|secret| secret.current_credential) {
        Some(current) => ledger::credential(tx, &current).await,
        None => Ok(None),
    }
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
    let at_once = starts_at_once(tx, definition, written_ms, None).await?;
    Ok(written_ms.filter(|_| allow_due || !at_once))
}

/// When the credential in use ends, unless the schedule would start a rotation by it at once.
async fn end(
    tx: &mut Tx,
    definition: &Definition,
    date: Option<i64>,
    ends: &Ends,
    allow_due: bool,
) -> journal::Result<End> {
    let at_ms = match ends {
        Ends::Never => return Ok(End::Never),
        Ends::Unknown(_) => return Ok(End::Unknown),
        Ends::At(at_ms) => *at_ms,
    };
    let at_once = starts_at_once(tx, definition, date, Some(at_ms)).await?;
    Ok(match allow_due || !at_once {
        true => End::At(at_ms),
        false => End::TooSoon(at_ms),
    })
}

async fn starts_at_once(
    tx: &mut Tx,
    definition: &Definition,
    last_rotated_ms: Option<i64>,
    credential_expires_ms: Option<i64>,
) -> journal::Result<bool> {
    let id = definition.id.as_str();
    let secret = secrets::by_id(tx, id).await?;
    let enrolled_ms = secret.as_ref().map_or(0, |secret| secret.enrolled_ms);
    let dated_ms = secret.as_ref().and_then(|secret| secret.last_rotated_ms);
    let first_ms = secret.and_then(|secret| secret.first_ms);
    let history = History {
        last_rotated_ms: last_rotated_ms.or(dated_ms),
        credential_expires_ms,
        enrolled_ms,
    };
    let next = next_rotation(&definition.timing, id, &history);
    let starts = definition.manage == Manage::Auto;
    // A first start delays what the dates alone would start at once.
    let start = next
        .start_ms
        .map(|start| start.max(first_ms.unwrap_or(start)));
    Ok(starts && start.is_some_and(|start| start <= tx.now_ms()))
}
