//! A vault on its bad days: lost answers, refusals, old copies, and what is never shown of any of it.

use crate::rig::{Scene, by_secret, document, mark, of, place, publish, publish_over, word};
use keywheel_contract::{ErrorKind, Found, Inspection, Retired, SecretStore};
use keywheel_test_servers::azure::SECRET;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::logs::Log;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn puts(asked: &Asked<'_>) -> bool {
    asked.head.method == "PUT"
}

fn patches(asked: &Asked<'_>) -> bool {
    asked.head.method == "PATCH"
}

fn reads_newest(asked: &Asked<'_>) -> bool {
    asked.head.method == "GET" && asked.head.uri.path().ends_with('/')
}

async fn found(scene: &Scene, path: &str, seen: &Inspection) -> Found {
    let place = place(path);
    let document = document("example");
    let payload = scene.store.compose(&place, &document, seen).await.unwrap();
    scene.store.find(&place, &mark(1), &payload).await.unwrap()
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_and_not_repeated() {
    let scene = Scene::set().await;
    for (path, fault) in [("lost", Fault::LoseReply), ("cut", Fault::CutBody)] {
        let seen = scene.store.inspect(&place(path)).await.unwrap();
        scene.azure.faults.next(1, fault, puts);
        let lost = publish_over(&scene.store, &place(path), "example", 1, &seen).await;
        assert_eq!(word(lost), "unknown_outcome", "{path}");
        let Found::Current(version) = found(&scene, path, &seen).await else {
            panic!("{path} is not found");
        };
        let again = publish_over(&scene.store, &place(path), "example", 1, &seen).await;
        assert_eq!(again.unwrap(), version);
        assert_eq!(scene.azure.versions(path).len(), 1);
    }
}

#[tokio::test]
async fn a_write_that_never_arrived_is_absent_and_made_once() {
    let scene = Scene::set().await;
    for (path, fault) in [
        ("reset", Fault::Reset),
        ("balancer", Fault::Refuse(503, None)),
    ] {
        let seen = scene.store.inspect(&place(path)).await.unwrap();
        scene.azure.faults.next(1, fault, puts);
        let lost = publish_over(&scene.store, &place(path), "example", 1, &seen).await;
        assert_eq!(word(lost), "unknown_outcome", "{path}");
        assert_eq!(found(&scene, path, &seen).await, Found::Absent);
        let again = publish_over(&scene.store, &place(path), "example", 1, &seen).await;
        assert_eq!(word(again), "done");
        assert_eq!(scene.azure.versions(path).len(), 1);
    }
    // The SDK sent nothing again by itself.
    assert_eq!(scene.azure.faults.met().len(), 2);
}

#[tokio::test]
async fn a_write_that_cannot_be_looked_at_afterwards_is_in_doubt() {
    let scene = Scene::set().await;
    let place = place("a");
    let seen = scene.store.inspect(&place).await.unwrap();
    let written = Arc::new(Mutex::new(false));
    scene
        .azure
        .faults
        .next(1, Fault::Refuse(503, None), move |asked| {
            let mut written = written.lock().unwrap();
            *written |= puts(asked);
            *written && reads_newest(asked)
        });
    let doubtful = publish_over(&scene.store, &place, "example", 1, &seen).await;
    let doubtful = doubtful.unwrap_err();
    assert_eq!(doubtful.word(), "unknown_outcome");
    assert!(doubtful.message.contains("was written"), "{doubtful}");
    assert!(matches!(found(&scene, "a", &seen).await, Found::Current(_)));
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_repeated_without_harm() {
    let scene = Scene::set().await;
    let place = place("a");
    let old = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    publish(&scene.store, &place, "example-2", 2).await.unwrap();
    scene.azure.faults.next(1, Fault::LoseReply, patches);
    assert_eq!(
        word(scene.store.disable(&place, &old).await),
        "unknown_outcome"
    );
    let again = scene.store.disable(&place, &old).await.unwrap();
    assert_eq!(again, Retired::Disabled);
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_vault_says() {
    let scene = Scene::set().await;
    let place = place("a");
    let after = Some(Duration::from_secs(7));
    for rule in [puts, reads_newest] {
        scene
            .azure
            .faults
            .next(1, Fault::Refuse(429, Some(7)), rule);
        let refusal = publish(&scene.store, &place, "example", 1)
            .await
            .unwrap_err();
        assert_eq!(refusal.kind, ErrorKind::Throttled { after });
    }
    assert_eq!(scene.azure.faults.met().len(), 2);
    assert!(scene.azure.versions("a").is_empty());
}

#[tokio::test]
async fn a_read_that_fails_is_tried_later() {
    let scene = Scene::set().await;
    let place = place("a");
    publish(&scene.store, &place, "example", 1).await.unwrap();
    for fault in [
        Fault::Reset,
        Fault::CutBody,
        Fault::LoseReply,
        Fault::Refuse(503, None),
        Fault::Refuse(307, None),
    ] {
        scene.azure.faults.next(1, fault.clone(), reads_newest);
        let answer = scene.store.inspect(&place).await;
        assert_eq!(word(answer), "unavailable", "{fault:?}");
    }
    assert_eq!(word(scene.store.inspect(&place).await), "done");
}

#[tokio::test]
async fn an_old_copy_is_not_taken_for_the_newest_version() {
    let scene = Scene::set().await;
    let place = place("a");
    scene.azure.stop_clock(Some(1_700_000_000));
    publish(&scene.store, &place, "example-1", 1).await.unwrap();
    scene.azure.stop_clock(Some(1_700_000_060));
    let newest = scene
        .azure
        .write("a", &json!({ "value": "{\"TOKEN\":\"example-2\"}" }));
    scene.azure.faults.next(1, Fault::Stale, reads_newest);
    let seen = scene.store.inspect(&place).await.unwrap();
    assert_eq!(seen.current.unwrap().as_str(), newest);
    scene
        .azure
        .write("a", &json!({ "value": "{\"TOKEN\":\"example-3\"}" }));
    scene.azure.stop_clock(Some(1_700_000_120));
    scene
        .azure
        .write("a", &json!({ "value": "{\"TOKEN\":\"example-4\"}" }));
    scene.azure.faults.next(99, Fault::Stale, reads_newest);
    assert_eq!(word(scene.store.inspect(&place).await), "unavailable");
}

#[tokio::test]
async fn an_unknown_authority_is_never_talked_to() {
    let scene = Scene::set().await;
    let options = json!({
        "vault": scene.azure.address, "authority_host": scene.azure.address,
        "login": by_secret(&scene.secret),
    });
    let stranger = of(options);
    assert_eq!(word(stranger.inspect(&place("a")).await), "unavailable");
    assert_eq!(scene.azure.tokens_made(), 0);
}

#[tokio::test]
async fn a_link_that_leads_away_is_not_followed() {
    let scene = Scene::set().await;
    let other = Scene::set().await;
    let link = format!("{}/secrets?api-version=2025-07-01", other.azure.address);
    let refusal = scene.store.discover(Some(&link)).await.unwrap_err();
    assert_eq!(refusal.word(), "unavailable");
    assert!(refusal.message.contains("never followed"), "{refusal}");
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value_or_a_token() {
    let log = Log::of_every_thread();
    let scene = Scene::set().await;
    let place = place("with-a-canary");
    publish(&scene.store, &place, "example-canary", 1)
        .await
        .unwrap();
    let mut shown = String::new();
    for (number, fault) in [
        (2, Fault::Refuse(400, None)),
        (3, Fault::Refuse(403, None)),
        (4, Fault::CutBody),
        (5, Fault::Reset),
    ] {
        scene.azure.faults.next(1, fault, puts);
        let refusal = publish(&scene.store, &place, "example-canary", number).await;
        shown = format!("{shown} {:?}", refusal.unwrap_err());
    }
    scene.secret.replace("example-canary");
    scene.azure.forget_tokens();
    let refusal = scene.store.inspect(&place).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    shown = format!("{shown} {refusal:?} {}", log.text());
    assert!(
        shown.contains("/secrets/with-a-canary"),
        "nothing was logged"
    );
    for secret in ["example-canary", SECRET, "eyJ"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
