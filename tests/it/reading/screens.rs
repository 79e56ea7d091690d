//! Screens and JSON of a journal on which the real daemon rotated.

use super::rig::{ID, Rig, on_both};
use crate::project::canary::found_in;

#[test]
fn a_secret_that_was_never_rotated_is_never() {
    let rig = Rig::new();
    let status = rig.json(&["status", "--output", "json"]);
    let item = &status["items"][0];
    assert_eq!(item["health"], "never");
    assert_eq!(item["old_credential"], "none");
    assert_eq!(item["rotation"], serde_json::Value::Null);
    let (code, text) = rig.run(&["status"]);
    assert_eq!(code, 0);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("journal ") && first.contains("NO DAEMON"),
        "{first}"
    );
}

#[tokio::test]
async fn a_rotated_secret_is_ok_with_versions_and_proofs() {
    on_both(2, async |rig: &Rig| {
        let status = rig.json(&["status", ID, "--output", "json"]);
        let item = &status["items"][0];
        assert_eq!(item["id"], ID);
        assert_eq!(item["health"], "ok");
        assert_eq!(item["old_credential_state"], "replaced");
        assert_eq!(item["destinations"][1]["version"], "v2");
        assert_eq!(item["consumers"][0]["instances_proven"], 1);
        assert_eq!(item["consumers"][0]["evidence"], "delivered");
        let (_, text) = rig.run(&["status"]);
        assert!(text.contains("1/1    replaced"), "{text}");
        assert!(
            text.lines()
                .all(|line| line.starts_with("journal") || line.chars().count() <= 100)
        );
        let (code, _) = rig.run(&["status", "--check"]);
        assert_eq!(code, 0);
    })
    .await;
}

#[tokio::test]
async fn show_history_and_plan_tell_of_it() {
    on_both(2, async |rig: &Rig| {
        let shown = rig.json(&["show", ID, "--output", "json"]);
        let item = &shown["items"][0];
        assert_eq!(item["history"].as_array().unwrap().len(), 2);
        assert_eq!(item["credentials"][0]["state"], "current");
        assert_eq!(item["credentials"][1]["state"], "replaced");
        let (_, origins) = rig.run(&["show", ID, "--origin"]);
        assert!(
            origins.contains("inventory/development/example.toml:"),
            "{origins}"
        );
        let history = rig.json(&["history", ID, "--since", "12h", "--output", "json"]);
        let steps = history["items"][1]["steps"].as_array().unwrap();
        assert_eq!(steps.last().unwrap()["what"], "completed");
        let (_, table) = rig.run(&["history", ID, "--output", "csv"]);
        let heading = "ID,ROTATION,PHASE,STATE,TRIGGER,MODE,ACTOR,REASON,STARTED-AT,ENDED-AT,EXPOSURE-SECONDS\n";
        assert!(table.starts_with(heading), "{table}");
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.contains(",completed,ended,emergency,cutover,"), "{table}");
        let (_, table) = rig.run(&["history", "--output", "markdown"]);
        assert!(table.starts_with("| ID | ROTATION |"), "{table}");
        let plan = rig.json(&["plan", "--until", "120d", "--output", "json"]);
        assert_eq!(plan["items"][0]["id"], ID);
        assert_eq!(
            rig.json(&["plan", "--until", "1d", "--output", "json"])["items"],
            serde_json::json!([])
        );
        let (_, stages) = rig.run(&["plan", ID, "--until", "120d"]);
        assert!(stages.contains("1. example: is not told"), "{stages}");
    })
    .await;
}

const NONE: [String; 0] = [];

/// Every row of every table: bytes as hexadecimal digits, everything else as its text.
async fn journal_text(rig: &Rig) -> String {
    if rig.is_sqlite() {
        let files = ["keywheel.db", "keywheel.db-wal"].map(|name| rig.folder().join(name));
        let bytes = files.map(|file| hex::encode(std::fs::read(file).unwrap_or_default()));
        let text = bytes.concat();
        let raw = hex::decode(&text).unwrap();
        return format!("{text} {}", String::from_utf8_lossy(&raw));
    }
    let tables = "SELECT table_name::text AS name FROM information_schema.tables \
         WHERE table_schema = current_schema()";
    let journal = rig.journal().await;
    let read = journal.read(async move |tx| {
        let mut text = String::new();
        for table in tx.rows(tables, &[]).await? {
            let name = table.text("name")?;
            let all = format!("SELECT one::text AS line FROM \"{name}\" AS one");
            for row in tx.rows(all, &[]).await? {
                text.push_str(&row.text("line")?);
            }
        }
        Ok(text)
    });
    read.await.unwrap()
}

#[tokio::test]
async fn no_screen_holds_a_value() {
    on_both(1, async |rig: &Rig| {
        let value =
            std::fs::read_to_string(rig.folder().join("published/example-token/current")).unwrap();
        for args in [
            &["status", "--output", "json"][..],
            &["show", ID, "--output", "json"],
            &["show", ID, "--origin"],
            &["history", "--output", "json"],
            &["audit", "list", "--output", "jsonl"],
        ] {
            let (code, text) = rig.run(args);
            assert_eq!(code, 0);
            assert_eq!(found_in(text.as_bytes(), value.trim()), NONE, "{args:?}");
        }
        let rows = journal_text(rig).await;
        assert!(
            rows.len() > 10_000,
            "the journal was not read: {}",
            rows.len()
        );
        assert_eq!(found_in(rows.as_bytes(), value.trim()), NONE);
    })
    .await;
}

#[test]
fn what_has_no_columns_is_no_table_and_every_document_has_an_envelope() {
    let rig = Rig::new();
    for words in [
        &["plan"][..],
        &["show", ID],
        &["audit", "list"],
        &["audit", "verify"],
    ] {
        let (code, text) = rig.run(&[words, &["--output", "csv"]].concat());
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains("[possible values: table, json, jsonl]"),
            "{text}"
        );
    }
    for (words, format) in [
        (&["audit", "verify"][..], "keywheel/audit-verify/1"),
        (&["show", ID, "--origin"], "keywheel/origin/1"),
    ] {
        let found = rig.json(&[words, &["--output", "json"]].concat());
        assert_eq!(found["format"], format);
        assert!(found["generated_at"].is_string() && found["daemons"].is_array());
        assert!(!found["items"].as_array().unwrap().is_empty(), "{found}");
    }
}

#[test]
fn unknown_names_and_empty_matches_are_told() {
    let rig = Rig::new();
    let (code, text) = rig.run(&["show", "development/exmple-token"]);
    assert_eq!(code, 1);
    assert!(text.contains(&format!("did you mean {ID}?")), "{text}");
    let (code, text) = rig.run(&["status", "--owner", "nobody"]);
    assert_eq!(code, 0);
    assert!(text.contains("no secret is all of this at once"), "{text}");
}
