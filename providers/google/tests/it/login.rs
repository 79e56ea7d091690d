//! Who we are: a key file, a workload identity, missing rights, and what is never shown.

use crate::rig::{at, full, place, prepare, publish, role, scene, send, store, word};
use aws_lc_rs::encoding::AsDer as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::SecretStore as _;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::google::Google;
use keywheel_test_servers::logs::Log;
use serde_json::json;
use std::process::Command;

/// The key file of a service account that signs for itself.
pub(crate) fn service_account() -> String {
    let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
    json!({
        "type": "service_account", "client_email": "keywheel@example.iam.gserviceaccount.com",
        "private_key_id": "example", "private_key": pem, "project_id": "example",
    })
    .to_string()
}

/// Trust in an authority comes from the environment of the process: this test runs again as one that has it.
const INNER: &str = "KEYWHEEL_TEST_TRUSTS";

#[tokio::test]
async fn a_key_file_is_used_over_tls_and_a_replaced_one_picked_up() {
    if let Ok(address) = std::env::var(INNER) {
        return with_key_files(&address).await;
    }
    let authority = Authority::make();
    let google = Google::start(Some(&authority)).await;
    google.create(&full("chat"), &json!({}));
    google.add(&full("chat"), r#"{"TOKEN":"example-1"}"#);
    let inner = std::env::current_exe().unwrap();
    let name = "login::a_key_file_is_used_over_tls_and_a_replaced_one_picked_up";
    let address = google.address().to_owned();
    let done = tokio::task::spawn_blocking(move || {
        Command::new(inner)
            .args(["--exact", name, "--nocapture"])
            .env(INNER, address)
            .env("SSL_CERT_FILE", authority.ca_file())
            .output()
            .unwrap()
    });
    let done = done.await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let also = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}{also}");
    let mut bearers: Vec<String> = google.calls().into_iter().map(|call| call.2).collect();
    assert!(
        bearers.iter().all(|bearer| bearer.starts_with("Bearer ey")),
        "{bearers:?}"
    );
    bearers.dedup();
    assert_eq!(bearers.len(), 2, "one token for each key");
}

async fn with_key_files(address: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    std::fs::write(&file, service_account()).unwrap();
    let store = at(address, json!({ "credentials": { "file": file } }));
    assert_eq!(word(store.inspect(&place("chat")).await), "done");
    std::fs::write(&file, service_account()).unwrap();
    assert_eq!(
        word(publish(&store, &place("chat"), "example-2", 1).await),
        "done"
    );
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(word(store.inspect(&place("chat")).await), "invalid");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(word(store.inspect(&place("chat")).await), "unavailable");
}

#[tokio::test]
async fn credentials_that_the_service_does_not_take_are_denied() {
    let (google, store, place) = scene(true).await;
    google.accept_tokens(&["example"]);
    let refusal = store.inspect(&place).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    assert!(refusal.message.contains("credentials"), "{refusal}");
}

#[tokio::test]
async fn each_missing_permission_is_denied_and_named_by_the_examination() {
    let (google, store, place) = scene(true).await;
    let all = role();
    google.grant(&all);
    let seen = store.examine(std::slice::from_ref(&place)).await;
    let about = |about: &str| {
        let found = seen.findings.iter().find(|f| f.about == about);
        found.unwrap_or_else(|| panic!("{about}: {seen:?}")).clone()
    };
    assert_eq!(about("permission all: chat").detail, "granted");
    assert_eq!(about("identity").detail, "anonymous");
    assert!(
        about("clock").detail.contains("s apart"),
        "{:?}",
        about("clock")
    );
    assert_eq!(about("reachable: chat").detail, "shows version 1");
    assert!(
        about("headroom: chat")
            .detail
            .starts_with("1 of 50 aliases")
    );
    let policy = seen.policy.unwrap();
    assert!(
        policy.contains("add-iam-policy-binding chat --project=example"),
        "{policy}"
    );
    assert!(all.iter().all(|one| policy.contains(one)), "{policy}");
    for (number, missing) in (1..).zip(&all) {
        let rest: Vec<&str> = all.iter().copied().filter(|one| one != missing).collect();
        google.grant(&rest);
        let seen = store.examine(std::slice::from_ref(&place)).await;
        let expected = format!("permission {missing}: chat");
        assert!(
            seen.findings.iter().any(|f| f.about == expected),
            "{seen:?}"
        );
        let mut words = Vec::new();
        let written = publish(&store, &place, &format!("example-new-{number}"), number).await;
        words.push(word(written));
        let old = store.list(&place).await.unwrap_or_default();
        let old = old.iter().find(|version| !version.current);
        if let Some(old) = old {
            words.push(word(store.disable(&place, &old.id).await));
            words.push(word(store.enable(&place, &old.id).await));
            words.push(word(store.destroy(&place, &old.id).await));
        }
        google.grant(&all);
        words.push(word(
            publish(&store, &place, &format!("example-{number}"), 100 + number).await,
        ));
        assert!(words.contains(&"denied"), "{missing}: {words:?}");
    }
}

