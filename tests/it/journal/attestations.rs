//! Challenges are good once and for a minute, at every replica; rows are bounded.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use keywheel::journal::attestations::{
    self, ANSWER_MS, ANSWERS_MAX, Attestation, CHALLENGE_MS, CHALLENGES_MAX, INSTANCES_MAX, Subject,
};
use keywheel::journal::{Journal, Result, Tx};
use std::sync::Arc;

const CASES: &[Case] = &[
    case("a challenge is good once, at any replica", |b| {
        Box::pin(once(b))
    }),
    case("a challenge is good for whom it was given to", |b| {
        Box::pin(for_one(b))
    }),
    case("a challenge is good for a minute", |b| {
        Box::pin(for_a_minute(b))
    }),
    case("open challenges of a consumer are bounded", |b| {
        Box::pin(bounded(b))
    }),
    case("the newest answers are kept, for a day", |b| {
        Box::pin(kept(b))
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

fn subject(instance: &str) -> Subject {
    Subject {
        secret_id: "test/token".to_owned(),
        consumer: "job".to_owned(),
        instance: instance.to_owned(),
    }
}

async fn issue(journal: &Journal, challenge: &str) -> bool {
    let challenge = challenge.to_owned();
    let issued = async move |tx: &mut Tx| attestations::issue(tx, &challenge, &subject("a")).await;
    journal.write(issued).await.unwrap()
}

async fn redeem(journal: &Journal, challenge: &str, instance: &str) -> Option<i64> {
    let (challenge, subject) = (challenge.to_owned(), subject(instance));
    let used = async move |tx: &mut Tx| attestations::redeem(tx, &challenge, &subject).await;
    journal.write(used).await.unwrap()
}

async fn once(bench: Arc<Bench>) {
    let other = bench.another().await;
    assert!(issue(&bench.journal, "c1").await);
    let (here, there) = tokio::join!(redeem(&bench.journal, "c1", "a"), redeem(&other, "c1", "a"));
    assert_eq!(u8::from(here.is_some()) + u8::from(there.is_some()), 1);
    assert_eq!(redeem(&other, "c1", "a").await, None);
}

async fn for_one(bench: Arc<Bench>) {
    assert!(issue(&bench.journal, "c1").await);
    assert_eq!(redeem(&bench.journal, "c1", "b").await, None);
    // Whoever showed it has used it up.
    assert_eq!(redeem(&bench.journal, "c1", "a").await, None);
    assert_eq!(redeem(&bench.journal, "never-given", "a").await, None);
}

async fn for_a_minute(bench: Arc<Bench>) {
    assert!(issue(&bench.journal, "c1").await);
    assert!(issue(&bench.journal, "c2").await);
    bench.clock.advance(CHALLENGE_MS - 1);
    assert!(redeem(&bench.journal, "c1", "a").await.is_some());
    bench.clock.advance(1);
    assert_eq!(redeem(&bench.journal, "c2", "a").await, None);
}

async fn bounded(bench: Arc<Bench>) {
    for at in 0..CHALLENGES_MAX {
        assert!(issue(&bench.journal, &format!("c{at}")).await);
    }
    assert!(!issue(&bench.journal, "one-more").await);
    bench.clock.advance(CHALLENGE_MS);
    assert!(issue(&bench.journal, "one-more").await);
    assert_eq!(count(&bench.journal, "challenge").await.unwrap(), 1);
}

async fn kept(bench: Arc<Bench>) {
    let first = bench.clock_ms();
    let keep = async |instance: String, at: i64| {
        let one = Attestation {
            challenge: format!("c{at:04}"),
            answer: "{}".to_owned(),
            issued_ms: first + at,
        };
        let kept = async move |tx: &mut Tx| attestations::keep(tx, &subject(&instance), &one).await;
        bench.clock.advance(1);
        bench.journal.write(kept).await.unwrap()
    };
    // Whoever says much takes no place of another.
    assert!(keep("b".to_owned(), 0).await);
    for at in 1..=ANSWERS_MAX + 4 {
        assert!(keep("a".to_owned(), at).await);
    }
    let all = of(&bench.journal).await;
    assert_eq!(i64::try_from(all.len()).unwrap(), ANSWERS_MAX + 1);
    assert_eq!(all[0].issued_ms, first + ANSWERS_MAX + 4);
    assert_eq!(all.last().unwrap().issued_ms, first);
    for at in 0..INSTANCES_MAX - 2 {
        assert!(keep(format!("i{at}"), 100 + at).await);
    }
    assert!(!keep("one-more".to_owned(), 1_999).await);
    assert!(keep("b".to_owned(), 2_000).await);
    bench.clock.advance(ANSWER_MS + 2_000);
    assert!(of(&bench.journal).await.is_empty());
}

async fn of(journal: &Journal) -> Vec<Attestation> {
    let read = journal.read(async |tx| attestations::of(tx, "test/token", "job").await);
    read.await.unwrap()
}

async fn count(journal: &Journal, table: &'static str) -> Result<i64> {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let read = journal.read(async move |tx| tx.row(sql.clone(), &[]).await);
    read.await?.unwrap().int("n")
}
