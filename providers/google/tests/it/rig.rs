//! What the tests share: a service, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Prepared, document, mark, place, prepare, prepare_over, publish, send, word,
};

use keywheel_contract::{Place, VersionId};
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

pub(crate) fn id(number: u64) -> VersionId {
    VersionId::new(number.to_string())
}
