//! The conformance suite of the contract, on both emulators.

use crate::rig::{Ours, Witness};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_test_servers::aws::Emulator;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    ours: Ours,
    witness: Witness,
    fields: Vec<String>,
    used: AtomicU32,
}

/// Other people's content: more than text, so that it must be kept as it is.
fn theirs() -> Value {
    json!({ "other": "example <&>", "deep": { "list": [1, 2.5, null, true] } })
}

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.ours.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        Place {
            path: format!("production/place{number}"),
            fields: self.fields.clone(),
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        self.witness.creates(&place.path, &theirs().to_string());
        !self.fields.is_empty()
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let text = self.witness.value(&place.path, "AWSCURRENT");
        let read: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        let theirs = theirs();
        let mut each = theirs.as_object().unwrap().iter();
        each.all(|(name, value)| read[name] == *value)
    }
}

async fn passes(emulator: Option<Emulator>, fields: &[&str], passed: usize) {
    let Some(emulator) = emulator else { return };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let places = Places {
        ours: Ours::at(&emulator.address, json!({})),
        witness,
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        used: AtomicU32::new(0),
    };
    let report = suite(&places).await;
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, passed), "{report}");
}

// A version cannot be disabled; a whole value leaves no room for other people's content.

#[tokio::test]
async fn every_case_that_applies_passes_on_roto() {
    passes(Emulator::roto().await, &["TOKEN", "user.name"], 17).await;
}

#[tokio::test]
async fn a_whole_value_passes_on_roto() {
    passes(Emulator::roto().await, &[], 16).await;
}

#[tokio::test]
async fn every_case_that_applies_passes_on_moto() {
    passes(Emulator::moto().await, &["TOKEN", "user.name"], 17).await;
}
