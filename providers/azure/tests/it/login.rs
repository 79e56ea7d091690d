//! Who we are: references that are read at each login, and what Entra refuses.

use crate::rig::{Kept, Scene, by_secret, place, publish, store, word};
use keywheel_contract::SecretStore;
use keywheel_test_servers::azure::{CLIENT, FEDERATED, SECRET, TENANT};
use keywheel_test_servers::faults::Fault;
use serde_json::json;

#[tokio::test]
async fn a_federated_token_logs_in_and_is_read_at_each_login() {
    let scene = Scene::set().await;
    let token = Kept::new("example-of-yesterday");
    let login = json!({ "workload_identity": {
        "tenant": TENANT, "client_id": CLIENT, "token": token.reference(),
    } });
    let store = store(&scene.azure, &scene.authority, login);
    let refusal = store.inspect(&place("a")).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    assert!(refusal.message.contains("AADSTS700211"), "{refusal}");
    assert!(!refusal.message.contains("yesterday"), "{refusal}");
    token.replace(FEDERATED);
    assert_eq!(word(store.inspect(&place("a")).await), "done");
}

#[tokio::test]
async fn a_client_secret_that_was_replaced_is_picked_up() {
    let scene = Scene::set().await;
    scene.secret.replace("example-expired");
    let refusal = scene.store.inspect(&place("a")).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    assert!(refusal.message.contains("AADSTS7000215"), "{refusal}");
    assert!(!refusal.message.contains("example-expired"), "{refusal}");
    scene.secret.replace(SECRET);
    assert_eq!(word(scene.store.inspect(&place("a")).await), "done");
}

#[tokio::test]
async fn an_unknown_tenant_or_application_is_denied() {
    let scene = Scene::set().await;
    for (tenant, client) in [("other", CLIENT), (TENANT, "other")] {
        let login = json!({ "client_secret": {
            "tenant": tenant, "client_id": client, "secret": scene.secret.reference(),
        } });
        let store = store(&scene.azure, &scene.authority, login);
        assert_eq!(
            word(store.inspect(&place("a")).await),
            "denied",
            "{tenant} {client}"
        );
    }
}

#[tokio::test]
async fn a_credential_that_is_not_there_is_told_by_its_place() {
    let scene = Scene::set().await;
    let login = json!({ "client_secret": {
        "tenant": TENANT, "client_id": CLIENT, "secret": { "file": "no-such-file" },
    } });
    let store = store(&scene.azure, &scene.authority, login);
    let refusal = store.inspect(&place("a")).await.unwrap_err();
    assert_eq!(refusal.word(), "unavailable");
    assert!(refusal.message.contains("no-such-file"), "{refusal}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_and_the_write_is_made_once() {
    let scene = Scene::set().await;
    publish(&scene.store, &place("a"), "example-1", 1)
        .await
        .unwrap();
    assert_eq!(scene.azure.tokens_made(), 1);
    scene.azure.forget_tokens();
    publish(&scene.store, &place("a"), "example-2", 2)
        .await
        .unwrap();
    assert_eq!(scene.azure.tokens_made(), 2);
    assert_eq!(scene.azure.versions("a").len(), 2);
}

#[tokio::test]
async fn an_entra_that_is_away_or_busy_is_waited_for() {
    let scene = Scene::set().await;
    for (fault, expected) in [
        (Fault::Refuse(503, None), "unavailable"),
        (Fault::Refuse(429, Some(3)), "throttled"),
        (Fault::Reset, "unavailable"),
    ] {
        let store = store(&scene.azure, &scene.authority, by_secret(&scene.secret));
        let asks =
            |asked: &keywheel_test_servers::faults::Asked<'_>| asked.path().contains("oauth2");
        scene.azure.faults.next(1, fault.clone(), asks);
        assert_eq!(
            word(store.inspect(&place("a")).await),
            expected,
            "{fault:?}"
        );
        assert_eq!(word(store.inspect(&place("a")).await), "done");
    }
}
