//! The values of one rotation while somebody works on it: opened from the journal, or just made; gone from
//! memory with the lease.

use super::report::Sealed;
use super::{CANDIDATE, facts::Facts};
use crate::inventory::{Destination, Template};
use crate::journal::spares::{self, Spare};
use crate::journal::{Journal, Tx, ledger};
use crate::seal::{self, DataKey, KeyRing};
use keywheel_contract::{
    Credential, CredentialId, Document, Error, Fields, Result, RotationId, SecretValue,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the sealed fields of the old credential.
pub const OLD: &str = "old";

/// Opened values and the key to seal more.
pub struct Values {
    key: DataKey,
    /// What the journal has to keep, where the key was made just now.
    pub new_key: Option<(String, Vec<u8>)>,
    opened: Mutex<BTreeMap<String, Arc<SecretValue>>>,
}

/// What the journal keeps of one rotation's values: nothing of it is readable without the key ring.
pub struct Kept {
    /// The data key's id in the ring, and the wrapped key.
    key: Option<(String, Vec<u8>)>,
    sealed: Vec<Sealed>,
}

impl Kept {
    /// Reads it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn read(tx: &mut Tx, rotation: &str) -> crate::journal::Result<Self> {
        Ok(Self {
            key: ledger::data_key(tx, rotation).await?,
            sealed: ledger::sealed(tx, rotation).await?,
        })
    }
}

/// Why values could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] seal::Error),
}

impl Values {
    /// Opens everything sealed for a rotation; makes its data key where there is none yet.
    ///
    /// # Errors
    /// The journal cannot be read, or the key ring does not fit.
    pub async fn open(
        journal: &Journal,
        ring: &KeyRing,
        id: &RotationId,
    ) -> std::result::Result<Self, OpenError> {
        let rotation = id.as_str().to_owned();
        let kept = journal
            .read(async move |tx| Kept::read(tx, &rotation).await)
            .await?;
        Ok(Self::unseal(ring, id, kept)?)
    }

    /// Opens what the journal keeps of a rotation.
    ///
    /// # Errors
    /// The key ring does not fit.
    pub fn unseal(
        ring: &KeyRing,
        id: &RotationId,
        kept: Kept,
    ) -> std::result::Result<Self, seal::Error> {
        let Some((key_id, wrapped)) = kept.key else {
            let (key, key_id, wrapped) = ring.new_data_key(id.as_str())?;
            return Ok(Self {
                key,
                new_key: Some((key_id, wrapped)),
                opened: Mutex::default(),
            });
        };
        let key = ring.open_data_key(id.as_str(), &key_id, &wrapped)?;
        let mut opened = BTreeMap::new();
        for (name, body) in kept.sealed {
            opened.insert(name.clone(), Arc::new(key.open(&name, &body)?));
        }
        Ok(Self {
            key,
            new_key: None,
            opened: Mutex::new(opened),
        })
    }

    /// Keeps a value for the rest of the lease and seals it for the journal.
    ///
    /// # Errors
    /// The cipher failed.
    pub fn keep(&self, name: &str, value: SecretValue) -> Result<Sealed> {
        let body = self
            .key
            .seal(name, &value)
            .map_err(|e| Error::unavailable(e.to_string()))?;
        self.lock().insert(name.to_owned(), Arc::new(value));
        Ok((name.to_owned(), body))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<SecretValue>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, name: &str) -> Option<Arc<SecretValue>> {
        self.lock().get(name).map(Arc::clone)
    }

    /// The candidate's fields.
    ///
    /// # Errors
    /// There is none yet.
    pub fn candidate(&self) -> Result<Fields> {
        let sealed = self
            .value(CANDIDATE)
            .ok_or_else(|| Error::invalid("there is no candidate yet"))?;
        unpack(&sealed)
    }

    /// The old credential's fields, where they can be told from what is published.
    pub fn old(&self) -> Option<Fields> {
        self.value(OLD).and_then(|sealed| unpack(&sealed).ok())
    }

    /// What a destination held before this rotation, as far as it is ours.
    pub fn base(&self, destination: &Destination) -> Option<Document> {
        let sealed = self.value(&base_name(&destination.name()))?;
        let names: Vec<String> = match self.value(&names_name(&destination.name())) {
            Some(list) => serde_json::from_slice(list.expose_secret()).ok()?,
            None => Vec::new(),
        };
        match destination.fields.is_empty() {
            true => Some(Document::Whole(sealed.duplicate())),
            false if names.is_empty() => Some(Document::Fields(Fields::new())),
            false => Document::decode(&sealed, &names).ok(),
        }
    }

    /// Keeps what a destination holds.
    ///
    /// # Errors
    /// A field is not text.
    pub fn keep_base(&self, destination: &Destination, document: &Document) -> Result<Vec<Sealed>> {
        let name = destination.name();
        let mut kept = vec![self.keep(&base_name(&name), document.encode()?)?];
        if let Document::Fields(fields) = document {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
            let list = serde_json::to_vec(&names).map_err(|e| Error::invalid(e.to_string()))?;
            kept.push(self.keep(&names_name(&name), SecretValue::new(list))?);
        }
        Ok(kept)
    }

