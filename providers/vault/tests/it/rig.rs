//! What the tests share: a server, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Kept, document, mark, place, publish, publish_over, word,
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

/// A store as root.
pub(crate) fn rooted(server: &OpenBao) -> (VaultStore, Kept) {
    let token = Kept::new(&server.root);
    let login = json!({ "token": token.reference() });
    (store(&server.address, login, json!({})), token)
}
