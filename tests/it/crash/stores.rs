//! The same sweep with the store of each provider, on a real server or a fake that the vendor's client has checked:
//! nothing is lost, doubled or ended while in use, whatever the store can and cannot do.

use super::sweep;
use super::world::Real;
use std::sync::Arc;

/// One death at each place and each effect lost, forth and back.
async fn sweep(real: Real) {
    let started = std::time::Instant::now();
    let table = sweep::in_store(&real).await;
    println!("{real:?}, {} s\n{table}", started.elapsed().as_secs());
    assert_eq!(table.violations, Vec::<String>::new());
}

#[cfg(feature = "vault")]
#[tokio::test(flavor = "multi_thread")]
async fn in_vault() {
    use keywheel_provider_vault::{VaultOptions, VaultStore};
    use keywheel_test_servers::openbao::OpenBao;

    let Some(server) = OpenBao::in_memory().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), &server.root).unwrap();
    let options: VaultOptions = serde_json::from_value(serde_json::json!({
        "address": server.address,
        "login": { "token": { "file": "token" } },
    }))
    .unwrap();
    let store = VaultStore::new(&options, folder.path()).unwrap();
    sweep(Real {
        name: "vault",
        store: Arc::new(store),
        path: str::to_owned,
    })
    .await;
}