    /// What a destination is to hold: the candidate, with the old credential beside it where a template asks.
    ///
    /// # Errors
    /// A template asks for a field that neither has.
    pub fn document(&self, destination: &Destination, with_previous: bool) -> Result<Document> {
        let candidate = self.candidate()?;
        let old = self.old().filter(|_| with_previous);
        // Where there is no previous value (any more), its field repeats the new one: readers that accept
        // either keep working, and the old value is gone.
        render(destination, &candidate, old.as_ref().unwrap_or(&candidate))
    }

    /// Whether an old value is known here at all.
    pub fn has_base(&self, facts: &Facts) -> bool {
        facts
            .destinations()
            .any(|destination| self.value(&base_name(&destination.name())).is_some())
    }
}

/// A spare with its value, while it is tried.
pub struct OpenSpare {
    /// What is known of it.
    pub row: Spare,
    values: Values,
}

impl OpenSpare {
    /// Opens a spare; `None` where it is not ready any more.
    ///
    /// # Errors
    /// The journal cannot be read, or the key ring does not fit.
    pub async fn open(
        journal: &Journal,
        ring: &KeyRing,
        id: &str,
    ) -> std::result::Result<Option<Self>, OpenError> {
        let named = id.to_owned();
        let row = journal
            .read(async move |tx| spares::by_id(tx, &named).await)
            .await?;
        let Some(row) = row else { return Ok(None) };
        // It is sealed as the candidate of a rotation that has its id.
        let values = Values::open(journal, ring, &RotationId::new(id)).await?;
        Ok(Some(Self { row, values }))
    }

    /// Its id at its issuer, and its fields.
    ///
    /// # Errors
    /// `Invalid`: its value was shredded meanwhile.
    pub fn credential(&self) -> Result<Credential> {
        Ok(Credential {
            id: CredentialId::new(&self.row.issuer_ref),
            fields: self.values.candidate()?,
        })
    }
}

fn base_name(destination: &str) -> String {
    format!("base:{destination}")
}

fn names_name(destination: &str) -> String {
    format!("base-fields:{destination}")
}

/// A credential's fields as one sealed text.
///
/// # Errors
/// A field is not text.
pub fn pack(fields: Fields) -> Result<SecretValue> {
    Document::Fields(fields).encode()
}

fn unpack(sealed: &SecretValue) -> Result<Fields> {
    let names: Vec<String> =
        serde_json::from_slice::<BTreeMap<String, serde::de::IgnoredAny>>(sealed.expose_secret())
            .map(|object| object.into_keys().collect())
            .map_err(|_| Error::invalid("a sealed credential cannot be read"))?;
    match Document::decode(sealed, &names)? {
        Document::Fields(fields) => Ok(fields),
        Document::Whole(_) => Err(Error::invalid("a sealed credential has no fields")),
    }
}

/// Fills a destination's templates in.
///
/// # Errors
/// A template asks for a field that is not there.
pub fn render(
    destination: &Destination,
    candidate: &Fields,
    previous: &Fields,
) -> Result<Document> {
    if destination.fields.is_empty() {
        let value = candidate
            .field("value")
            .or_else(|| candidate.iter().next().map(|(_, value)| value));
        let value = value.ok_or_else(|| Error::invalid("the credential has no field"))?;
        return Ok(Document::Whole(value.duplicate()));
    }
    let lookup = |name: &str| match name.strip_prefix("previous.") {
        Some(name) => previous.field(name),
        None => candidate.field(name),
    };
    let mut fields = Fields::new();
    for (name, template) in &destination.fields {
        let parsed = Template::parse(template).map_err(|e| Error::invalid(e.to_string()))?;
        let value = parsed
            .render(lookup)
            .map_err(|e| Error::invalid(e.to_string()))?;
        fields.insert(name.clone(), value);
    }
    Ok(Document::Fields(fields))
}

/// The credential's fields, read back out of a published document: exactly those that some field shows alone.
pub fn recover(destination: &Destination, document: &Document) -> Fields {
    match document {
        Document::Whole(value) => Fields::single(value.duplicate()),
        Document::Fields(published) => destination
            .fields
            .iter()
            .filter_map(|(name, template)| {
                let inner = template.strip_prefix('{')?.strip_suffix('}')?;
                let plain = !inner.contains(['{', '}', '|', '.']);
                let value = published.field(name).filter(|_| plain)?;
                Some((inner.to_owned(), value.duplicate()))
            })
            .collect(),
    }
}

/// The field of a destination that a handshake proves.
pub fn proof_field(destination: &Destination) -> Option<&str> {
    let first = || {
        destination
            .fields
            .iter()
            .find(|(_, template)| !template.contains("{previous."))
            .map(|(name, _)| name.as_str())
    };
    destination.proof_field.as_deref().or_else(first)
}
