//! What the tests share: a server, stores on it, and writes.

use keywheel_contract::{
    Base, Document, Fields, Inspection, Mark, Place, Result, RotationId, SecretStore, SecretValue,
    VersionId, Write,
};
use keywheel_provider_vault::{VaultOptions, VaultStore};
use keywheel_test_servers::openbao::OpenBao;
use serde_json::{Value, json};
use std::path::Path;

/// The policy of the manual, word for word.
pub(crate) const POLICY: &str = include_str!("../../policy.hcl");

pub(crate) async fn in_memory() -> Option<OpenBao> {
    OpenBao::in_memory().await
}

pub(crate) async fn lasting() -> Option<OpenBao> {
    OpenBao::lasting().await
}

/// A store at that address; `more` are further options.
pub(crate) fn store(address: &str, login: Value, more: Value) -> VaultStore {
    let mut options = json!({ "address": address, "login": login });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    let options: VaultOptions = serde_json::from_value(options).unwrap();
    VaultStore::new(&options, Path::new("/nonexistent")).unwrap()
}

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

/// A store as root.
pub(crate) fn rooted(server: &OpenBao) -> (VaultStore, Kept) {
    let token = Kept::new(&server.root);
    let login = json!({ "token": token.reference() });
    (store(&server.address, login, json!({})), token)
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

/// Looks, composes and writes, as a rotation does.
pub(crate) async fn publish(
    store: &VaultStore,
    place: &Place,
    text: &str,
    number: u8,
) -> Result<VersionId> {
    let seen = store.inspect(place).await?;
    publish_over(store, place, text, number, &seen).await
}

pub(crate) async fn publish_over(
    store: &VaultStore,
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
