//! The audit table: chained per rotation, then sequenced densely, whatever the clocks and sequencers do.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use super::fixtures::{KEPT, LEASE_MS, hold, leased};
use keywheel::journal::audit::{self, AuditRow, Entry, Filter};
use keywheel::journal::rotations::{self, Lease};
use keywheel::journal::{Error, Journal};
use std::collections::BTreeMap;
use std::sync::Arc;

const CASES: &[Case] = &[
    case("rows of a rotation are chained by hash", |b| {
        Box::pin(chained(b))
    }),
    case(
        "a step that fails leaves no row and does not move the chain",
        |b| Box::pin(failed_step(b)),
    ),
    case("two sequencers at once give dense numbers", |b| {
        Box::pin(two_sequencers(b))
    }),
    case(
        "the order within a rotation survives a clock set back",
        |b| Box::pin(clock_set_back(b)),
    ),
    case(
        "a cut by the limit never parts a row from its predecessor",
        |b| Box::pin(cut_by_the_limit(b)),
    ),
    case(
        "every hash can be recomputed, and a changed row shows",
        |b| Box::pin(hashes(b)),
    ),
    case(
        "rows are listed by secret, rotation, moment and place",
        |b| Box::pin(listing(b)),
    ),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

fn entry(action: &str) -> Entry {
    Entry {
        actor: "engine".into(),
        action: action.into(),
        ..Entry::default()
    }
}

/// One step of a rotation that only writes audit rows.
async fn step(journal: &Journal, lease: &Lease, actions: &[&str]) {
    let (lease, entries) = (
        lease.clone(),
        actions
            .iter()
            .map(|action| entry(action))
            .collect::<Vec<_>>(),
    );
    let step = journal.write(async move |tx| {
        let mut run = hold(tx, &lease, LEASE_MS).await?;
        audit::append(tx, &mut run, entries.clone()).await?;
        rotations::save(tx, &lease, &run, KEPT).await
    });
    step.await.unwrap();
}

async fn apart(journal: &Journal, secret: &str, action: &str) {
    let (secret, action) = (secret.to_owned(), action.to_owned());
    let append =
        journal.write(async move |tx| audit::append_apart(tx, &secret, entry(&action)).await);
    append.await.unwrap();
}

/// Gives every waiting row its place, `limit` at a time.
async fn sequence_all(journal: &Journal, limit: i64) {
    while journal
        .write(async move |tx| audit::sequence(tx, limit).await)
        .await
        .unwrap()
        > 0
    {}
}

async fn all(journal: &Journal) -> Vec<AuditRow> {
    let filter = Filter {
        limit: i64::MAX,
        ..Filter::default()
    };
    journal
        .read(async move |tx| audit::list(tx, &filter).await)
        .await
        .unwrap()
}

/// Fails where the rows are not exactly 1..n, each hashed with the one before it.
fn assert_sound(rows: &[AuditRow]) {
    let mut before = "0".repeat(64);
    let mut chains: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for (row, place) in rows.iter().zip(1..) {
        assert_eq!(row.seq, Some(place));
        assert_eq!(row.prev_hash.as_ref(), Some(&before), "row {place}");
        assert_eq!(row.hash, row.expected_hash(), "row {place}");
        assert_eq!(row.leaf, row.expected_leaf(), "row {place}");
        before.clone_from(row.hash.as_ref().unwrap());
        if !row.rotation_id.is_empty() {
            let (n, leaf) = chains
                .get(row.rotation_id.as_str())
                .copied()
                .unwrap_or((0, ""));
            assert_eq!(
                (row.n, row.chain_prev.as_str()),
                (n + 1, leaf),
                "row {place}"
            );
            chains.insert(&row.rotation_id, (row.n, &row.leaf));
        }
    }
}

async fn chained(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    step(&bench.journal, &lease, &["first", "second"]).await;
    step(&bench.journal, &lease, &["third"]).await;
    let rows = bench
        .journal
        .read(async |tx| audit::unsequenced(tx).await)
        .await
        .unwrap();
    assert_eq!(rows.iter().map(|row| row.n).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rows[0].chain_prev, "");
    assert_eq!(rows[1].chain_prev, rows[0].leaf);
    assert_eq!(rows[2].chain_prev, rows[1].leaf);
    let run = bench
        .journal
        .read(async |tx| rotations::by_id(tx, "r1").await)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((run.audit_n, run.audit_head), (3, rows[2].leaf.clone()));
}

async fn failed_step(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    step(&bench.journal, &lease, &["first"]).await;
    let failed = bench.journal.write(async move |tx| {
        let mut run = hold(tx, &lease, LEASE_MS).await?;
        audit::append(tx, &mut run, vec![entry("never")]).await?;
        let stale = Lease {
            fence: lease.fence - 1,
            ..lease.clone()
        };
        rotations::save(tx, &stale, &run, KEPT).await
    });
    assert!(matches!(failed.await, Err(Error::Lost)));
    sequence_all(&bench.journal, 100).await;
    let rows = all(&bench.journal).await;
    assert_eq!(
        rows.iter()
            .map(|row| row.entry.action.as_str())
            .collect::<Vec<_>>(),
        ["first"]
    );
}

async fn two_sequencers(bench: Arc<Bench>) {
    const ROWS: usize = 400;
    let mut sequencers = Vec::new();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for _ in 0..2 {
        let (journal, done) = (bench.another().await, Arc::clone(&done));
        sequencers.push(tokio::spawn(async move {
            sequence_until(&journal, &done).await
        }));
    }
    let writers = (0..8).map(|writer| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            for i in 0..ROWS / 8 {
                apart(
                    &bench.journal,
                    &format!("production/secret-{writer}"),
                    &format!("row-{i}"),
                )
                .await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut given = 0;
    for sequencer in sequencers {
        given += sequencer.await.unwrap();
    }
    let rows = all(&bench.journal).await;
    assert_eq!((rows.len(), given), (ROWS, i64::try_from(ROWS).unwrap()));
    assert_sound(&rows);
}

/// Sequences until nothing is left to do; the loser of a round is told that it lost, nothing else.
async fn sequence_until(journal: &Journal, done: &std::sync::atomic::AtomicBool) -> i64 {
    let mut given = 0;
    loop {
        let was_done = done.load(std::sync::atomic::Ordering::SeqCst);
        match journal
            .write(async |tx| audit::sequence(tx, 16).await)
            .await
        {
            Ok(0) if was_done => return given,
            Ok(count) => given += count,
            Err(Error::Lost) => {}
            Err(other) => panic!("a sequencer that lost is told so, not: {other}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn clock_set_back(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    for (action, move_ms) in [
        ("evidence", -5_000),
        ("intent", -5_000),
        ("outcome", 20_000),
    ] {
        step(&bench.journal, &lease, &[action]).await;
        apart(&bench.journal, "production/other", action).await;
        bench.clock.advance(move_ms);
    }
    sequence_all(&bench.journal, 100).await;
    let rows = all(&bench.journal).await;
    assert_sound(&rows);
    let own: Vec<_> = rows.iter().filter(|row| row.rotation_id == "r1").collect();
    let actions: Vec<_> = own.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["evidence", "intent", "outcome"]);
    assert!(own[0].at_ms > own[1].at_ms, "the clock did run backwards");
}

async fn cut_by_the_limit(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    for round in 0..4 {
        step(&bench.journal, &lease, &["a", "b", "c"]).await;
        apart(&bench.journal, "production/other", "x").await;
        bench.clock.advance(if round % 2 == 0 { -700 } else { 300 });
    }
    sequence_all(&bench.journal, 2).await;
    let rows = all(&bench.journal).await;
    assert_eq!(rows.len(), 16);
    assert_sound(&rows);
    let newest = bench
        .journal
        .read(async |tx| audit::newest(tx).await)
        .await
        .unwrap();
    assert_eq!(newest, (16, rows[15].hash.clone().unwrap()));
}

async fn hashes(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    step(&bench.journal, &lease, &["intent", "outcome"]).await;
    sequence_all(&bench.journal, 100).await;
    let changes = [
        "actor",
        "action",
        "detail",
        "evidence",
        "credential",
        "destination",
        "outcome",
        "phase",
    ];
    for column in changes {
        let sql = format!("UPDATE audit SET {column} = 'changed' WHERE seq = 2");
        let undo = format!("UPDATE audit SET {column} = $1 WHERE seq = 2");
        let before = all(&bench.journal).await;
        bench
            .journal
            .write(async move |tx| tx.run(sql.clone(), &[]).await)
            .await
            .unwrap();
        let rows = all(&bench.journal).await;
        assert_ne!(rows[1].leaf, rows[1].expected_leaf(), "{column}");
        let old = column_of(&before[1].entry, column);
        bench
            .journal
            .write(async move |tx| tx.run(undo.clone(), &[(&old).into()]).await)
            .await
            .unwrap();
    }
    assert_sound(&all(&bench.journal).await);
    bench
        .journal
        .write(async |tx| tx.run("DELETE FROM audit WHERE seq = 1", &[]).await)
        .await
        .unwrap();
    let rows = all(&bench.journal).await;
    assert_ne!(
        rows[0].prev_hash,
        Some("0".repeat(64)),
        "a missing row shows"
    );
}

fn column_of(entry: &Entry, column: &str) -> String {
    match column {
        "actor" => &entry.actor,
        "action" => &entry.action,
        "detail" => &entry.detail,
        "evidence" => &entry.evidence,
        "credential" => &entry.credential,
        "destination" => &entry.destination,
        "outcome" => &entry.outcome,
        _ => &entry.phase,
    }
    .clone()
}

async fn listing(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    step(&bench.journal, &lease, &["intent"]).await;
    bench.clock.advance(1_000);
    apart(&bench.journal, "production/other", "request").await;
    let pending = bench
        .journal
        .read(async |tx| audit::pending(tx).await)
        .await
        .unwrap();
    assert_eq!(pending, 2);
    sequence_all(&bench.journal, 100).await;
    let later = bench.clock_ms();
    let everything = Filter {
        limit: 10,
        ..Filter::default()
    };
    let filters = [
        (
            Filter {
                secret_id: Some("production/other".into()),
                ..everything.clone()
            },
            2,
        ),
        (
            Filter {
                rotation_id: Some("r1".into()),
                ..everything.clone()
            },
            1,
        ),
        (
            Filter {
                since_ms: Some(later),
                ..everything.clone()
            },
            2,
        ),
        (
            Filter {
                after_seq: 1,
                ..everything.clone()
            },
            2,
        ),
        (
            Filter {
                limit: 1,
                ..everything
            },
            1,
        ),
    ];
    for (filter, expected) in filters {
        let asked = filter.clone();
        let rows = bench
            .journal
            .read(async move |tx| audit::list(tx, &filter).await)
            .await
            .unwrap();
        let places: Vec<_> = rows.iter().filter_map(|row| row.seq).collect();
        assert_eq!(places, [expected], "{asked:?}");
    }
}
