//! Versions: what is found again, what is ended, what the engine must not drop.

use crate::rig::{
    Kept, document, in_memory, mark, place, publish, publish_over, rooted, store, word,
};
use keywheel_contract::{Found, Inspection, Retired, SecretStore, VersionId};
use serde_json::json;

fn id(text: &str) -> VersionId {
    VersionId::new(text)
}

#[tokio::test]
async fn a_mark_finds_its_write_and_no_stranger_s() {
    let Some(server) = in_memory().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let place = place("found");
    let before = store.inspect(&place).await.unwrap();
    assert_eq!(word(publish(&store, &place, "example-1", 1).await), "done");
    // A stranger gets the number that ours was announced for.
    let seen = store.inspect(&place).await.unwrap();
    server
        .post(
            "secret/data/found",
            json!({ "data": { "TOKEN": "example-other" } }),
        )
        .await;
    assert_eq!(
        word(publish_over(&store, &place, "example-2", 2, &seen).await),
        "conflict"
    );
    let payload = store
        .compose(&place, &document("example-2"), &before)
        .await
        .unwrap();
    let found = store.find(&place, &mark(2), &payload).await.unwrap();
    assert_eq!(found, Found::Absent);
    let payload = store
        .compose(&place, &document("example-1"), &before)
        .await
        .unwrap();
    let found = store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Superseded(id("1")));
    // What was ended cannot be told apart from a stranger's any more, and is not guessed.
    store.destroy(&place, &id("1")).await.unwrap();
    let doubtful = store.find(&place, &mark(1), &payload).await;
    assert_eq!(word(doubtful), "unknown_outcome");
}

#[tokio::test]
async fn an_announced_write_that_never_went_out_is_absent() {
    let Some(server) = in_memory().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let place = place("announced");
    // As a write leaves it that dies between its two calls.
    let name = format!("keywheel_{}", &mark(1).token[..32]);
    let custom = json!({ "custom_metadata": { name: "1 example-1", "team": "example" } });
    server.post("secret/metadata/announced", custom).await;
    let seen = store.inspect(&place).await.unwrap();
    assert_eq!(
        (seen.current.clone(), seen.token.as_deref()),
        (None, Some("0"))
    );
    let payload = store
        .compose(&place, &document("example"), &seen)
        .await
        .unwrap();
    let found = store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Absent);
    let written = publish(&store, &place, "example", 1).await.unwrap();
    assert_eq!(written, id("1"));
    let found = store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Current(id("1")));
    let kept = server.get("secret/metadata/announced").await;
    assert_eq!(kept["custom_metadata"]["team"], "example");
}

#[tokio::test]
async fn marks_do_not_pile_up() {
    let Some(server) = in_memory().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let place = place("piled");
    for number in 1..=20 {
        publish(&store, &place, &format!("example-{number}"), number)
            .await
            .unwrap();
    }
    let kept = server.get("secret/metadata/piled").await;
    let marks = kept["custom_metadata"].as_object().unwrap();
    assert!(marks.len() <= 9, "{marks:?}");
}

#[tokio::test]
async fn a_deleted_newest_version_is_nobody_s_and_still_counts() {
    let Some(server) = in_memory().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let place = place("deleted");
    publish(&store, &place, "example-1", 1).await.unwrap();
    publish(&store, &place, "example-2", 2).await.unwrap();
    assert_eq!(word(store.disable(&place, &id("2")).await), "conflict");
    server
        .post("secret/delete/deleted", json!({ "versions": [2] }))
        .await;
    let seen = store.inspect(&place).await.unwrap();
    assert_eq!((seen.current, seen.token.as_deref()), (None, Some("2")));
    assert_eq!(
        publish(&store, &place, "example-3", 3).await.unwrap(),
        id("3")
    );
    assert_eq!(
        store.disable(&place, &id("2")).await.unwrap(),
        Retired::Disabled
    );
    store.enable(&place, &id("2")).await.unwrap();
    assert!(
        store
            .read(&place, &id("2"))
            .await
            .unwrap()
            .matches(&document("example-2"))
    );
    assert_eq!(
        store.destroy(&place, &id("2")).await.unwrap(),
        Retired::Destroyed
    );
    assert_eq!(word(store.enable(&place, &id("2")).await), "not_found");
    assert_eq!(
        store.disable(&place, &id("2")).await.unwrap(),
        Retired::Destroyed
    );
    let states: Vec<_> = store.list(&place).await.unwrap();
    let states: Vec<_> = states.iter().map(|v| (v.id.as_str(), v.enabled)).collect();
    assert_eq!(states, [("3", true), ("2", false), ("1", true)]);
}

