//! What the tests share: a cluster, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Kept, document_of, place_of, publish, publish_over, word,
};

use keywheel_contract::{
    FingerprintKey, Found, Inspection, Place, Result, SecretStore as _, SecretValue, VersionId,
};
use keywheel_provider_kubernetes::{KubernetesOptions, KubernetesStore};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::kubernetes::Kubernetes;
use keywheel_test_servers::writes::mark;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The Secret of most tests.
pub(crate) const DB: &str = "orders/db";

/// The smallest rights that suffice for [`DB`], also where it does not exist yet: as the manual has them.
pub(crate) const ROLE: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: keywheel
  namespace: orders
rules:
- apiGroups: [""]
  resources: ["secrets"]
  resourceNames: ["db"]
  verbs: ["get", "patch"]
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["create"]
"#;

/// A cluster with the namespace `orders`, and a store with a token of the manual's Role and no other right.
pub(crate) struct Rig {
    pub(crate) authority: Authority,
    pub(crate) cluster: Kubernetes,
    pub(crate) store: KubernetesStore,
    pub(crate) token: Kept,
}

impl Rig {
    pub(crate) async fn set() -> Self {
        let authority = Authority::make();
        let cluster = Kubernetes::start(&authority, &["orders"]).await;
        let token = Kept::new(&cluster.service_account(ROLE));
        let store = store(cluster.address(), &authority, &token);
        Self {
            authority,
            cluster,
            store,
            token,
        }
    }

    /// Writes to the Secret, as a rotation does.
    pub(crate) async fn publish(&self, text: &str, number: u8) -> Result<VersionId> {
        publish(&self.store, &place(), text, number).await
    }

    /// The text that consumers get.
    pub(crate) fn value(&self, key: &str) -> String {
        self.cluster.value(DB, key).unwrap()
    }
}

/// A store at that address.
pub(crate) fn store(address: &str, authority: &Authority, token: &Kept) -> KubernetesStore {
    let options =
        json!({ "address": address, "ca_file": authority.ca_file(), "token": token.reference() });
    opened(serde_json::from_value(options).unwrap()).unwrap()
}

pub(crate) fn opened(options: KubernetesOptions) -> Result<KubernetesStore> {
    let key = SecretValue::new(vec![7; 32]);
    let key = Arc::new(FingerprintKey::new(&key));
    KubernetesStore::new(&options, Path::new("/nonexistent"), key)
}

pub(crate) fn place() -> Place {
    place_of(DB, &["TOKEN"])
}

/// What became of the write with that text and number.
pub(crate) async fn find(store: &KubernetesStore, text: &str, number: u8) -> Result<Found> {
    let document = document_of(&place(), text);
    let payload = store
        .compose(&place(), &document, &Inspection::default())
        .await?;
    store.find(&place(), &mark(number), &payload).await
}
