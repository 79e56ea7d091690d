//! A server that is killed, sealed and back.

use crate::rig::{document, lasting, mark, place, publish, rooted, word};
use keywheel_contract::{Found, SecretStore};
use serde_json::json;

#[tokio::test]
async fn a_killed_or_sealed_server_is_unavailable_and_nothing_is_lost() {
    let Some(mut server) = lasting().await else {
        return;
    };
    let (store, _token) = rooted(&server);
    let place = place("lasting");
    publish(&store, &place, "example-1", 1).await.unwrap();
    let seen = store.inspect(&place).await.unwrap();
    let payload = store
        .compose(&place, &document("example-1"), &seen)
        .await
        .unwrap();

    server.kill();
    assert_eq!(word(store.inspect(&place).await), "unavailable");
    server.restart().await;
    assert_eq!(word(store.inspect(&place).await), "unavailable");
    let found = store.find(&place, &mark(1), &payload).await;
    assert_eq!(word(found), "unavailable");

    server.unseal().await;
    let found = store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Current(seen.current.unwrap()));
    assert_eq!(word(publish(&store, &place, "example-2", 2).await), "done");
    server.post("sys/seal", json!({})).await;
    assert_eq!(word(store.inspect(&place).await), "unavailable");
}
