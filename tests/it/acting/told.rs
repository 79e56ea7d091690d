//! What `rotate-now` says: lines for people, an envelope or lines for scripts.

use super::rig::Rig;
use serde_json::Value;

const ID: &str = "development/example-token";

#[test]
fn people_read_what_happens_next_what_is_safe_and_how_to_watch() {
    let rig = Rig::starter();
    let queued = rig.run(&["rotate-now", ID]);
    assert_eq!(queued.code, 3);
    let says = [
        "development/example-token: queued; nothing was changed, the credential in use works",
        "next: no daemon is running, so nothing happens until one does: keywheel daemon, or",
        "keywheel rotate-now development/example-token --wait",
        "watch: keywheel show development/example-token --watch",
    ];
    for words in says {
        assert!(queued.out.contains(words), "{words}: {}", queued.out);
    }
    assert!(!queued.out.contains('{'), "{}", queued.out);
    let done = rig.ok(&["rotate-now", ID, "--wait=60s"]);
    assert_eq!(
        done.out.trim(),
        "development/example-token: completed; the new credential is in use; the old one is over"
    );
    let _daemon = rig.daemon();
    let served = rig.ok(&["rotate-now", ID]);
    assert!(
        served
            .out
            .contains("next: the daemon starts it within seconds"),
        "{}",
        served.out
    );
}

#[test]
fn scripts_read_an_envelope_lines_or_rows() {
    let rig = Rig::starter();
    let ran = rig.ok(&["rotate-now", ID, "--wait=60s", "--output", "json"]);
    let whole: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(whole["format"], "keywheel/rotate-now/1");
    assert!(whole["generated_at"].is_string() && whole["daemons"].is_array());
    let item = &whole["items"][0];
    assert_eq!(
        (&item["id"], &item["result"]),
        (&ID.into(), &"completed".into())
    );
    assert!(item["rotation"].is_string());
    assert_eq!(item["exposure_seconds"], Value::Null, "nothing leaked");
    let queued = rig.run(&["rotate-now", ID, "--output", "jsonl"]);
    assert_eq!((queued.code, queued.out.lines().count()), (3, 1));
    assert_eq!(queued.json()["result"], "queued");
    assert!(
        queued.err.contains("no daemon is running"),
        "{}",
        queued.err
    );
    let csv = rig.run(&["rotate-now", ID, "--output", "csv"]);
    let mut lines = csv.out.lines();
    assert_eq!(
        lines.next().unwrap(),
        "ID,ROTATION,PHASE,STATE,RESULT,EXPOSURE-SECONDS"
    );
    assert_eq!(
        lines.next().unwrap(),
        "development/example-token,-,-,queued,queued,-"
    );
}
