//! Rotations asked for now: with nobody to work on them, as a replica, with a daemon; normal and in a hurry.

use super::rig::Rig;

const ID: &str = "development/example-token";
const TOKEN: &str = r#"
[secrets.token]
issuer = { kind = "exec", program = "token-issuer", config = { path = "tokens.json" } }
publish_to = [{ store = "main", path = "token" }]
no_consumers = "a test"
timing = { overlap = "1h", quiet = "0s", undo = "1h" }
"#;

#[test]
fn queued_with_nobody_to_work_on_it_says_so_and_is_taken_back() {
    let rig = Rig::starter();
    let ran = rig.run(&["rotate-now", ID]);
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
    let watched = rig.ok(&[&words[..], &["--reason", "again"]].concat());
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
    let normal = rig.run(&["rotate-now", "other/token", "--wait=5s"]);
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
    let contained = rig.run(&[&words[..], &["--wait=60s"]].concat());
    assert_eq!(contained.json()["result"], "completed", "{}", contained.err);
    assert!(
        contained.json()["exposure_seconds"]
            .as_i64()
            .is_some_and(|s| s < 60)
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
    assert!(ran.err.contains("next: keywheel"), "{}", ran.err);
}
