//! The conformance suite of the contract, with the rights of the manual's policy and no others.

use crate::rig::{Kept, POLICY, in_memory, store};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_provider_vault::VaultStore;
use keywheel_test_servers::openbao::OpenBao;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    server: OpenBao,
    store: VaultStore,
    used: AtomicU32,
}

/// Other people's content: more than text, so that it must be kept as it is.
fn theirs() -> Value {
    json!({ "other": "example <&>", "deep": { "list": [1, 2.5, null, true] } })
}

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        Place {
            path: format!("production/place {number}"),
            fields: vec!["TOKEN".to_owned(), "user.name".to_owned()],
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        let path = format!("secret/data/{}", place.path);
        self.server.post(&path, json!({ "data": theirs() })).await;
        true
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let read = self
            .server
            .get(&format!("secret/data/{}", place.path))
            .await;
        let theirs = theirs();
        let mut each = theirs.as_object().unwrap().iter();
        each.all(|(name, value)| read["data"][name] == *value)
    }
}

#[tokio::test]
async fn the_policy_of_the_manual_suffices_for_every_case() {
    let Some(server) = in_memory().await else {
        return;
    };
    let token = Kept::new(&server.token(POLICY, "1h").await);
    let login = json!({ "token": token.reference() });
    let places = Places {
        store: store(&server.address, login, json!({})),
        server,
        used: AtomicU32::new(0),
    };
    let report = suite(&places).await;
    keywheel_test_servers::counts::suite(&report);
    // Staging is the one case that does not apply.
    assert_eq!((report.failed(), report.passed()), (0, 17), "{report}");
}
