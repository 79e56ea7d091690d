//! What the tests of every store do: write as a rotation does, step by step where a step is the matter.

use keywheel_contract::{
    Base, Document, Fields, Inspection, Mark, Place, Result, RotationId, SecretStore, SecretValue,
    VersionId, Write,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A file with a credential.
pub struct Kept(NamedTempFile);

impl Kept {
    /// With that text, as an editor leaves it.
    pub fn new(text: &str) -> Self {
        let kept = Self(NamedTempFile::new().unwrap());
        kept.replace(text);
        kept
    }

    /// From now on it is another credential.
    pub fn replace(&self, text: &str) {
        std::fs::write(self.0.path(), format!("{text}\n")).unwrap();
    }

    /// The reference to it, as options take it.
    pub fn reference(&self) -> Value {
        json!({ "file": self.0.path() })
    }
}

/// A place of which the field `TOKEN` is ours.
pub fn place(path: &str) -> Place {
    place_of(path, &["TOKEN"])
}

/// A place of which all is ours.
pub fn whole(path: &str) -> Place {
    place_of(path, &[])
}

/// A place of which these fields are ours.
pub fn place_of(path: &str, fields: &[&str]) -> Place {
    Place {
        path: path.to_owned(),
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        selector: None,
    }
}

/// One of the marks that tests tell writes apart by.
pub fn mark(number: u8) -> Mark {
    Mark {
        rotation: RotationId::new(format!("example-{number}")),
        token: format!("{number:064x}").chars().rev().collect(),
    }
}

/// What is written to a [`place`].
pub fn document(text: &str) -> Document {
    document_of(&place(""), text)
}

/// The same text in every field, or as the whole.
pub fn document_of(place: &Place, text: &str) -> Document {
    let value = || SecretValue::from(text.to_owned());
    if place.fields.is_empty() {
        return Document::Whole(value());
    }
    let field = |name: &String| (name.clone(), value());
    Document::Fields(place.fields.iter().map(field).collect::<Fields>())
}

/// A write that is ready to be sent, in parts and any number of times.
pub struct Prepared {
    /// Where.
    pub place: Place,
    /// What.
    pub payload: SecretValue,
    /// Over what.
    pub base: Base,
    /// By which it is found again.
    pub mark: Mark,
}

impl Prepared {
    /// As a store takes it.
    pub fn write(&self) -> Write<'_> {
        Write {
            place: &self.place,
            payload: &self.payload,
            base: &self.base,
            mark: &self.mark,
        }
    }
}

/// Looks and composes.
///
/// # Errors
/// The store's.
pub async fn prepare(
    store: &dyn SecretStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<Prepared> {
    let seen = store.inspect(place).await?;
    prepare_over(store, place, text, number, &seen).await
}

/// Composes over what was seen before.
///
/// # Errors
/// The store's.
pub async fn prepare_over(
    store: &dyn SecretStore,
    place: &Place,
    text: &str,
    number: u8,
    seen: &Inspection,
) -> Result<Prepared> {
    let document = document_of(place, text);
    Ok(Prepared {
        place: place.clone(),
        payload: store.compose(place, &document, seen).await?,
        base: Base::from(seen),
        mark: mark(number),
    })
}

/// Stages where the store can, and promotes.
///
/// # Errors
/// The store's.
pub async fn send(store: &dyn SecretStore, prepared: &Prepared) -> Result<VersionId> {
    if store.capabilities().stages {
        store.stage(&prepared.write()).await?;
    }
    store.promote(&prepared.write()).await
}

/// Looks, composes and sends, as a rotation does.
///
/// # Errors
/// The store's.
pub async fn publish(
    store: &dyn SecretStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<VersionId> {
    let seen = store.inspect(place).await?;
    publish_over(store, place, text, number, &seen).await
}

/// Composes and sends over what was seen before.
///
/// # Errors
/// The store's.
pub async fn publish_over(
    store: &dyn SecretStore,
    place: &Place,
    text: &str,
    number: u8,
    seen: &Inspection,
) -> Result<VersionId> {
    let prepared = prepare_over(store, place, text, number, seen).await?;
    send(store, &prepared).await
}

/// `done`, or the word for the kind of refusal.
pub fn word<T>(answer: Result<T>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(error) => error.word(),
    }
}
