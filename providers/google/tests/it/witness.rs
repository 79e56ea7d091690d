//! The vendor's own client, in another language: it judges the fake, and sees what the store left behind.

use crate::rig::{full, id, publish, scene};
use keywheel_contract::{Retired, SecretStore as _};
use keywheel_test_servers::google::Google;
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};

const CLIENT: &[&str] = &["google-cloud-secret-manager==2.32.0"];

/// Runs a script beside the fake, which needs this thread.
async fn script(text: &'static str, arguments: Vec<String>) -> Option<String> {
    let run = move || {
        let packages = Packages::installed(CLIENT)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Some(packages.run(text, &arguments, ""))
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn the_fake_does_what_the_vendor_s_client_expects() {
    let google = Google::start(None).await;
    let address = google.address().to_owned();
    let Some(said) = script(include_str!("scenario.py"), vec![address]).await else {
        return;
    };
    // Every expectation once for global secrets and once for regional ones.
    assert_eq!(said.trim(), "64");
}

#[tokio::test]
async fn another_client_reads_what_was_published_and_what_became_of_the_old() {
    for (alias, selector) in [(true, "current"), (false, "latest")] {
        let (google, store, place) = scene(alias).await;
        publish(&store, &place, "example-2", 1).await.unwrap();
        let disabled = store.disable(&place, &id(1)).await.unwrap();
        let arguments = || {
            [
                google.address().to_owned(),
                full("chat"),
                selector.to_owned(),
            ]
            .to_vec()
        };
        let Some(seen) = script(include_str!("reader.py"), arguments()).await else {
            return;
        };
        let seen: Value = serde_json::from_str(&seen).unwrap();
        let payload: Value = serde_json::from_str(seen["payload"].as_str().unwrap()).unwrap();
        assert_eq!(payload, json!({ "TOKEN": "example-2", "other": [1, 2] }));
        assert_eq!(disabled, Retired::Disabled);
        assert_eq!(seen["states"], json!({ "1": "DISABLED", "2": "ENABLED" }));
        let ended = store.destroy(&place, &id(1)).await.unwrap();
        assert_eq!(ended, Retired::Destroyed);
        let seen = script(include_str!("reader.py"), arguments())
            .await
            .unwrap();
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["states"]["1"], "DESTROYED");
    }
}
