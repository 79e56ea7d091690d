//! Challenges are used once, whichever replica they are shown to; rows are bounded, and swept.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use keywheel::journal::attestations::{
    self, ANSWER_MS, ANSWERS_MAX, ANSWERS_OF_ONE_MAX, Attestation, CHALLENGE_MS, Subject,
};
use keywheel::journal::{Journal, Result, Tx};
use std::sync::Arc;

const CASES: &[Case] = &[
    case("a challenge is used once, at any replica", |b| {
        Box::pin(once(b))
    }),
    case("all replicas make challenges with one key", |b| {
        Box::pin(one_key(b))
    }),
    case("nobody crowds out what another one said", |b| {
        Box::pin(crowded(b))
    }),
    case("what nobody asks for any more is swept", |b| {
        Box::pin(swept(b))
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

async fn spend(journal: &Journal, challenge: &str, given_ms: i64) -> bool {
    let challenge = challenge.to_owned();
    let spent =
        async move |tx: &mut Tx| attestations::spend(tx, &challenge, &subject("a"), given_ms).await;
    journal.write(spent).await.unwrap()
}

async fn once(bench: Arc<Bench>) {
    let (other, now) = (bench.another().await, bench.clock_ms());
    let (here, there) = tokio::join!(spend(&bench.journal, "c1", now), spend(&other, "c1", now));
    assert!(here != there, "{here} {there}");
    assert!(!spend(&other, "c1", now).await);
    assert!(spend(&other, "c2", now).await);
}

async fn one_key(bench: Arc<Bench>) {
    let other = bench.another().await;
    let key = async |journal: &Journal, fresh: &'static str| {
        let made = async move |tx: &mut Tx| attestations::key(tx, fresh).await;
        journal.write(made).await.unwrap()
    };
    let (here, there) = tokio::join!(key(&bench.journal, "one"), key(&other, "two"));
    assert_eq!(here, there);
    assert!(["one", "two"].contains(&here.as_str()));
    assert_eq!(key(&other, "three").await, here);
}

async fn keep(bench: &Bench, instance: &str, challenge: String, issued_ms: i64) {
    let instance = instance.to_owned();
    let one = Attestation {
        challenge,
        answer: "{}".to_owned(),
        issued_ms,
    };
    let kept = async move |tx: &mut Tx| attestations::keep(tx, &subject(&instance), &one).await;
    bench.journal.write(kept).await.unwrap();
}

async fn crowded(bench: Arc<Bench>) {
    let first = bench.clock_ms();
    keep(&bench, "b", "b".to_owned(), first).await;
    for at in 1..=ANSWERS_OF_ONE_MAX + 4 {
        keep(&bench, "a", format!("a{at:05}"), first + at).await;
    }
    let all = of(&bench.journal).await;
    assert_eq!(count(&all), ANSWERS_OF_ONE_MAX + 1);
    assert_eq!(all[0].issued_ms, first + ANSWERS_OF_ONE_MAX + 4);
    assert_eq!(all.last().unwrap().challenge, "b");
    // Others by any name: the newest are there, and a new one always is.
    let rows = async move |tx: &mut Tx| {
        let row = |at: i64| {
            let of = ["test/token".into(), "job".into(), format!("i{at}").into()];
            let challenge = format!("i{at:05}").into();
            let [secret, consumer, instance] = of;
            let at = (first + 1_000 + at).into();
            vec![challenge, secret, consumer, instance, "{}".into(), at]
        };
        let rows: Vec<_> = (0..ANSWERS_MAX).map(row).collect();
        let head =
            "INSERT INTO attestation (challenge, secret_id, consumer, instance, answer, issued_ms)";
        tx.insert(head, &rows, "").await
    };
    bench.journal.write(rows).await.unwrap();
    keep(&bench, "new", "new".to_owned(), first + 100_000).await;
    bench.clock.advance(100_000);
    let all = of(&bench.journal).await;
    assert_eq!(count(&all), ANSWERS_MAX);
    assert_eq!(all[0].challenge, "new");
    assert_eq!(all.last().unwrap().challenge, "i00001");
}

async fn swept(bench: Arc<Bench>) {
    let first = bench.clock_ms();
    assert!(spend(&bench.journal, "c1", first).await);
    keep(&bench, "a", "c1".to_owned(), first).await;
    for (after, challenges, answers) in [
        (0, 1, 1),
        (CHALLENGE_MS - 1, 1, 1),
        (1, 0, 1),
        (ANSWER_MS - CHALLENGE_MS, 0, 0),
    ] {
        bench.clock.advance(after);
        bench.journal.write(attestations::sweep).await.unwrap();
        assert_eq!(rows(&bench.journal, "challenge").await.unwrap(), challenges);
        assert_eq!(rows(&bench.journal, "attestation").await.unwrap(), answers);
    }
    assert!(of(&bench.journal).await.is_empty());
}

fn count(all: &[Attestation]) -> i64 {
    i64::try_from(all.len()).unwrap()
}

async fn of(journal: &Journal) -> Vec<Attestation> {
    let read = journal.read(async |tx| attestations::of(tx, "test/token", "job").await);
    read.await.unwrap()
}

async fn rows(journal: &Journal, table: &'static str) -> Result<i64> {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let read = journal.read(async move |tx| tx.row(sql.clone(), &[]).await);
    read.await?.unwrap().int("n")
}
