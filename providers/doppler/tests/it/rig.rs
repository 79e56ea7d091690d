//! What the tests share: a service, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Kept, document_of, place_of, publish, publish_over, word,
};

use keywheel_contract::{
    FingerprintKey, Found, Inspection, Place, Result, SecretStore as _, SecretValue, VersionId,
};
use keywheel_provider_doppler::{DopplerOptions, DopplerStore};
use keywheel_test_servers::doppler::Doppler;
use keywheel_test_servers::writes::mark;
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

    /// Writes to the config, as a rotation does.
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

pub(crate) fn place() -> Place {
    place_of(CONFIG, &["TOKEN"])
}

pub(crate) async fn payload(
    store: &DopplerStore,
    place: &Place,
    text: &str,
) -> Result<SecretValue> {
    let seen = Inspection::default();
    store.compose(place, &document_of(place, text), &seen).await
}

/// What became of the write with that text and number.
pub(crate) async fn find(store: &DopplerStore, text: &str, number: u8) -> Result<Found> {
    let payload = payload(store, &place(), text).await?;
    store.find(&place(), &mark(number), &payload).await
}
