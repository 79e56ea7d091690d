//! What the tests share: a service, stores on it, and writes.

use keywheel_contract::{
    Base, Document, Fields, Inspection, Mark, Place, Result, RotationId, SecretStore, SecretValue,
    VersionId, Write,
};
use keywheel_provider_google::{GoogleOptions, GoogleStore};
use keywheel_test_servers::google::Google;
use serde_json::{Value, json};
use std::path::Path;

/// The permissions of the manual's role, and no others.
pub(crate) fn role() -> Vec<&'static str> {
    let role = include_str!("../../role.yaml");
    role.lines()
        .filter_map(|line| line.strip_prefix("- "))
        .collect()
}

pub(crate) fn full(path: &str) -> String {
    format!("projects/example/secrets/{path}")
}

/// A store on a service of this machine; `more` are further options.
pub(crate) fn store(google: &Google, more: Value) -> GoogleStore {
    at(google.address(), more)
}

pub(crate) fn at(address: &str, more: Value) -> GoogleStore {
    let mut options = json!({ "project": "example", "endpoint": address });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    let options: GoogleOptions = serde_json::from_value(options).unwrap();
    GoogleStore::new(&options, Path::new("/nonexistent")).unwrap()
}

/// A service with one secret in which `TOKEN` is `example-1`, and a store on it: by the alias `current`, or `latest`.
pub(crate) async fn scene(alias: bool) -> (Google, GoogleStore, Place) {
    let google = Google::start(None).await;
    google.create(&full("chat"), &json!({ "labels": { "team": "chat" } }));
    google.add(&full("chat"), r#"{"TOKEN":"example-1","other":[1,2]}"#);
    let selector = if alias { "current" } else { "latest" };
    if alias {
        google.point(&full("chat"), "current", 1);
    }
    let store = store(&google, json!({ "selector": selector }));
    (google, store, place("chat"))
}

pub(crate) fn place(path: &str) -> Place {
    Place {
        path: path.to_owned(),
        fields: vec!["TOKEN".to_owned()],
        selector: None,
    }
}

pub(crate) fn mark(number: u8) -> Mark {
    Mark {
        rotation: RotationId::new(format!("example-{number}")),
        token: format!("{number:064x}").chars().rev().collect(),
    }
}

pub(crate) fn document(text: &str) -> Document {
    let field = ("TOKEN".to_owned(), SecretValue::from(text.to_owned()));
    Document::Fields([field].into_iter().collect::<Fields>())
}

pub(crate) fn id(number: u64) -> VersionId {
    VersionId::new(number.to_string())
}

/// One write that can be sent in parts and again.
pub(crate) struct Prepared {
    pub(crate) place: Place,
    pub(crate) payload: SecretValue,
    pub(crate) base: Base,
    pub(crate) mark: Mark,
}

impl Prepared {
    pub(crate) fn write(&self) -> Write<'_> {
        Write {
            place: &self.place,
            payload: &self.payload,
            base: &self.base,
            mark: &self.mark,
        }
    }
}

/// Looks and composes, as a rotation does.
pub(crate) async fn prepare(
    store: &GoogleStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<Prepared> {
    let seen = store.inspect(place).await?;
    prepare_over(store, place, text, number, &seen).await
}

pub(crate) async fn prepare_over(
    store: &GoogleStore,
    place: &Place,
    text: &str,
    number: u8,
    seen: &Inspection,
) -> Result<Prepared> {
    Ok(Prepared {
        place: place.clone(),
        payload: store.compose(place, &document(text), seen).await?,
        base: Base::from(seen),
        mark: mark(number),
    })
}

/// Stages where the store can, and promotes.
pub(crate) async fn send(store: &GoogleStore, prepared: &Prepared) -> Result<VersionId> {
    if store.capabilities().stages {
        store.stage(&prepared.write()).await?;
    }
    store.promote(&prepared.write()).await
}

pub(crate) async fn publish(
    store: &GoogleStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<VersionId> {
    let prepared = prepare(store, place, text, number).await?;
    send(store, &prepared).await
}

pub(crate) fn word<T>(answer: Result<T>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(error) => error.word(),
    }
}
