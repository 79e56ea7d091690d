//! What the tests share: a vault, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Kept, document, mark, place, publish, publish_over, word,
};

use keywheel_provider_azure::{AzureOptions, AzureStore};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::{Azure, CLIENT, SECRET, TENANT};
use serde_json::{Value, json};
use std::path::Path;

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
