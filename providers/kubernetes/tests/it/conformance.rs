//! The conformance suite of the contract, with the rights of the manual's Role and no other.

use crate::rig::{Kept, store};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_provider_kubernetes::KubernetesStore;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::kubernetes::Kubernetes;
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    cluster: Kubernetes,
    store: KubernetesStore,
    used: AtomicU32,
    /// Whether all places are keys of one Secret, so that each case meets the others' as other people's.
    shared: bool,
}

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        let name = if self.shared { 0 } else { number };
        Place {
            path: format!("orders/db-{name}"),
            fields: vec![format!("TOKEN_{number}"), format!("user.{number}")],
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        self.cluster
            .edit(&place.path, "FOREIGN", "example $x", "kubectl-create");
        true
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let kept = self.cluster.value(&place.path, "FOREIGN");
        kept.as_deref() == Some("example $x")
    }
}

/// The manual's Role, without names: the suite makes up places as it goes.
const ROLE: &str = r#"
kind: Role
metadata:
  namespace: orders
rules:
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get", "patch", "create"]
"#;

async fn passes(shared: bool) {
    let authority = Authority::make();
    let cluster = Kubernetes::start(&authority, &["orders"]).await;
    let token = Kept::new(&cluster.service_account(ROLE));
    let places = Places {
        store: store(cluster.address(), &authority, &token),
        cluster,
        used: AtomicU32::new(0),
        shared,
    };
    let report = suite(&places).await;
    keywheel_test_servers::counts::suite(&report);
    // Staging, older versions (found superseded, read, listed) and disabling do not apply.
    assert_eq!((report.failed(), report.passed()), (0, 13), "{report}");
}

#[tokio::test]
async fn get_patch_and_create_suffice_for_every_case() {
    passes(false).await;
}

#[tokio::test]
async fn entries_that_share_a_secret_do_not_touch_each_other_s_keys() {
    passes(true).await;
}
