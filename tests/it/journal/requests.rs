//! Requests and replicas: what survives a crash, and who is there to adopt it.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use keywheel::journal::requests::{self, Request};
use keywheel::rotation::words::{Cause, Mode};
use std::sync::Arc;

const CASES: &[Case] = &[
    case("a request comes back as written, emergencies first", |b| {
        Box::pin(queued_in_order(b))
    }),
    case("a request of any cause and mode can be read back", |b| {
        Box::pin(every_word(b))
    }),
    case("a request is closed once", |b| Box::pin(closed_once(b))),
    case("the emergency of one secret is found", |b| {
        Box::pin(emergency_found(b))
    }),
    case("the same request cannot be added twice", |b| {
        Box::pin(added_once(b))
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

fn request(id: &str, secret: &str, cause: Cause) -> Request {
    Request {
        id: id.into(),
        secret_id: format!("production/{secret}"),
        cause,
        mode: Mode::Normal,
        credential: "all".into(),
        reason: "an example".into(),
        actor: "example".into(),
        accept_outage: cause == Cause::Emergency,
        reported_ms: START_MS - 60_000,
    }
}

async fn add(bench: &Bench, request: Request) {
    bench
        .journal
        .write(async move |tx| requests::add(tx, &request).await)
        .await
        .unwrap();
}

async fn queued(bench: &Bench, limit: i64) -> Vec<Request> {
    bench
        .journal
        .read(async move |tx| requests::queued(tx, limit).await)
        .await
        .unwrap()
}

async fn queued_in_order(bench: Arc<Bench>) {
    let (first, second) = (
        request("q1", "a", Cause::Manual),
        request("q2", "b", Cause::Scheduled),
    );
    let emergency = request("q3", "c", Cause::Emergency);
    for one in [&first, &second, &emergency] {
        add(&bench, one.clone()).await;
        bench.clock.advance(1);
    }
    assert_eq!(queued(&bench, 10).await, [emergency.clone(), first, second]);
    assert_eq!(queued(&bench, 1).await, [emergency]);
}

async fn every_word(bench: Arc<Bench>) {
    let mut expected = Vec::new();
    for cause in [Cause::Scheduled, Cause::Manual, Cause::Drift] {
        for mode in [Mode::Normal, Mode::Cutover, Mode::Contain] {
            let id = format!("{}-{}", cause.word(), mode.word());
            let request = Request {
                mode,
                ..request(&id, "a", cause)
            };
            add(&bench, request.clone()).await;
            bench.clock.advance(1);
            expected.push(request);
        }
    }
    assert_eq!(queued(&bench, 100).await, expected);
}

async fn closed_once(bench: Arc<Bench>) {
    add(&bench, request("q1", "a", Cause::Manual)).await;
    for (state, rotation) in [("adopted", "r1"), ("dropped", "r2")] {
        let close = bench
            .journal
            .write(async move |tx| requests::close(tx, "q1", state, rotation).await);
        close.await.unwrap();
    }
    assert_eq!(queued(&bench, 10).await, []);
    let rotation = bench
        .journal
        .read(async |tx| requests::rotation_of(tx, "q1").await)
        .await
        .unwrap();
    assert_eq!(
        rotation.as_deref(),
        Some("r1"),
        "the first to close it has it"
    );
}

async fn emergency_found(bench: Arc<Bench>) {
    add(&bench, request("q1", "a", Cause::Manual)).await;
    add(&bench, request("q2", "b", Cause::Emergency)).await;
    let of = |secret: &'static str| {
        bench
            .journal
            .read(async move |tx| tx.first(requests::emergencies(secret)).await)
    };
    assert_eq!(of("production/a").await.unwrap(), None);
    assert_eq!(
        of("production/b").await.unwrap(),
        Some(request("q2", "b", Cause::Emergency))
    );
    let close = bench
        .journal
        .write(async |tx| requests::close(tx, "q2", "adopted", "r1").await);
    close.await.unwrap();
    assert_eq!(of("production/b").await.unwrap(), None);
}

async fn added_once(bench: Arc<Bench>) {
    add(&bench, request("q1", "a", Cause::Manual)).await;
    let again = request("q1", "other", Cause::Emergency);
    let again = bench
        .journal
        .write(async move |tx| requests::add(tx, &again).await);
    assert!(again.await.is_err());
    assert_eq!(
        queued(&bench, 10).await,
        [request("q1", "a", Cause::Manual)]
    );
}
