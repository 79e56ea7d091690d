//! What the tests share: a vault, stores on it, and writes.

use keywheel_contract::{
    Base, Document, Fields, Inspection, Mark, Place, Result, RotationId, SecretStore, SecretValue,
    VersionId, Write,
};
use keywheel_provider_azure::{AzureOptions, AzureStore};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::{Azure, CLIENT, SECRET, TENANT};
use serde_json::{Value, json};
use std::path::Path;

/// A file with a credential, and the reference to it.
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

    pub(crate) fn reference(&self) -> Value {
        json!({ "file": self.0.path() })
    }
}

/// An empty vault, and a store that may do everything there.
pub(crate) struct Scene {
    pub(crate) authority: Authority,
    pub(crate) azure: Azure,
    pub(crate) store: AzureStore,
    pub(crate) secret: Kept,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let authority = Authority::make();
        let azure = Azure::start(&authority).await;
        let secret = Kept::new(SECRET);
        let store = store(&azure, &authority, by_secret(&secret));
        Self {
            authority,
            azure,
            store,
            secret,
        }
    }
}

pub(crate) fn by_secret(secret: &Kept) -> Value {
    json!({ "client_secret": { "tenant": TENANT, "client_id": CLIENT, "secret": secret.reference() } })
}

pub(crate) fn store(azure: &Azure, authority: &Authority, login: Value) -> AzureStore {
    let options = json!({
        "vault": azure.address, "authority_host": azure.address, "login": login,
        "ca_file": authority.ca_file(),
    });
    of(options)
}

pub(crate) fn of(options: Value) -> AzureStore {
    let options: AzureOptions = serde_json::from_value(options).unwrap();
    AzureStore::new(&options, Path::new("/nonexistent")).unwrap()
}

/// A secret of which one field is ours.
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

/// Looks, composes and writes, as a rotation does.
pub(crate) async fn publish(
    store: &AzureStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<VersionId> {
    let seen = store.inspect(place).await?;
    publish_over(store, place, text, number, &seen).await
}

pub(crate) async fn publish_over(
    store: &AzureStore,
    place: &Place,
    text: &str,
    number: u8,
    seen: &Inspection,
) -> Result<VersionId> {
    let payload = store.compose(place, &document(text), seen).await?;
    let write = Write {
        place,
        payload: &payload,
        base: &Base::from(seen),
        mark: &mark(number),
    };
    store.promote(&write).await
}

pub(crate) fn word<T>(answer: Result<T>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(error) => error.word(),
    }
}
