//! Every change of the audit table is found: each column of each row, a row taken out, two rows swapped.

use super::rig::{ID, Rig, on_both};
use keywheel::journal::{Error, Journal, Tx};
use keywheel::report::verify::{Verdict, verify};
use std::sync::{Arc, Mutex};

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

/// The table's own columns, with whether each holds text: one that is added later is among them.
async fn columns(rig: &Rig, journal: &Journal) -> Vec<(String, bool)> {
    let sql = match rig.is_sqlite() {
        true => "SELECT name, type AS kind FROM pragma_table_info('audit')",
        false => {
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
             WHERE table_name = 'audit' AND table_schema = current_schema()"
        }
    };
    let rows = journal.read(async move |tx| tx.rows(sql, &[]).await);
    let rows = rows.await.unwrap();
    let columns: Vec<_> = rows
        .iter()
        .map(|row| {
            let is_text = row.text("kind").unwrap().eq_ignore_ascii_case("text");
            (row.text("name").unwrap(), is_text)
        })
        .collect();
    assert!(columns.len() >= 18, "{columns:?}");
    columns
}

/// Changes of one column of the row with this place: its first byte, one byte more, one row further, nothing.
fn flips(seq: i64, column: &str, is_text: bool) -> Vec<String> {
    let set = |value: String| format!("UPDATE audit SET {column} = {value} WHERE seq = {seq}");
    let optional = matches!(column, "seq" | "prev_hash" | "hash");
    let mut all = match is_text {
        true => vec![
            set(format!("{column} || '0'")),
            set(format!(
                "CASE WHEN {column} = '' THEN '~' ELSE '~' || substr({column}, 2) END"
            )),
        ],
        false => vec![
            set(format!("{column} + 1000000")),
            set(format!("-{column} - 1")),
        ],
    };
    all.extend(optional.then(|| set("NULL".to_owned())));
    all
}

#[tokio::test]
async fn every_column_of_every_row_counts() {
    on_both(2, async |rig: &Rig| {
        let journal = rig.journal().await;
        let whole = after(&journal, Vec::new()).await;
        assert_eq!((whole.broken, whole.rotations), (0, 2), "{whole:?}");
        assert!(whole.rows > 30, "{whole:?}");
        let columns = columns(rig, &journal).await;
        for seq in 1..=whole.rows {
            for (column, is_text) in &columns {
                for flip in flips(seq, column, *is_text) {
                    let verdict = after(&journal, vec![flip.clone()]).await;
                    assert_ne!(verdict.broken, 0, "not found: {flip}");
                }
            }
        }
        assert_eq!(after(&journal, Vec::new()).await, whole);
    })
    .await;
}

/// The command itself, once for each column: exit code 5, and 0 again once the byte is put back.
#[tokio::test]
async fn every_column_is_exit_five() {
    on_both(1, async |rig: &Rig| {
        let journal = rig.journal().await;
        let rows = after(&journal, Vec::new()).await.rows;
        change(&journal, "CREATE TABLE kept AS SELECT * FROM audit").await;
        for (index, (column, is_text)) in columns(rig, &journal).await.into_iter().enumerate() {
            let seq = 1 + i64::try_from(index).unwrap() * 7 % rows;
            for flip in flips(seq, &column, is_text) {
                change(&journal, &flip).await;
                let (code, text) = rig.run(&["audit", "verify"]);
                assert_eq!(code, 5, "{flip}: {text}");
                change(&journal, "DELETE FROM audit").await;
                change(&journal, "INSERT INTO audit SELECT * FROM kept").await;
            }
        }
        assert_eq!(rig.run(&["audit", "verify"]).0, 0);
    })
    .await;
}

async fn change(journal: &Journal, sql: &str) {
    let sql = sql.to_owned();
    let changed = journal.write(async move |tx: &mut Tx| tx.run(sql.clone(), &[]).await);
    changed.await.unwrap();
}

#[tokio::test]
async fn rows_taken_out_swapped_or_cut_off_are_found() {
    on_both(1, async |rig: &Rig| {
        let journal = rig.journal().await;
        let rows = after(&journal, Vec::new()).await.rows;
        for seq in 1..=rows {
            let out = format!("DELETE FROM audit WHERE seq = {seq}");
            let verdict = after(&journal, vec![out]).await;
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
    })
    .await;
}

#[tokio::test]
async fn a_change_names_its_row_and_what_no_row_can_hold_is_broken_too() {
    on_both(1, async |rig: &Rig| {
        assert_eq!(rig.run(&["audit", "verify"]).0, 0);
        let journal = rig.journal().await;
        let told = "UPDATE audit SET detail = 'nothing happened' WHERE seq = 5";
        change(&journal, told).await;
        let (code, text) = rig.run(&["audit", "verify"]);
        assert_eq!(code, 5, "{text}");
        assert!(text.contains("BROKEN row 5 ("), "{text}");
        if rig.is_sqlite() {
            // PostgreSQL refuses a text in a column of numbers by itself.
            let unreadable = "UPDATE audit SET at_ms = 'never' WHERE seq = 5";
            change(&journal, unreadable).await;
            assert_eq!(rig.run(&["audit", "verify"]).0, 5);
        }
    })
    .await;
}

#[tokio::test]
async fn rows_are_listed_in_order_with_their_hashes() {
    on_both(1, async |rig: &Rig| {
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
    })
    .await;
}
