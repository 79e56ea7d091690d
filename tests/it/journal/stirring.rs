//! A worker remembers what it read for the length of its lease: whatever somebody else changes of it has to move
//! the counter that the worker looks at.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{KEPT, LEASE_MS, definition, leased};
use keywheel::journal::requests::{self, Request};
use keywheel::journal::rotations::{self, Lease, Standing};
use keywheel::journal::{Error, Result, Tx, ledger, secrets};
use keywheel::rotation::facts::Waiver;
use keywheel::rotation::words::{Cause, Mode, Wish};
use std::sync::Arc;

const ID: &str = "production/api-key";

const CASES: &[Case] = &[
    case("a changed definition stirs", |b| {
        Box::pin(stirs(b, async |tx, _| {
            secrets::apply(tx, &[definition("api-key")]).await
        }))
    }),
    case("retiring stirs", |b| {
        Box::pin(stirs(b, async |tx, _| {
            secrets::retire(tx, &[ID.to_owned()]).await
        }))
    }),
    case("a pause stirs", |b| {
        Box::pin(stirs(b, async |tx, _| {
            secrets::pause(tx, ID, Some("example"), "an example", None).await
        }))
    }),
    case("a waiver stirs", |b| {
        Box::pin(stirs(b, async |tx, _| {
            ledger::waive(tx, "w1", ID, &waiver()).await
        }))
    }),
    case("an emergency stirs", |b| {
        Box::pin(stirs(b, async |tx, _| {
            requests::add(tx, &request(Cause::Emergency)).await
        }))
    }),
    case("a wish stirs", |b| {
        Box::pin(stirs(b, async |tx, lease| {
            rotations::wish(tx, &lease.id, Wish::Rollback, "example").await
        }))
    }),
    case("a retry stirs", |b| {
        Box::pin(stirs(b, async |tx, lease| {
            rotations::retry(tx, &lease.id, "example").await
        }))
    }),
    case("a row of its audit by somebody else stirs", |b| {
        Box::pin(stirs(b, async |tx, lease| {
            let run = rotations::by_id(tx, lease.id.as_str()).await?.unwrap();
            rotations::keep_audit_head(tx, &run).await
        }))
    }),
    case("a request that waits its turn does not", |b| {
        Box::pin(async move {
            let [before, after] = around(b, async |tx, _| {
                requests::add(tx, &request(Cause::Manual)).await
            })
            .await;
            assert_eq!(before, after);
        })
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

async fn stirs<F>(bench: Arc<Bench>, change: F)
where
    F: AsyncFn(&mut Tx, &Lease) -> Result<()> + Send + Sync + Clone + 'static,
{
    let lease = leased(&bench.journal, "first").await;
    let read_at = touched(&bench, &lease).await;
    save(&bench, &lease, read_at).await.unwrap();
    let of = lease.clone();
    let changed = bench.journal.write(async move |tx| change(tx, &of).await);
    changed.await.unwrap();
    assert!(
        touched(&bench, &lease).await > read_at,
        "the holder would not notice"
    );
    let late = save(&bench, &lease, read_at).await;
    assert!(
        matches!(late, Err(Error::Stale)),
        "the holder wrote over it"
    );
}

/// A step that did not take the row first, of a holder that read when the count was this.
async fn save(bench: &Bench, lease: &Lease, read_at: i64) -> Result<()> {
    let lease = lease.clone();
    let saved = bench.journal.write(async move |tx| {
        let run = rotations::by_id(tx, lease.id.as_str()).await?.unwrap();
        let standing = Standing {
            read_at: Some(read_at),
            ..KEPT
        };
        rotations::save(tx, &lease, &run, standing).await
    });
    saved.await
}

/// What the holder is told before and after somebody's change.
async fn around<F>(bench: Arc<Bench>, change: F) -> [i64; 2]
where
    F: AsyncFn(&mut Tx, &Lease) -> Result<()> + Send + Sync + Clone + 'static,
{
    let lease = leased(&bench.journal, "first").await;
    let before = touched(&bench, &lease).await;
    let of = lease.clone();
    let changed = bench.journal.write(async move |tx| change(tx, &of).await);
    changed.await.unwrap();
    [before, touched(&bench, &lease).await]
}

async fn touched(bench: &Bench, lease: &Lease) -> i64 {
    let lease = lease.clone();
    let held = bench
        .journal
        .write(async move |tx| rotations::hold(tx, &lease, LEASE_MS).await);
    held.await.unwrap()
}

fn waiver() -> Waiver {
    Waiver {
        subject: "api".into(),
        actor: "example".into(),
        reason: "an example".into(),
        created_ms: START_MS,
        until_ms: START_MS + 60_000,
    }
}

fn request(cause: Cause) -> Request {
    Request {
        id: "q1".into(),
        secret_id: ID.into(),
        cause,
        mode: Mode::Normal,
        credential: "current".into(),
        reason: "an example".into(),
        actor: "example".into(),
        accept_outage: false,
        reported_ms: START_MS,
    }
}