#[tokio::test]
async fn a_secret_that_was_deleted_is_not_found() {
    let (google, store, place) = scene(true).await;
    let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
    google.remove(&full("chat"));
    assert_eq!(word(store.inspect(&place).await), "not_found");
    assert_eq!(word(send(&store, &prepared).await), "not_found");
    assert_eq!(
        word(store.read(&place, &crate::rig::id(1)).await),
        "not_found"
    );
}

#[tokio::test]
async fn everything_is_found_page_by_page_without_values() {
    let google = Google::start(None).await;
    for number in 0..250 {
        let name = full(&format!("s-{number:03}"));
        google.create(&name, &json!({ "labels": { "team": "chat" } }));
    }
    let store = store(&google, json!({}));
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.discover(after.as_deref()).await.unwrap();
        found.extend(page.entries);
        (after, pages) = (page.next, pages + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), pages), (250, 3));
    assert_eq!(found[249].path, "s-249");
    assert_eq!(found[0].tags["team"], "chat");
    assert!(
        google
            .calls()
            .iter()
            .all(|call| !call.1.contains(":access"))
    );
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value() {
    let (google, store, place) = scene(true).await;
    let log = Log::of_every_thread();
    publish(&store, &place, "example-canary", 1).await.unwrap();
    let mut prepared = prepare(&store, &place, "example-canary-2", 2)
        .await
        .unwrap();
    prepared.base.version = None;
    let mut shown = String::new();
    for refusal in [
        store.stage(&prepared.write()).await.unwrap_err(),
        store.promote(&prepared.write()).await.unwrap_err(),
        publish(
            &store,
            &place,
            &format!("example-canary{}", "x".repeat(65_536)),
            3,
        )
        .await
        .unwrap_err(),
    ] {
        shown.push_str(&format!("{refusal} {refusal:?}\n"));
    }
    let number = google.add(&full("chat"), "example-canary that is no document");
    google.point(&full("chat"), "current", number);
    let refusal = store
        .read(&place, &crate::rig::id(number))
        .await
        .err()
        .unwrap();
    shown.push_str(&format!("{refusal} {refusal:?}\n{}", log.text()));
    let encoded = STANDARD.encode("example-canary");
    assert!(log.text().contains("127.0.0.1"), "nothing was logged");
    let encoded = encoded.trim_end_matches('=');
    assert!(
        !shown.contains("example-canary") && !shown.contains(encoded),
        "{shown}"
    );
}

/// Google's own logging prints payloads: a process that turns it on is refused. It runs as one that does.
#[tokio::test]
async fn the_client_s_own_logging_is_refused() {
    const LOGGING: &str = "GOOGLE_CLOUD_RUST_LOGGING";
    if std::env::var_os(LOGGING).is_some() {
        let (_google, store, place) = scene(true).await;
        let refusal = store.inspect(&place).await.unwrap_err();
        assert!(refusal.message.contains("unset it"), "{refusal}");
        return;
    }
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "login::the_client_s_own_logging_is_refused"])
        .env(LOGGING, "true")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
}
