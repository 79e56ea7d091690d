//! Spares that a person made ahead: kept sealed, tried, and taken by an emergency without asking anybody.

use super::rig::{CANARY, Rig};
use crate::project::canary::found_in;
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, Tx};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

const ID: &str = "development/api-key";
const MANUAL: &str = r#"
[secrets.api-key]
issuer = { kind = "manual", prefix = "example-", min_length = 20, standby = 1 }
publish_to = [{ store = "folders", path = "api-key" }]
no_consumers = "this is a test of spares"
"#;

fn manual() -> Rig {
    let rig = Rig::starter();
    rig.write("inventory/development/manual.toml", MANUAL);
    rig.ok(&["inventory", "apply"]);
    rig
}

fn ready(rig: &Rig, id: &str) -> u64 {
    let status = rig.ok(&["status", id, "--output", "jsonl"]).json();
    status["standby"]["ready"].as_u64().unwrap()
}

fn spare_of(rig: &Rig) -> String {
    let listed = rig.ok(&["standby", "list", "--output", "jsonl"]).json();
    listed["spare"].as_str().unwrap().to_owned()
}

#[test]
fn an_emergency_takes_a_spare_and_asks_nobody() {
    let rig = manual();
    let low = format!("{ID}: 0 of 1 spares ready.  keywheel standby add {ID}");
    assert!(rig.ok(&["status"]).out.contains(&low));
    let words = ["standby", "add", ID, "--id", "key-7"];
    let added = rig.run_with(&words, &format!("{CANARY}\n"));
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(!rig.ok(&["status"]).out.contains("spares ready"));
    assert_eq!(ready(&rig, ID), 1);
    let words = ["rotate-now", ID, "--wait=60s", "--mode", "cutover"];
    let more = ["--reason", "example leak", "--yes", "--output", "jsonl"];
    let rotated = rig.ok(&[&words[..], &more].concat());
    assert_eq!(rotated.json()["result"], "completed");
    assert_eq!(rig.read("published/api-key/current"), CANARY);
    assert!(rig.ok(&["status"]).out.contains(&low));
    rig.audited(&["standby", "added"]);
    rig.audited(&["standby", "taken"]);
    for name in ["keywheel.db", "keywheel.db-wal"] {
        let bytes = std::fs::read(rig.path().join(name)).unwrap_or_default();
        let found = found_in(&bytes, CANARY);
        assert!(found.is_empty(), "{name} holds the value as {found:?}");
    }
}

/// The leaked one is ended first: what follows it is here, so that no outage has to be accepted.
#[test]
fn an_emergency_that_contains_takes_a_spare_too() {
    let rig = by_hand();
    let tokens = crate::project::Tokens::in_folder(rig.path());
    let first = tokens.mint("in use");
    assert_eq!(
        rig.run_with(&["standby", "add", "other/token"], &first)
            .code,
        0
    );
    let words = [
        "rotate-now",
        "other/token",
        "--wait=60s",
        "--yes",
        "--reason",
        "example",
        "--mode",
    ];
    rig.ok(&[&words[..], &["cutover"]].concat());
    let refused = rig.run(&[&words[..], &["contain"]].concat());
    assert!(refused.err.contains("there is no spare"), "{}", refused.err);
    let second = tokens.mint("made ahead");
    assert_eq!(
        rig.run_with(&["standby", "add", "other/token"], &second)
            .code,
        0
    );
    rig.ok(&[&words[..], &["contain"]].concat());
    assert_eq!(rig.read("published/token/current"), second);
}

#[test]
fn a_usual_rotation_leaves_the_reserve_and_takes_what_is_beyond_it() {
    let rig = manual();
    assert_eq!(rig.run_with(&["standby", "add", ID], CANARY).code, 0);
    let ran = rig.run(&["rotate-now", ID, "--wait=30s", "--output", "jsonl"]);
    assert_eq!(ran.json()["result"], "waits_for_person", "{}", ran.err);
    // A second one is what the rotation waits for: the older of the two is taken.
    let second = "example-second-value-of-a-person";
    assert_eq!(rig.run_with(&["standby", "add", ID], second).code, 0);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    assert_eq!(rig.read("published/api-key/current"), CANARY);
    assert_eq!(ready(&rig, ID), 1);
}

#[test]
fn a_value_that_was_here_before_is_no_spare_and_a_spare_can_be_removed() {
    let rig = manual();
    assert_eq!(rig.run_with(&["standby", "add", ID], CANARY).code, 0);
    let again = rig.run_with(&["standby", "add", ID], CANARY);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("never used"), "{}", again.err);
    let wrong = rig.run_with(&["standby", "add", ID], "wrong-prefix-of-an-example");
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("was not taken in"), "{}", wrong.err);
    let spare = spare_of(&rig);
    let removed = rig.ok(&["standby", "remove", &spare, "--reason", "example"]);
    assert!(removed.err.contains("at its issuer"), "{}", removed.err);
    assert_eq!(ready(&rig, ID), 0);
    // It may have been taken out by mistake.
    assert_eq!(rig.run_with(&["standby", "add", ID], CANARY).code, 0);
    let own = rig.run_with(&["standby", "add", "development/example-token"], CANARY);
    assert!(own.err.contains("needs no spare"), "{}", own.err);
}

