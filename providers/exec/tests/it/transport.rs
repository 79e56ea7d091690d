//! Programs that go wrong, and what the contract sees of it.

use crate::support::{CANARY, canary, launcher, program};
use keywheel_contract::{Credential, ErrorKind, Fields, Issuer, Liveness, Retry, SecretValue, Tag};
use keywheel_provider_exec::{Config, ExecIssuer};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A faulty issuer; `deadline` counts for each of its calls.
async fn faulty(way: &str, deadline: &str) -> (ExecIssuer, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = format!("args = ['{way}']\ndeadline = '{deadline}'");
    let program = program("tests/plugins/faulty", &options, directory.path());
    let issuer = ExecIssuer::connect(program, Config::new(), launcher()).await;
    (issuer.unwrap(), directory)
}

fn tag() -> Tag {
    Tag::new("example-tag")
}

/// Whether a process still runs; one that is dead and not yet reaped does not.
fn runs(pid: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.contains(") Z"),
        Err(_) => false,
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}

fn noted(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap()
}

#[tokio::test]
async fn a_good_program_is_believed_and_unknown_fields_are_ignored() {
    let (issuer, _directory) = faulty("good", "10s").await;
    assert_eq!(issuer.test(&canary()).await, Ok(Liveness::Alive));
    assert!(issuer.mint(&tag()).await.is_ok());
    assert_eq!(issuer.version(), "1.2.3");
}

#[tokio::test]
async fn a_crash_leaves_a_write_in_doubt_and_a_read_unanswered() {
    for way in [
        "garbage",
        "partial",
        "empty",
        "undecided",
        "two",
        "exit",
        "signal",
    ] {
        let (issuer, _directory) = faulty(way, "10s").await;
        let minted = issuer.mint(&tag()).await.err().unwrap();
        assert_eq!(minted.kind, ErrorKind::UnknownOutcome, "{way}: {minted}");
        assert_eq!(minted.retry(), Retry::Settle);
        let tested = issuer.test(&canary()).await.unwrap_err();
        assert_eq!(tested.kind, ErrorKind::Unavailable, "{way}: {tested}");
        for error in [minted, tested] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(CANARY), "{way}: {shown}");
            assert!(shown.contains("program `example` as issuer"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let (issuer, directory) = faulty("hang", "2s").await;
    let started = Instant::now();
    let error = issuer.disable(&canary().id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome);
    assert!(error.message.contains("longer than 2s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!runs(&noted(directory.path(), "started")));
    let error = issuer.test(&canary()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_program_is_asked_to_end_before_it_is_killed() {
    let (issuer, directory) = faulty("stubborn", "2s").await;
    let started = Instant::now();
    issuer.test(&canary()).await.unwrap_err();
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(noted(directory.path(), "asked"), "to end");
    assert!(!runs(&noted(directory.path(), "started")));
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let (issuer, _directory) = faulty("flood", "60s").await;
    let started = Instant::now();
    let error = issuer.mint(&tag()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome);
    assert!(error.message.contains("more than 1048576 bytes"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
    let error = issuer.test(&canary()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_program_may_say_much_on_stderr() {
    let (issuer, _directory) = faulty("talkative", "10s").await;
    assert_eq!(issuer.test(&canary()).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn a_program_may_answer_without_reading() {
    let (issuer, _directory) = faulty("closed", "10s").await;
    let larger_than_a_pipe = Credential {
        id: canary().id,
        fields: Fields::single(SecretValue::new(vec![b'x'; 300_000])),
    };
    assert_eq!(issuer.test(&larger_than_a_pipe).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn what_a_program_leaves_running_does_not_outlive_the_call() {
    for way in ["fork", "fork-and-hang"] {
        let (issuer, directory) = faulty(way, "2s").await;
        let started = Instant::now();
        let error = issuer.test(&canary()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{way}");
        assert!(started.elapsed() < Duration::from_secs(6), "{way}");
        let grandchild = noted(directory.path(), "grandchild");
        eventually("the grandchild is gone", || !runs(&grandchild)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_is_killed() {
    let (issuer, directory) = faulty("hang", "60s").await;
    let (held, note) = (canary(), directory.path().join("started"));
    tokio::select! {
        answer = issuer.test(&held) => panic!("a program that hangs answered {answer:?}"),
        () = eventually("the program runs", || note.exists()) => {}
    }
    let program = noted(directory.path(), "started");
    eventually("the program is gone", || !runs(&program)).await;
}

#[tokio::test]
async fn messages_are_cleaned_of_values_and_of_control_characters() {
    let (issuer, _directory) = faulty("quoting", "10s").await;
    let error = issuer.test(&canary()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("`test`: refused [31m {"), "{error}");
    assert!(!error.message.contains(CANARY), "{error}");
    assert!(!error.message.contains('\u{1b}'), "{error}");
    let (issuer, _directory) = faulty("exit", "10s").await;
    let error = issuer.identify(&canary().fields).await.unwrap_err();
    assert!(error.message.contains("exit status: 1"), "{error}");
    assert!(
        error.message.contains("beginning: failed with {"),
        "{error}"
    );
    assert!(!error.message.contains(CANARY), "{error}");
}

#[tokio::test]
async fn a_minted_value_is_shown_by_no_error() {
    for way in ["exit", "garbage", "partial", "telling"] {
        let (issuer, _directory) = faulty(way, "10s").await;
        let error = issuer.mint(&tag()).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::UnknownOutcome, "{way}");
        assert!(!error.message.contains("example-min"), "{way}: {error}");
    }
}

#[tokio::test]
async fn an_error_carries_what_its_kind_needs() {
    let (issuer, _directory) = faulty("throttled", "10s").await;
    let error = issuer.mint(&tag()).await.err().unwrap();
    let after = Some(Duration::from_millis(1500));
    assert_eq!(error.kind, ErrorKind::Throttled { after });
    assert!(error.message.ends_with("`mint`: slow down"), "{error}");
}

#[tokio::test]
async fn a_program_that_cannot_do_what_it_says_is_refused_at_once() {
    for (way, message) in [
        ("foreign", "does not speak `keywheel.exec/v1`"),
        ("boasting", "need the operation `revoke`"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("args = ['{way}']");
        let program = program("tests/plugins/faulty", &options, directory.path());
        let error = ExecIssuer::connect(program, Config::new(), launcher())
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_the_pinned_one_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let options = format!("args = ['surroundings']\nsha256 = '{}'", "0".repeat(64));
    let program = program("tests/plugins/faulty", &options, directory.path());
    let error = ExecIssuer::connect(program, Config::new(), launcher())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("not the pinned one"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_missing_has_changed_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let program = program("tests/plugins/missing", "", directory.path());
    let error = ExecIssuer::connect(program, Config::new(), launcher())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}
