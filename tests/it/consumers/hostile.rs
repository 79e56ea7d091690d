//! Consumers that lie, hang, flood and leak. None of them passes, and none gets a word into our messages.

use super::{
    rig::{
        Asking, NEW, OLD, ask_one, assert_clean, credential, failure, honest, proof, reach, seen_at,
    },
    server::{Reply, serve},
};
use keywheel::consumers::build;
use keywheel_contract::{Error, ErrorKind, Holding, Observation, Result, Strength};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The failure of asking a server that always replies so.
async fn failure_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let url = serve(move |_| reply()).await;
    failure(&url).await
}

#[tokio::test]
async fn nonsense_with_status_200_is_no_answer() {
    for body in [
        &b"<html>written-by-the-server</html>"[..],
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\"example-canary-value-that-is-new\"",
        b"\xff\xfe\x00\x80",
        b"{\"id\": \"\xff\", \"destination\": \"main:prod/api-key\"}",
    ] {
        let error = failure_of(move || Reply::ok(body)).await;
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(
            error.message.contains("not with a handshake answer"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    let target = serve(move |request| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::json(&honest(&request.json(), "one", NEW))
    })
    .await;
    for location in [target.as_str(), "http://169.254.169.254/latest/meta-data/"] {
        for status in [
            "301 Moved",
            "302 Found",
            "303 See Other",
            "307 Temporary",
            "308 Permanent",
        ] {
            let headers = format!("Location: {location}\r\n");
            let error = failure_of(move || Reply::status(status, &headers, "")).await;
            assert_eq!(error.kind, ErrorKind::Unavailable);
            assert!(
                error.message.contains("redirects are never followed"),
                "{error}"
            );
            assert!(!error.message.contains(location), "{error}");
        }
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

/// Asks with a short wait, so that slow servers do not make slow tests.
async fn ask_impatiently(url: &str, instances: u32) -> Result<Vec<Observation>> {
    let reach = reach().with_patience(Duration::from_secs(1));
    let consumer = build(&seen_at(url, instances), &reach).unwrap();
    let asking = Asking {
        instances,
        ..Asking::default()
    };
    asking
        .ask(consumer.as_ref())
        .await
        .inspect_err(assert_clean)
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let begun = Instant::now();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n".to_vec();
    let silent = serve(|_| Reply::Hang).await;
    let trickling = serve(move |_| Reply::Drip(head.clone())).await;
    for url in [silent, trickling] {
        let error = ask_impatiently(&url, 1).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(
            error.message.contains("did not answer within 1s"),
            "{error}"
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn an_answer_over_8_kib_is_not_read_to_its_end() {
    let padded = |length: usize| {
        let body = r#"{"id": "written-by-the-server"}"#;
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    let error = failure_of(move || Reply::ok(padded(8193))).await;
    assert!(error.message.contains("more than 8 KiB"), "{error}");
    let error = failure_of(move || Reply::ok(padded(8192))).await;
    assert!(
        error.message.contains("not with a handshake answer"),
        "{error}"
    );
    let error = failure_of(|| Reply::ok(vec![b'['; 4_000_000])).await;
    assert!(error.message.contains("more than 8 KiB"), "{error}");
}

#[tokio::test]
async fn an_answer_for_something_else_is_no_answer() {
    for (key, what) in [
        ("id", "secret"),
        ("destination", "destination"),
        ("consumer", "consumer"),
    ] {
        let url = serve(move |request| {
            let mut asked = request.json();
            asked[key] = json!("written-by-the-server");
            Reply::json(&honest(&asked, "one", NEW))
        })
        .await;
        let error = failure(&url).await;
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(
            error.message.contains(&format!("for another {what}")),
            "{error}"
        );
    }
}

/// What a server is seen to hold whose honest answer is changed before it is sent.
async fn changed(change: impl Fn(&Value, &mut Value) + Send + Sync + 'static) -> Observation {
    let url = serve(move |request| {
        let asked = request.json();
        let mut answer = honest(&asked, "one", NEW);
        change(&asked, &mut answer);
        Reply::json(&answer)
    })
    .await;
    ask_one(&url).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_proof_made_for_another_instance_secret_or_destination_proves_nothing() {
    let other_instance = changed(|_, answer| answer["instance"] = json!("two")).await;
    assert_eq!(other_instance.holding, Holding::Other);
    for key in ["id", "destination", "consumer", "challenge"] {
        let seen = changed(move |asked, answer| {
            let mut asked = asked.clone();
            asked[key] = json!("production/another");
            answer["proof"] = json!(proof(&asked, "one", NEW));
        })
        .await;
        assert_eq!(seen.holding, Holding::Other, "{key}");
        assert_ne!(seen.strength, Strength::Proven);
    }
}

#[tokio::test]
async fn a_lie_about_the_version_is_told() {
    let seen = changed(|asked, answer| {
        answer["version"] = json!("v2");
        answer["proof"] = json!(proof(asked, "one", "example-third"));
    })
    .await;
    assert_eq!(seen.holding, Holding::Other);
    assert_eq!(seen.detail, "says v2 but proves another value");

    let seen = changed(|asked, answer| {
        answer["version"] = json!("v2");
        answer["proof"] = json!(proof(asked, "one", OLD));
    })
    .await;
    assert_eq!(
        seen.holding,
        credential("old"),
        "the proof counts, not the word"
    );
    assert!(
        seen.detail.contains("names another version"),
        "{}",
        seen.detail
    );
}

#[tokio::test]
async fn a_proof_that_is_none_is_not_mistaken_for_a_missing_one() {
    for proof in ["", "zz", "00", &"0".repeat(64)] {
        let proof = proof.to_owned();
        let seen = changed(move |_, answer| {
            answer["proof"] = json!(proof);
            answer["version"] = json!("v2");
        })
        .await;
        assert_eq!(seen.holding, Holding::Other);
    }
}

#[tokio::test]
async fn an_old_answer_replayed_proves_nothing() {
    let recorded: Mutex<Option<Value>> = Mutex::new(None);
    let url = serve(move |request| {
        let fresh = honest(&request.json(), "one", NEW);
        Reply::json(recorded.lock().unwrap().get_or_insert(fresh))
    })
    .await;
    assert_eq!(ask_one(&url).await.unwrap()[0].holding, credential("new"));
    assert_eq!(ask_one(&url).await.unwrap()[0].holding, Holding::Other);
}

#[tokio::test]
async fn going_back_to_the_old_value_is_seen() {
    let url = serve(|request| {
        let value = if request.connection == 0 { NEW } else { OLD };
        Reply::json(&honest(&request.json(), "one", value))
    })
    .await;
    assert_eq!(ask_one(&url).await.unwrap()[0].holding, credential("new"));
    assert_eq!(ask_one(&url).await.unwrap()[0].holding, credential("old"));
}

#[tokio::test]
async fn a_value_in_the_instance_name_is_caught_and_not_repeated() {
    let url =
        serve(|request| Reply::json(&honest(&request.json(), &format!("pod {NEW}"), NEW))).await;
    let error = failure(&url).await;
    assert!(error.message.contains("treat it as exposed"), "{error}");
}

#[tokio::test]
async fn an_instance_name_is_short_plain_text() {
    for name in ["", "a\u{1b}[2J", "a\nb", &"a".repeat(129)] {
        let name = name.to_owned();
        let url = serve(move |request| Reply::json(&honest(&request.json(), &name, NEW))).await;
        let error = failure(&url).await;
        assert!(error.message.contains("instance name"), "{error}");
    }
}

#[tokio::test]
async fn a_value_anywhere_in_an_answer_stays_out_of_what_is_seen() {
    let seen = changed(|_, answer| {
        answer["version"] = json!(NEW);
        answer["note"] = json!(OLD);
    })
    .await;
    assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
}

#[tokio::test]
async fn a_status_that_is_no_success_says_what_to_do() {
    for (status, kind) in [
        ("401 Unauthorized", ErrorKind::Denied),
        ("403 Forbidden", ErrorKind::Denied),
        ("404 Not Found", ErrorKind::Unavailable),
        ("500 Oops", ErrorKind::Unavailable),
        (
            "429 Slow",
            ErrorKind::Throttled {
                after: Some(Duration::from_secs(7)),
            },
        ),
    ] {
        let error =
            failure_of(move || Reply::status(status, "Retry-After: 7\r\n", format!("<html>{NEW}")))
                .await;
        assert_eq!(error.kind, kind, "{status}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_or_does_not_listen_is_unavailable() {
    let error = failure_of(|| Reply::Bytes(b"written-by-the-server\r\n\r\n".to_vec())).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&url).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("refuses the connection"), "{error}");
}

#[tokio::test]
async fn an_instance_that_hangs_does_not_hold_the_round_for_ever() {
    let url = serve(|request| match request.connection {
        0 => Reply::json(&honest(&request.json(), "one", NEW)),
        _ => Reply::Hang,
    })
    .await;
    let begun = Instant::now();
    let seen = ask_impatiently(&url, 6).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}
