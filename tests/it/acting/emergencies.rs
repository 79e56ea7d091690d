//! Rotations asked for now: with nobody to work on them, as a replica, with a daemon; normal and in a hurry.

use super::rig::{Rig, TOKEN};
use keywheel::clock::SystemClock;
use keywheel::journal::requests::{self, Request};
use keywheel::journal::{Address, Journal};
use keywheel::rotation::words::{Cause, Mode};
use std::sync::Arc;

const ID: &str = "development/example-token";

#[test]
fn queued_with_nobody_to_work_on_it_says_so_and_is_taken_back() {
    let rig = Rig::starter();
    let ran = rig.run(&["rotate-now", ID, "--output", "jsonl"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("no daemon is running"), "{}", ran.err);
    let line = ran.json();
    assert_eq!(
        (&line["result"], &line["rotation"]),
        (&"queued".into(), &serde_json::Value::Null)
    );
    let taken = rig.ok(&["cancel", ID]);
    assert!(taken.out.contains("nothing was changed"), "{}", taken.out);
}

#[test]
fn a_waiting_command_is_a_replica_and_with_a_daemon_it_watches() {
    let rig = Rig::starter();
    let alone = rig.ok(&["rotate-now", ID, "--wait=60s"]);
    assert!(
        alone.err.contains("this command does the work"),
        "{}",
        alone.err
    );
    let first = rig.read("published/example-token/current");
    let daemon = rig.daemon();
    let words = ["rotate-now", ID, "--wait=60s", "--mode", "cutover"];
    let more = ["--reason", "again", "--output", "jsonl"];
    let watched = rig.ok(&[&words[..], &more].concat());
    assert!(
        !watched.err.contains("this command does the work"),
        "{}",
        watched.err
    );
    assert_eq!(watched.json()["result"], "completed");
    drop(daemon);
    assert_ne!(rig.read("published/example-token/current"), first);
}

#[test]
fn a_normal_one_rests_in_its_overlap_and_an_emergency_takes_it_over() {
    let rig = Rig::with("other", TOKEN);
    rig.ok(&["rotate-now", "other/token", "--wait=60s"]);
    let normal = rig.run(&[
        "rotate-now",
        "other/token",
        "--wait=5s",
        "--output",
        "jsonl",
    ]);
    assert_eq!(normal.code, 3, "{}", normal.err);
    assert_eq!(normal.json()["phase"], "overlapping");
    assert!(
        normal.err.contains("both credentials work"),
        "{}",
        normal.err
    );
    let proven = rig.ok(&[
        "rotate-now",
        "other/token",
        "--wait=30s",
        "--until",
        "proven",
        "--output",
        "jsonl",
    ]);
    assert_eq!(
        proven.json()["phase"],
        "overlapping",
        "a second request joins the first"
    );
    let words = [
        "rotate-now",
        "other/token",
        "--mode",
        "contain",
        "--reason",
        "leak",
    ];
    let contained = rig.run(&[&words[..], &["--wait=60s", "--output", "jsonl"]].concat());
    assert_eq!(contained.json()["result"], "completed", "{}", contained.err);
    assert!(
        contained.json()["exposure_seconds"]
            .as_i64()
            .is_some_and(|s| (1..60).contains(&s)),
        "rounded up: {}",
        contained.out
    );
    assert!(
        contained.err.contains("leaked key is dead"),
        "{}",
        contained.err
    );
}

#[test]
fn a_wait_that_is_over_says_where_it_stands() {
    let rig = Rig::with("other", TOKEN);
    rig.ok(&["rotate-now", "other/token", "--wait=60s"]);
    let ran = rig.run(&["rotate-now", "other/token", "--wait=0s"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("next: "), "{}", ran.out);
}

#[test]
fn an_accepted_outage_contains_what_nobody_can_disable() {
    let rig = Rig::starter();
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let leaked = rig.read("published/example-token/current");
    let words = ["rotate-now", ID, "--mode", "contain", "--reason", "leak"];
    let refused = rig.run(&words);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.err.contains("or add --accept-outage"),
        "{}",
        refused.err
    );
    assert_eq!(rig.read("published/example-token/current"), leaked);
    let more = ["--accept-outage", "--wait=60s", "--output", "jsonl"];
    let contained = rig.ok(&[&words[..], &more].concat());
    assert_eq!(contained.json()["result"], "completed", "{}", contained.err);
    assert_ne!(rig.read("published/example-token/current"), leaked);
    rig.audited(&[
        "destroy_version",
        "intent",
        "contain: the outage was accepted",
    ]);
}

/// A request as any door may write it, past every rule of the command line.
fn asked_elsewhere(rig: &Rig, mode: Mode) {
    let address = Address::Sqlite(rig.path().join("keywheel.db"));
    let request = Request {
        id: "from-another-door".to_owned(),
        secret_id: ID.to_owned(),
        cause: Cause::Emergency,
        mode,
        credential: "all".to_owned(),
        reason: "a feed of leaks".to_owned(),
        actor: "feed".to_owned(),
        accept_outage: false,
        reported_ms: 1,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(address, Arc::new(SystemClock)).await.unwrap();
        let add = journal.write(async move |tx| requests::add(tx, &request).await);
        add.await.unwrap();
    });
}

#[test]
fn contain_through_another_door_asks_and_cutover_is_an_answer() {
    let rig = Rig::starter();
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let first = rig.read("published/example-token/current");
    asked_elsewhere(&rig, Mode::Contain);
    let daemon = rig.daemon();
    rig.audited(&["blocked", "is the outage of `contain` accepted?"]);
    let shown = rig.run(&["show", ID]);
    assert!(shown.out.contains("--accept-outage"), "{}", shown.out);
    assert_eq!(rig.read("published/example-token/current"), first);
    let words = [
        "rotate-now",
        ID,
        "--mode",
        "cutover",
        "--reason",
        "leak",
        "--wait=60s",
        "--output",
        "jsonl",
    ];
    let done = rig.ok(&words);
    assert_eq!(done.json()["result"], "completed", "{}", done.err);
    assert_ne!(rig.read("published/example-token/current"), first);
    drop(daemon);
}

#[test]
fn a_leak_of_what_is_published_already_says_that_it_takes_two_rotations() {
    let rig = Rig::with("other", TOKEN);
    rig.ok(&["rotate-now", "other/token", "--wait=60s"]);
    let normal = rig.run(&["rotate-now", "other/token", "--wait=5s"]);
    assert!(normal.out.contains("at overlapping"), "{}", normal.out);
    let words = [
        "rotate-now",
        "other/token",
        "--mode",
        "cutover",
        "--reason",
        "leak",
    ];
    let old = rig.run(&[&words[..], &["--credential", "previous"]].concat());
    assert!(!old.err.contains("rotations  two"), "{}", old.err);
    let both = rig.run(&words);
    assert!(both.err.contains("rotations  two: "), "{}", both.err);
}