/// The example issuer, for which only a person can have a token made.
const BY_HAND: &str = r#"#!/usr/bin/env python3
import json, subprocess, sys
request = sys.stdin.read()
answer = json.loads(subprocess.run([sys.argv[1]], input=request, text=True, stdout=subprocess.PIPE).stdout)
if "capabilities" in answer:
    answer["capabilities"].update(style="assisted", chosen_by="person")
json.dump(answer, sys.stdout)
"#;

const TRIED: &str = r#"
[secrets.token]
issuer = { kind = "exec", program = "by-hand", config = { path = "tokens.json" }, standby = 1 }
publish_to = [{ store = "main", path = "token" }]
no_consumers = "a test"
"#;

fn by_hand() -> Rig {
    let rig = Rig::with("other", "");
    let issuer = crate::project::tokens_program();
    let program = format!(
        "[programs.by-hand]\npath = \"by-hand\"\nargs = [\"{}\"]",
        issuer.display()
    );
    rig.append("keywheel.toml", &program);
    rig.write("by-hand", BY_HAND);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(rig.path().join("by-hand"), executable).unwrap();
    rig.write("inventory/other/team.toml", TRIED);
    rig.ok(&["inventory", "apply"]);
    rig
}

/// Ends every token at its issuer, as a person does.
fn end_all(rig: &Rig) {
    let ended = rig.read("tokens.json").replace("\"active\"", "\"absent\"");
    rig.write("tokens.json", &ended);
}

/// Every spare is to be tried now.
fn a_day_later(rig: &Rig) {
    let address = Address::Sqlite(rig.path().join("keywheel.db"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(address, Arc::new(SystemClock)).await.unwrap();
        let due = async |tx: &mut Tx| {
            tx.run("UPDATE spare SET test_ms = 0 WHERE state = 'ready'", &[])
                .await
        };
        assert_eq!(journal.write(due).await.unwrap(), 1);
    });
}

#[test]
fn a_spare_that_died_is_found_by_the_check_and_by_the_daemon() {
    let rig = by_hand();
    let tokens = crate::project::Tokens::in_folder(rig.path());
    for found_by_daemon in [false, true] {
        let token = tokens.mint(&format!("made ahead {found_by_daemon}"));
        let added = rig.run_with(&["standby", "add", "other/token"], &token);
        assert!(
            added.out.contains("it works"),
            "{} {}",
            added.out,
            added.err
        );
        assert!(rig.ok(&["standby", "check"]).out.contains("works"));
        end_all(&rig);
        match found_by_daemon {
            false => {
                let checked = rig.run(&["standby", "check"]);
                assert_eq!(checked.code, 1, "{}", checked.err);
                assert!(checked.out.contains("was taken out"), "{}", checked.out);
            }
            true => {
                a_day_later(&rig);
                let daemon = rig.daemon();
                rig.until("the dead spare is found", || {
                    ready(&rig, "other/token") == 0
                });
                drop(daemon);
            }
        }
        assert_eq!(ready(&rig, "other/token"), 0);
    }
    rig.audited(&["standby", "dead"]);
}

#[test]
fn what_an_issuer_refuses_is_no_spare() {
    let rig = by_hand();
    let tokens = crate::project::Tokens::in_folder(rig.path());
    let token = tokens.mint("made ahead");
    end_all(&rig);
    let refused = rig.run_with(&["standby", "add", "other/token"], &token);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("refuses it"), "{}", refused.err);
}

/// A rotation that took it in would have to go back, and its owner to start again.
#[test]
fn what_an_issuer_refuses_is_not_taken_in_by_a_rotation_either() {
    let rig = by_hand();
    let tokens = crate::project::Tokens::in_folder(rig.path());
    let asked = rig.run(&["rotate-now", "other/token", "--wait=5s"]);
    let dead = tokens.mint("made ahead");
    end_all(&rig);
    let refused = rig.run_with(&["provide", "other/token"], &dead);
    assert_eq!(refused.code, 1, "{} {}", asked.err, refused.err);
    assert!(
        refused.err.contains("its issuer refuses it"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("still waits"), "{}", refused.err);
    let taken = rig.run_with(&["provide", "other/token"], &tokens.mint("by hand"));
    assert_eq!(taken.code, 0, "{}", taken.err);
}
