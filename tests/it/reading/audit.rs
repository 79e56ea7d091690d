//! Every change of the audit table is found: each column of each row, a row taken out, two rows swapped.

use super::rig::{ID, Rig};
use keywheel::journal::{Error, Journal, Tx};
use keywheel::report::verify::{Verdict, verify};
use std::sync::{Arc, Mutex};

const TEXTS: [&str; 13] = [
    "id",
    "secret_id",
    "rotation_id",
    "actor",
    "action",
    "phase",
    "outcome",
    "credential",
    "destination",
    "evidence",
    "detail",
    "chain_prev",
    "leaf",
];

/// Verifies the table as it would be after some statements, and takes them back.
async fn after(journal: &Journal, statements: Vec<String>) -> Verdict {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let undone = journal
        .write(async move |tx: &mut Tx| {
            for sql in &statements {
                assert_ne!(tx.run(sql.clone(), &[]).await?, 0, "{sql}");
            }
            *keep.lock().unwrap() = Some(verify(tx).await?);
            Err::<(), Error>(Error::Refused("taken back".into()))
        })
        .await;
    assert!(matches!(undone, Err(Error::Refused(_))), "{undone:?}");
    kept.lock().unwrap().take().unwrap()
}

/// One change of each column of the row with this place.
fn flips(seq: i64) -> Vec<String> {
    let set = |change: String| format!("UPDATE audit SET {change} WHERE seq = {seq}");
    let texts = TEXTS.iter().chain(&["prev_hash", "hash"]);
    let mut all: Vec<String> = texts
        .map(|column| set(format!("{column} = {column} || '0'")))
        .collect();
    for column in ["at_ms", "n"] {
        all.push(set(format!("{column} = {column} + 1")));
    }
    for value in ["seq + 1000000", "-seq", "NULL"] {
        all.push(set(format!("seq = {value}")));
    }
    for column in ["prev_hash", "hash"] {
        all.push(set(format!("{column} = NULL")));
    }
    all
}

#[tokio::test]
async fn every_column_of_every_row_counts() {
    let rig = Rig::rotated(2);
    let journal = rig.journal().await;
    let whole = after(&journal, Vec::new()).await;
    assert_eq!((whole.broken, whole.rotations), (0, 2), "{whole:?}");
    assert!(whole.rows > 30, "{whole:?}");
    for seq in 1..=whole.rows {
        for flip in flips(seq) {
            let verdict = after(&journal, vec![flip.clone()]).await;
            assert_ne!(verdict.broken, 0, "not found: {flip}");
        }
    }
    assert_eq!(after(&journal, Vec::new()).await, whole);
}

#[tokio::test]
async fn rows_taken_out_swapped_or_cut_off_are_found() {
    let rig = Rig::rotated(1);
    let journal = rig.journal().await;
    let rows = after(&journal, Vec::new()).await.rows;
    for seq in 1..=rows {
        let verdict = after(
            &journal,
            vec![format!("DELETE FROM audit WHERE seq = {seq}")],
        )
        .await;
        assert_ne!(verdict.broken, 0, "row {seq} taken out");
    }
    for seq in 1..rows {
        let swap = [(seq, -1), (seq + 1, seq), (-1, seq + 1)]
            .map(|(from, to)| format!("UPDATE audit SET seq = {to} WHERE seq = {from}"));
        let verdict = after(&journal, swap.to_vec()).await;
        assert_ne!(verdict.broken, 0, "rows {seq} and the next swapped");
    }
    let rotation = "DELETE FROM audit WHERE rotation_id <> ''".to_owned();
    assert_ne!(after(&journal, vec![rotation]).await.broken, 0);
}

#[tokio::test]
async fn a_change_is_exit_five_and_names_the_row() {
    let rig = Rig::rotated(1);
    assert_eq!(rig.run(&["audit", "verify"]).0, 0);
    let journal = rig.journal().await;
    let change = "UPDATE audit SET detail = 'nothing happened' WHERE seq = 5";
    journal
        .write(async move |tx: &mut Tx| tx.run(change, &[]).await)
        .await
        .unwrap();
    let (code, text) = rig.run(&["audit", "verify"]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("BROKEN row 5 ("), "{text}");
    let unreadable = "UPDATE audit SET at_ms = 'never' WHERE seq = 5";
    journal
        .write(async move |tx: &mut Tx| tx.run(unreadable, &[]).await)
        .await
        .unwrap();
    assert_eq!(rig.run(&["audit", "verify"]).0, 5);
}

#[test]
fn rows_are_listed_in_order_with_their_hashes() {
    let rig = Rig::rotated(1);
    let list = rig.json(&["audit", "list", "--secret", ID, "--output", "json"]);
    let items = list["items"].as_array().unwrap();
    assert!(items.len() > 10);
    for (one, next) in items.iter().zip(&items[1..]) {
        assert_eq!(one["hash"], next["prev_hash"]);
        assert_eq!(
            one["seq"].as_i64().unwrap() + 1,
            next["seq"].as_i64().unwrap()
        );
    }
    let keys: Vec<&String> = items[0].as_object().unwrap().keys().collect();
    for key in [
        "seq",
        "at",
        "rotation",
        "id",
        "actor",
        "action",
        "phase",
        "outcome",
        "credential",
        "destination",
        "evidence",
        "detail",
        "hash",
        "prev_hash",
    ] {
        assert!(keys.iter().any(|found| *found == key), "{key}");
    }
    let (code, lines) = rig.run(&["audit", "list", "--limit", "3", "--output", "jsonl"]);
    assert_eq!((code, lines.lines().count()), (0, 3));
}
