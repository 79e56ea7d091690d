//! A server that is killed, sealed and back; and one that only those reach who know its authority.

use crate::rig::{Kept, document, lasting, mark, place, publish, rooted, store, word};
use keywheel_contract::{Found, SecretStore};
use keywheel_test_servers::openbao::{SCRIPT, free_pair};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::Duration;

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

#[tokio::test]
async fn a_certificate_is_checked_against_the_named_authority() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_pair();
    let mut server = Command::new(SCRIPT)
        .args(["tls", &port.to_string()])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let address = format!("https://127.0.0.1:{port}");
    let token = Kept::new("example-root");
    let login = json!({ "token": token.reference() });
    let authority = folder.path().join("vault-ca.pem");
    let mut answered = "unavailable";
    for _ in 0..2400 {
        if server
            .try_wait()
            .unwrap()
            .is_some_and(|ended| ended.code() == Some(69))
        {
            keywheel_test_servers::counts::skipped(
                "OpenBao is not installed and pip cannot install it",
            );
            return;
        }
        let up = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        if up.is_ok() {
            let knows = store(&address, login.clone(), json!({ "ca_file": authority }));
            answered = word(knows.inspect(&place("a")).await);
        }
        if answered == "done" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(answered, "done");
    let stranger = store(&address, login, json!({}));
    assert_eq!(word(stranger.inspect(&place("a")).await), "unavailable");
    drop(server.stdin.take());
    server.wait().unwrap();
}
