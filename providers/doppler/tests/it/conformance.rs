//! The conformance suite of the contract, with the token of the manual's policy and no other right.

use crate::rig::{Kept, store};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_provider_doppler::DopplerStore;
use keywheel_test_servers::doppler::Doppler;
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    doppler: Doppler,
    store: DopplerStore,
    used: AtomicU32,
}

const CONFIG: &str = "backend/prd";

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    /// Places of the suite are secrets of one config, so that each case meets the others' as other people's.
    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        Place {
            path: CONFIG.to_owned(),
            fields: vec![format!("TOKEN_{number}"), format!("_USER_{number}")],
            selector: None,
        }
    }

    async fn plant_foreign(&self, _place: &Place) -> bool {
        self.doppler.put(CONFIG, "FOREIGN", "${OTHER} \"example\"");
        true
    }

    async fn foreign_kept(&self, _place: &Place) -> bool {
        let kept = self.doppler.raw(CONFIG, "FOREIGN");
        kept.as_deref() == Some("${OTHER} \"example\"")
    }
}

#[tokio::test]
async fn a_service_token_that_writes_suffices_for_every_case() {
    let doppler = Doppler::start(None).await;
    doppler.config(CONFIG, "prd", None);
    let token = Kept::new(&doppler.service_token(CONFIG, "read/write"));
    let places = Places {
        store: store(doppler.address(), &token, json!({})),
        doppler,
        used: AtomicU32::new(0),
    };
    let report = suite(&places).await;
    keywheel_test_servers::counts::suite(&report);
    // Staging, older versions (found superseded, read, listed) and ending a version do not apply.
    assert_eq!((report.failed(), report.passed()), (0, 12), "{report}");
}