#[tokio::test]
async fn what_would_lose_a_version_is_refused_before_anything_starts() {
    let Some(server) = in_memory().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let refused = async |path: &str, settings: serde_json::Value| {
        server.post(path, settings).await;
        let refusal = store.inspect(&place("kept")).await.unwrap_err();
        assert_eq!(refusal.word(), "invalid");
        refusal.message
    };
    let message = refused("secret/metadata/kept", json!({ "max_versions": 2 })).await;
    assert!(message.contains("keeps 2 versions"), "{message}");
    server
        .post("secret/metadata/kept", json!({ "max_versions": 3 }))
        .await;
    assert_eq!(
        word(publish(&store, &place("kept"), "example", 1).await),
        "done"
    );
    let after = json!({ "delete_version_after": "720h" });
    let message = refused("secret/metadata/kept", after.clone()).await;
    assert!(message.contains("of the path is 720h"), "{message}");
    server
        .post(
            "secret/metadata/kept",
            json!({ "delete_version_after": "0s" }),
        )
        .await;
    let message = refused("secret/config", after).await;
    assert!(message.contains("of the mount is 720h"), "{message}");
    // A version written meanwhile keeps its date of deletion whatever is changed later.
    server
        .post(
            "secret/data/kept",
            json!({ "data": { "TOKEN": "example" } }),
        )
        .await;
    let none = json!({ "delete_version_after": "0s", "max_versions": 0 });
    let message = refused("secret/config", none).await;
    assert!(message.contains("deletes itself"), "{message}");
    let message = refused("secret/config", json!({ "max_versions": 1 })).await;
    assert!(message.contains("deletes itself"), "{message}");
}

#[tokio::test]
async fn an_engine_of_version_1_is_not_written_to() {
    let Some(server) = in_memory().await else {
        return;
    };
    let token = Kept::new(&server.root);
    let login = json!({ "token": token.reference() });
    let first = json!({ "type": "kv", "options": { "version": "1" } });
    server.post("sys/mounts/old", first).await;
    let store = store(&server.address, login, json!({ "mount": "old" }));
    let place = place("a");
    assert_eq!(word(store.inspect(&place).await), "invalid");
    let empty = Inspection::default();
    assert_eq!(
        word(publish_over(&store, &place, "example", 1, &empty).await),
        "invalid"
    );
}

#[tokio::test]
async fn a_namespace_is_a_world_of_its_own() {
    let Some(server) = in_memory().await else {
        return;
    };
    server.post("sys/namespaces/team", json!({})).await;
    let engine = json!({ "type": "kv", "options": { "version": "2" } });
    server.post("team/sys/mounts/secret", engine).await;
    server.ready_at("/v1/team/secret/config").await;
    let token = Kept::new(&server.root);
    let login = json!({ "token": token.reference() });
    let inner = store(&server.address, login, json!({ "namespace": "team" }));
    publish(&inner, &place("a"), "example", 1).await.unwrap();
    let read = server.get("team/secret/data/a").await;
    assert_eq!(read["data"]["TOKEN"], "example");
    let (outer, _token) = rooted(&server);
    assert!(outer.inspect(&place("a")).await.unwrap().current.is_none());
}
