//! What goes wrong with the file or its address, and what is said of it.

use crate::rig::Rig;
use axum::Router;
use axum::routing::get;
use keywheel_contract::{Issuer as _, Liveness};
use keywheel_test_servers::serve::serve;

#[tokio::test]
async fn a_web_server_that_serves_another_set_is_told() {
    let rig = Rig::new("ES256").await;
    let other = serve(
        Router::new().route("/", get(|| async { "{\"keys\":[]}" })),
        None,
    )
    .await;
    let issuer = rig.at(&other.address);
    let new = rig.renewed().await;
    rig.in_force().await;
    let error = issuer.test(&new).await.unwrap_err();
    assert_eq!(error.word(), "unavailable");
    assert!(
        error.message.contains("does not show what stands in"),
        "{error}"
    );
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn an_address_without_a_set_is_told_before_anything_changes() {
    let rig = Rig::new("ES256").await;
    let page = serve(Router::new().route("/", get(|| async { "<html>" })), None).await;
    let elsewhere = format!("{}/nothing", page.address);
    for (url, said) in [
        (page.address.as_str(), "not a JSON object"),
        (&elsewhere, "answers 404"),
        ("http://127.0.0.1:1", "cannot be connected to"),
    ] {
        let error = rig.at(url).propose(None).await.err().unwrap();
        assert!(
            error.word() == "unavailable" && error.message.contains(said),
            "{error}"
        );
    }
    assert_eq!(rig.set(), "{\"keys\": []}");
}

#[tokio::test]
async fn a_file_that_is_no_set_or_is_not_there_is_left_as_it_is() {
    let rig = Rig::new("ES256").await;
    std::fs::write(rig.file(), "{\"kyes\": []}").unwrap();
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert!(
        error.word() == "invalid" && error.message.contains("has no `keys`"),
        "{error}"
    );
    assert_eq!(rig.set(), "{\"kyes\": []}");
    std::fs::remove_file(rig.file()).unwrap();
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert!(
        error.word() == "not_found" && error.message.contains("create it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_somebody_took_away_is_not_made_up() {
    let rig = Rig::new("ES256").await;
    let old = rig.renewed().await;
    rig.issuer.disable(&old.id).await.unwrap();
    std::fs::write(rig.file(), "{\"keys\": []}").unwrap();
    let error = rig.issuer.enable(&old).await.unwrap_err();
    assert!(
        error.word() == "not_found" && error.message.contains("put it back"),
        "{error}"
    );
}
