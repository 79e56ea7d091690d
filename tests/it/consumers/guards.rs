//! What may be reached: allowed hosts only, never a metadata service, never in plain text over a network.

use super::{
    rig::{Asking, NEW, assert_clean, credential, honest, reach, reach_of, seen_at, with_verify},
    server::{Reply, serve},
};
use async_trait::async_trait;
use keywheel::{
    consumers::{Names, SystemNames, build},
    inventory::VerifySpec,
};
use keywheel_contract::{Error, ErrorKind};
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A name server that gives its answers one after the other, and the last one for ever.
struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|a| a.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().rev().map(parsed).collect())))
    }
}

#[async_trait]
impl Names for Scripted {
    async fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 {
            return Ok(answers.pop().unwrap());
        }
        answers
            .last()
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn refused(url: &str, hosts: &[&str]) -> Error {
    let error = build(&seen_at(url, 1), &reach_of(hosts, Arc::new(SystemNames)))
        .err()
        .unwrap();
    assert_clean(&error);
    error
}

/// The failure of asking `url` where its name has these addresses.
async fn failure_at(url: &str, addresses: &[&str]) -> Error {
    let reach = reach_of(&["chat.internal"], Scripted::new(&[addresses]));
    let consumer = build(&seen_at(url, 1), &reach).unwrap();
    Asking::default().ask(consumer.as_ref()).await.unwrap_err()
}

#[test]
fn a_host_that_is_not_listed_is_refused_before_anything_is_sent() {
    for url in [
        "https://other.internal",
        "https://chat.internal.example.com",
        "http://127.0.0.1:9",
        "https://10.0.0.1",
    ] {
        let error = refused(url, &["chat.internal", "*.svc.example.com"]);
        assert_eq!(error.kind, ErrorKind::Denied, "{url}");
        assert!(
            error
                .message
                .contains("`hosts.production` in keywheel.toml"),
            "{error}"
        );
    }
}

#[test]
fn metadata_is_refused_even_where_it_is_listed() {
    for (url, host) in [
        ("https://169.254.169.254", "169.254.169.254"),
        ("https://[fd00:ec2::254]", "fd00:ec2::254"),
        ("https://[fe80::1]", "fe80::1"),
        ("https://[::ffff:169.254.169.254]", "::ffff:169.254.169.254"),
        ("https://100.100.100.200", "100.100.100.200"),
        (
            "https://metadata.google.internal",
            "metadata.google.internal",
        ),
        ("https://metadata.google.internal.", "*.google.internal"),
        ("https://0.0.0.0", "0.0.0.0"),
    ] {
        let error = refused(url, &[host]);
        assert_eq!(error.kind, ErrorKind::Denied, "{url}");
        assert!(error.message.contains("never spoken to"), "{error}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_told() {
    for (url, says) in [
        ("ftp://chat.internal", "not over `ftp`"),
        ("https://user:canary@chat.internal", "use `bearer`"),
        ("chat.internal", "cannot be read"),
        ("http://10.0.0.1", "use https"),
    ] {
        let error = refused(url, &["chat.internal", "10.0.0.1"]);
        assert!(error.message.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_name_with_a_denied_address_is_refused() {
    for addresses in [
        &["169.254.169.254"][..],
        &["fe80::1"],
        &["fd00:ec2::254"],
        &["::ffff:169.254.169.254"],
        &["0.0.0.0"],
        &["224.0.0.1"],
        &["127.0.0.1", "169.254.169.254"],
    ] {
        let error = failure_at("https://chat.internal", addresses).await;
        assert_eq!(error.kind, ErrorKind::Denied, "{addresses:?}: {error}");
        assert!(error.message.contains("never spoken to"), "{error}");
    }
}

#[tokio::test]
async fn plain_http_stays_on_this_machine() {
    let error = failure_at("http://chat.internal", &["192.0.2.1"]).await;
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("use https"), "{error}");
}

#[tokio::test]
async fn a_name_without_address_is_told() {
    let error = failure_at("https://chat.internal", &[]).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("has no address"), "{error}");
}

#[tokio::test]
async fn the_address_checked_is_the_address_used() {
    let url = serve(|request| Reply::json(&honest(&request.json(), "one", NEW))).await;
    let named = url.replace("127.0.0.1", "chat.internal");
    let names = Scripted::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let consumer = build(&seen_at(&named, 1), &reach_of(&["chat.internal"], names)).unwrap();
    let asking = Asking::default();
    let seen = asking.ask(consumer.as_ref()).await.unwrap();
    assert_eq!(seen[0].holding, credential("new"));
    let error = asking.ask(consumer.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "the name has moved: {error}");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_not_spoken_to_in_plain_text() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let url = serve(move |request| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::json(&honest(&request.json(), "one", NEW))
    })
    .await;
    let consumer = build(&seen_at(&url.replace("http:", "https:"), 1), &reach()).unwrap();
    let error = Asking::default().ask(consumer.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_query_is_sent_and_not_shown() {
    let url = serve(|request| {
        assert!(
            request.head.starts_with("POST /seen?key=canary HTTP/1.1"),
            "{}",
            request.head
        );
        Reply::ok("")
    })
    .await;
    let verify = VerifySpec::Http {
        url: format!("{url}/seen?key=canary#canary"),
        bearer: None,
    };
    let consumer = build(&with_verify(verify, 1), &reach()).unwrap();
    let error = Asking::default().ask(consumer.as_ref()).await.unwrap_err();
    assert_clean(&error);
    assert!(error.message.contains("/seen"), "{error}");
}
