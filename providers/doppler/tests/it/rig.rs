//! What the tests share: a service, stores on it, and writes.

use keywheel_contract::{
    Base, Document, Fields, FingerprintKey, Inspection, Mark, Place, Result, RotationId,
    SecretStore, SecretValue, VersionId, Write,
};
use keywheel_provider_doppler::{DopplerOptions, DopplerStore};
use keywheel_test_servers::doppler::Doppler;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// The config of most tests.
pub(crate) const CONFIG: &str = "backend/prd";

/// A service with one config, and a store with a service token of it that may write.
pub(crate) struct Rig {
    pub(crate) doppler: Doppler,
    pub(crate) store: DopplerStore,
    pub(crate) token: Kept,
}

impl Rig {
    pub(crate) async fn set() -> Self {
        let doppler = Doppler::start(None).await;
        doppler.config(CONFIG, "prd", None);
        let token = Kept::new(&doppler.service_token(CONFIG, "read/write"));
        let store = store(doppler.address(), &token, json!({}));
        Self {
            doppler,
            store,
            token,
        }
    }

    /// Looks, composes and writes, as a rotation does.
    pub(crate) async fn publish(&self, text: &str, number: u8) -> Result<VersionId> {
        publish(&self.store, &place(), text, number).await
    }
}

/// A store at that address; `more` are further options.
pub(crate) fn store(address: &str, token: &Kept, more: Value) -> DopplerStore {
    let mut options = json!({ "address": address, "token": token.reference() });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    let options: DopplerOptions = serde_json::from_value(options).unwrap();
    let key = SecretValue::new(vec![7; 32]);
    let key = Arc::new(FingerprintKey::new(&key));
    DopplerStore::new(&options, Path::new("/nonexistent"), key).unwrap()
}

/// A file with a token, and the reference to it.
pub(crate) struct Kept(tempfile::NamedTempFile);

impl Kept {
    pub(crate) fn new(text: &str) -> Self {
        let kept = Self(tempfile::NamedTempFile::new().unwrap());
        kept.replace(text);
        kept
    }

    pub(crate) fn replace(&self, text: &str) {
        std::fs::write(self.0.path(), format!("{text}\n")).unwrap();
    }

    fn reference(&self) -> Value {
        json!({ "file": self.0.path() })
    }
}

pub(crate) fn place() -> Place {
    place_of(CONFIG, &["TOKEN"])
}

pub(crate) fn place_of(path: &str, fields: &[&str]) -> Place {
    Place {
        path: path.to_owned(),
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        selector: None,
    }
}

pub(crate) fn mark(number: u8) -> Mark {
    Mark {
        rotation: RotationId::new(format!("example-{number}")),
        token: format!("{number:064x}").chars().rev().collect(),
    }
}

/// The same text in every field.
pub(crate) fn document(place: &Place, text: &str) -> Document {
    let field = |name: &String| (name.clone(), SecretValue::from(text.to_owned()));
    Document::Fields(place.fields.iter().map(field).collect::<Fields>())
}

pub(crate) async fn publish(
    store: &DopplerStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<VersionId> {
    let seen = store.inspect(place).await?;
    publish_over(store, place, text, number, &seen).await
}

pub(crate) async fn publish_over(
    store: &DopplerStore,
    place: &Place,
    text: &str,
    number: u8,
    seen: &Inspection,
) -> Result<VersionId> {
    let payload = payload(store, place, text).await?;
    let write = Write {
        place,
        payload: &payload,
        base: &Base::from(seen),
        mark: &mark(number),
    };
    store.promote(&write).await
}

pub(crate) async fn payload(
    store: &DopplerStore,
    place: &Place,
    text: &str,
) -> Result<SecretValue> {
    let seen = Inspection::default();
    store.compose(place, &document(place, text), &seen).await
}

/// What became of the write with that text and number.
pub(crate) async fn find(
    store: &DopplerStore,
    text: &str,
    number: u8,
) -> Result<keywheel_contract::Found> {
    let payload = payload(store, &place(), text).await?;
    store.find(&place(), &mark(number), &payload).await
}

pub(crate) fn word<T>(answer: Result<T>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(error) => error.word(),
    }
}
