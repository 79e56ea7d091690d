//! A service that misbehaves: each write that got lost is found and not repeated, reads never lie.

use crate::rig::{
    Prepared, at, document, full, id, place, prepare, prepare_over, scene, send, word,
};
use keywheel_contract::{ErrorKind, Found, Inspection, Result, SecretStore, VersionId};
use keywheel_provider_google::GoogleStore;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::google::Google;
use serde_json::json;
use std::time::Duration;

fn is_write(asked: &Asked<'_>) -> bool {
    asked.writes()
}

/// Sends one verb as the engine does: what got lost is looked up, and what is not there is sent anew under a new mark.
async fn settled(
    store: &GoogleStore,
    text: &str,
    seen: &Inspection,
    stage: bool,
    marks: &mut u8,
) -> (VersionId, Prepared) {
    for _ in 0..6 {
        let prepared = prepare_over(store, &place("chat"), text, *marks, seen)
            .await
            .unwrap();
        let answer = match stage {
            true => store.stage(&prepared.write()).await,
            false => store.promote(&prepared.write()).await,
        };
        match answer {
            Ok(version) => return (version, prepared),
            Err(error) => assert_eq!(error.word(), "unknown_outcome", "{error}"),
        }
        let found = store
            .find(&prepared.place, &prepared.mark, &prepared.payload)
            .await
            .unwrap();
        match found {
            Found::Staged(version) if stage => return (version, prepared),
            Found::Current(version) => return (version, prepared),
            Found::Absent if stage || !store.capabilities().stages => *marks += 1,
            Found::Absent | Found::Staged(_) => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("it never came through");
}

#[tokio::test]
async fn every_first_answer_to_a_write_is_lost_and_one_version_results() {
    for alias in [true, false] {
        let (google, store, place) = scene(alias).await;
        google.faults().lose_every_first_reply(is_write);
        let seen = store.inspect(&place).await.unwrap();
        let mut marks = 1;
        if alias {
            settled(&store, "example-2", &seen, true, &mut marks).await;
        }
        let (version, _) = settled(&store, "example-2", &seen, false, &mut marks).await;
        assert_eq!(version, id(2));
        let versions = google.versions(&full("chat"));
        let values: Vec<&str> = versions.iter().map(|v| v.2.as_str()).collect();
        let new = r#"{"TOKEN":"example-2","other":[1,2]}"#;
        assert_eq!(values, [r#"{"TOKEN":"example-1","other":[1,2]}"#, new]);
        let seen = store.inspect(&place).await.unwrap();
        assert_eq!(seen.current, Some(id(2)));
        // Ending is repeated without harm.
        assert_eq!(word(store.disable(&place, &id(1)).await), "unknown_outcome");
        assert_eq!(word(store.disable(&place, &id(1)).await), "done");
        assert_eq!(word(store.destroy(&place, &id(1)).await), "unknown_outcome");
        assert_eq!(word(store.destroy(&place, &id(1)).await), "done");
        assert!(
            google.faults().met().len() >= 4,
            "{:?}",
            google.faults().met()
        );
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_service_says() {
    let (google, store, place) = scene(true).await;
    let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
    google
        .faults()
        .next(1, Fault::Refuse(429, Some(7)), is_write);
    let refusal = store.stage(&prepared.write()).await.unwrap_err();
    let after = Some(Duration::from_secs(7));
    assert_eq!(refusal.kind, ErrorKind::Throttled { after });
    assert_eq!(google.versions(&full("chat")).len(), 1);
}

#[tokio::test]
async fn going_back_that_is_throttled_in_the_middle_does_not_add_again() {
    let (google, store, place) = scene(true).await;
    let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
    let moves = |asked: &Asked<'_>| asked.path().contains("versionAliases");
    google.faults().next(1, Fault::Refuse(429, None), moves);
    assert_eq!(word(store.promote(&prepared.write()).await), "throttled");
    let again = prepare(&store, &place, "example-2", 2).await.unwrap();
    assert_eq!(store.promote(&again.write()).await.unwrap(), id(2));
    assert_eq!(google.versions(&full("chat")).len(), 2);
}

#[tokio::test]
async fn a_service_that_fails_is_unavailable_for_reads_and_in_doubt_for_writes() {
    for fault in [Fault::Refuse(503, None), Fault::Reset, Fault::CutBody] {
        let (google, store, place) = scene(false).await;
        let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
        google
            .faults()
            .next(1, fault.clone(), |asked| !asked.writes());
        assert_eq!(
            word(store.inspect(&place).await),
            "unavailable",
            "{fault:?}"
        );
        let adds = |asked: &Asked<'_>| asked.path().contains(":addVersion");
        google.faults().next(1, fault.clone(), adds);
        let lost = store.promote(&prepared.write()).await;
        assert_eq!(word(lost), "unknown_outcome", "{fault:?}");
        google.faults().clear();
        assert_eq!(word(send(&store, &prepared).await), "done", "{fault:?}");
        assert_eq!(google.versions(&full("chat")).len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_stale_record_loses_against_the_etag() {
    let (google, store, place) = scene(true).await;
    let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
    google.set(&full("chat"), &json!({ "labels": { "team": "other" } }));
    let record = |asked: &Asked<'_>| !asked.path().contains("/versions");
    google.faults().next(1, Fault::Stale, record);
    let refusal = store.stage(&prepared.write()).await;
    assert_eq!(word(refusal), "conflict");
    assert_eq!(google.secret(&full("chat"))["labels"]["team"], "other");
    assert_eq!(google.versions(&full("chat")).len(), 1);
}

#[tokio::test]
async fn a_stale_list_hides_no_version() {
    let (google, store, place) = scene(false).await;
    let seen = store.inspect(&place).await.unwrap();
    assert_eq!(seen.current, Some(id(1)));
    google.add(&full("chat"), r#"{"TOKEN":"example-person"}"#);
    let list = |asked: &Asked<'_>| asked.path().contains("/versions?");
    google.faults().next(1, Fault::Stale, list);
    let seen = store.inspect(&place).await.unwrap();
    assert_eq!(seen.current, Some(id(2)));
    assert_eq!(google.faults().met().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_never_trusted() {
    let authority = Authority::make();
    let google = Google::start(Some(&authority)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    std::fs::write(&file, crate::login::service_account()).unwrap();
    let store = at(google.address(), json!({ "credentials": { "file": file } }));
    assert_eq!(word(store.inspect(&place("chat")).await), "unavailable");
    let empty = Inspection::default();
    let prepared = prepare_over(&store, &place("chat"), "example-2", 1, &empty)
        .await
        .unwrap();
    let refused: Result<VersionId> = store.promote(&prepared.write()).await;
    assert_eq!(word(refused), "unavailable");
    assert!(google.calls().is_empty());
}

#[tokio::test]
async fn a_payload_that_was_damaged_on_its_way_is_not_believed() {
    let router = axum::Router::new().fallback(|| async {
        let body = json!({
            "name": "projects/example/secrets/chat/versions/1",
            "payload": { "data": "e30=", "dataCrc32c": "1" },
        });
        axum::Json(body)
    });
    let served = keywheel_test_servers::serve::serve(router, None).await;
    let store = at(&served.address, json!({}));
    let refusal = store.read(&place("chat"), &id(1)).await.err().unwrap();
    assert_eq!(refusal.word(), "unavailable");
    assert!(refusal.message.contains("checksum"), "{refusal}");
    assert!(!document("a").matches(&document("b")));
}
