//! Quotas of outside systems hold for all replicas together.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use keywheel::quotas::Quotas;
use keywheel_contract::{Draw, ErrorKind, Quota};
use std::sync::Arc;
use std::time::Duration;

const CASES: &[Case] = &[
    case("four replicas together stay within a quota", |b| {
        Box::pin(together(b))
    }),
    case("a complaint to one replica slows all of them", |b| {
        Box::pin(complaint(b))
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

/// So slow that a call is either made at once or put off.
fn draw() -> Draw {
    Draw {
        quota: Quota {
            name: "example/writes".to_owned(),
            per_minute: 6,
            burst: 3,
        },
        calls: 1,
    }
}

async fn replicas(bench: &Bench) -> Vec<Quotas> {
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(Quotas::new(bench.another().await));
    }
    replicas
}

async fn together(bench: Arc<Bench>) {
    let replicas = replicas(&bench).await;
    let mut made = 0;
    for _ in 0..60 {
        for replica in &replicas {
            made += usize::from(replica.take(&[draw()]).await.is_ok());
        }
        bench.clock.advance(5_000);
    }
    // Five minutes and the burst.
    assert!((30..=33).contains(&made), "{made} calls");
}

async fn complaint(bench: Arc<Bench>) {
    let replicas = replicas(&bench).await;
    replicas[0].take(&[draw()]).await.unwrap();
    let asked = Some(Duration::from_secs(90));
    replicas[0].slow(&[draw()], asked).await.unwrap();
    for replica in &replicas {
        let error = replica.take(&[draw()]).await.unwrap_err();
        let ErrorKind::Throttled { after: Some(after) } = error.kind else {
            panic!("{error}");
        };
        assert!(after >= Duration::from_secs(90), "{after:?}");
        assert!(error.message.contains("example/writes"), "{error}");
    }
    bench.clock.advance(101_000);
    replicas[3].take(&[draw()]).await.unwrap();
    replicas[1].take(&[draw()]).await.unwrap_err();
}
