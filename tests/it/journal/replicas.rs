//! Replicas and the named leases they share.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use keywheel::journal::Journal;
use keywheel::journal::replicas::{self, Replica};
use std::sync::Arc;

const CASES: &[Case] = &[
    case(
        "a replica is seen as long as it beats, and until it says goodbye",
        |b| Box::pin(beats(b)),
    ),
    case(
        "a replica that is long gone is forgotten, but for the last of its kind",
        |b| Box::pin(forgotten(b)),
    ),
    case("a named lease has one holder", |b| Box::pin(one_holder(b))),
    case("a named lease is taken over only after it ran out", |b| {
        Box::pin(taken_over(b))
    }),
    case("a lease given up can be taken at once", |b| {
        Box::pin(given_up(b))
    }),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

const LEASE_MS: i64 = 5_000;

fn replica(id: &str) -> Replica {
    Replica {
        id: id.into(),
        kind: "daemon".into(),
        host: "example".into(),
        pid: 4242,
        started_ms: START_MS,
        seen_ms: START_MS,
        stopped_ms: None,
    }
}

async fn take(journal: &Journal, holder: &str) -> bool {
    let holder = holder.to_owned();
    let take =
        journal.write(async move |tx| replicas::take(tx, "sequencer", &holder, LEASE_MS).await);
    take.await.unwrap()
}

async fn beats(bench: Arc<Bench>) {
    for later in [0, 2_000] {
        bench.clock.advance(later);
        bench
            .journal
            .write(async |tx| replicas::beat(tx, &replica("one")).await)
            .await
            .unwrap();
    }
    let list = || bench.journal.read(async |tx| replicas::list(tx).await);
    let mut expected = replica("one");
    expected.seen_ms = START_MS + 2_000;
    assert_eq!(list().await.unwrap(), [expected.clone()]);
    bench
        .journal
        .write(async |tx| replicas::stop(tx, "one").await)
        .await
        .unwrap();
    expected.stopped_ms = Some(START_MS + 2_000);
    assert_eq!(list().await.unwrap(), [expected]);
}

async fn forgotten(bench: Arc<Bench>) {
    const DAY_MS: i64 = 24 * 3_600_000;
    let beat = async |id: &str, kind: &str| {
        let one = Replica {
            kind: kind.to_owned(),
            ..replica(id)
        };
        let written = bench
            .journal
            .write(async move |tx| replicas::beat(tx, &one).await);
        written.await.unwrap();
    };
    let left = async || {
        let rows = bench
            .journal
            .read(async |tx| replicas::list(tx).await)
            .await;
        let mut ids: Vec<String> = rows.unwrap().into_iter().map(|one| one.id).collect();
        ids.sort();
        ids.join(" ")
    };
    beat("first", "daemon").await;
    beat("command", "command").await;
    bench.clock.advance(DAY_MS);
    beat("second", "daemon").await;
    assert_eq!(left().await, "command first second");
    bench.clock.advance(1);
    beat("second", "daemon").await;
    assert_eq!(left().await, "command second", "the last command is kept");
    bench.clock.advance(2 * DAY_MS);
    beat("later", "command").await;
    assert_eq!(left().await, "later second", "since when no daemon runs");
}

async fn one_holder(bench: Arc<Bench>) {
    let racers = (0..16).map(|i| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { take(&bench.journal, &format!("racer-{i}")).await })
    });
    let mut winners = 0;
    for racer in racers.collect::<Vec<_>>() {
        winners += i32::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
}

async fn taken_over(bench: Arc<Bench>) {
    assert!(take(&bench.journal, "first").await);
    bench.clock.advance(LEASE_MS - 1);
    assert!(!take(&bench.journal, "second").await);
    assert!(take(&bench.journal, "first").await, "its holder renews it");
    bench.clock.advance(LEASE_MS - 1);
    assert!(!take(&bench.journal, "second").await);
    bench.clock.advance(1);
    assert!(take(&bench.journal, "second").await);
    assert!(!take(&bench.journal, "first").await);
}

async fn given_up(bench: Arc<Bench>) {
    assert!(take(&bench.journal, "first").await);
    bench
        .journal
        .write(async |tx| replicas::release(tx, "first").await)
        .await
        .unwrap();
    assert!(take(&bench.journal, "second").await);
}
