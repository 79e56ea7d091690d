//! The same sweep with the store of each vendor: nothing is lost, doubled or ended while in use, whatever the store can
//! and cannot do.

use super::sweep;
use super::world::Real;
use crate::project::show;
use crate::servers::vendors;
use keywheel_contract::{FingerprintKey, SecretValue};
use keywheel_provider_kubernetes::KubernetesStore;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::kubernetes::Kubernetes;
use keywheel_test_servers::writes::Kept;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// What a run needs that makes a Secret of its own.
const ROLE: &str = r#"
kind: Role
metadata:
  namespace: orders
rules:
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get", "patch", "create"]
"#;

/// One death at each place and each effect lost, forth and back.
async fn sweep(name: &'static str) {
    let Some(vendor) = vendors::start(name).await else {
        return;
    };
    sweep_in(Real {
        name,
        store: vendor.store(),
        place: Arc::clone(&vendor.place),
    })
    .await;
}

async fn sweep_in(real: Real) {
    let started = std::time::Instant::now();
    let table = sweep::in_store(&real).await;
    let (name, seconds) = (real.name, started.elapsed().as_secs());
    println!("{name}, {seconds} s\n{table}");
    show(format!(
        "crash sweep with {name}: {}, {seconds} s",
        table.counts()
    ));
    assert_eq!(table.violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_in_any_store() {
    for name in vendors::NAMES {
        sweep(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_in_a_cluster() {
    let authority = Authority::make();
    let cluster = Kubernetes::start(&authority, &["orders"]).await;
    let token = Kept::new(&cluster.service_account(ROLE));
    let options = json!({
        "address": cluster.address(), "ca_file": authority.ca_file(), "token": token.reference(),
    });
    let options = serde_json::from_value(options).unwrap();
    let key = Arc::new(FingerprintKey::new(&SecretValue::new(vec![7; 32])));
    let store = KubernetesStore::new(&options, Path::new("/nonexistent"), key).unwrap();
    sweep_in(Real {
        name: "kubernetes",
        store: Arc::new(store),
        place: Arc::new(|name| format!("orders/{name}")),
    })
    .await;
}
