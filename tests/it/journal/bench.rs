//! Runs one list of cases on a fresh journal each, on SQLite and on PostgreSQL.

use crate::servers::postgres::Database;
use keywheel::clock::ManualClock;
use keywheel::journal::{Address, Journal};
use std::pin::Pin;
use std::sync::Arc;

/// The clock's first moment: 2026-01-01T00:00:00Z, epoch milliseconds.
pub(super) const START_MS: i64 = 1_767_225_600_000;

/// A fresh journal and what belongs to it.
pub(super) struct Bench {
    pub(super) journal: Journal,
    pub(super) clock: Arc<ManualClock>,
    pub(super) place: Place,
}

/// Where a bench's journal is.
pub(super) enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
}

impl Place {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// `None` where there is no PostgreSQL, with the reason printed.
    pub(super) async fn postgres() -> Option<Self> {
        Database::create().await.map(Self::Postgres)
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::Sqlite(folder) => Address::Sqlite(folder.path().join("keywheel.db")),
            Self::Postgres(database) => Address::Postgres(database.url.clone()),
        }
    }

    async fn remove(self) {
        match self {
            Self::Sqlite(folder) => folder.close().unwrap(),
            Self::Postgres(database) => database.remove().await,
        }
    }
}

impl Bench {
    pub(super) async fn at(place: Place) -> Self {
        let clock = Arc::new(ManualClock::starting_at(START_MS));
        let journal = Journal::create(place.address(), clock.clone())
            .await
            .unwrap();
        Self {
            journal,
            clock,
            place,
        }
    }

    /// Now by the bench's clock, epoch milliseconds.
    pub(super) fn clock_ms(&self) -> i64 {
        self.journal.clock().now_ms()
    }

    /// One more handle with connections of its own, as another process would have.
    pub(super) async fn another(&self) -> Journal {
        Journal::open(self.place.address(), self.clock.clone())
            .await
            .unwrap()
    }
}

/// A case under way, on the test's own thread.
pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One thing the journal promises.
pub(super) struct Case {
    /// The promise, as a sentence.
    name: &'static str,
    run: fn(Arc<Bench>) -> Running,
}

/// A case of a list; the closure only boxes the future.
pub(super) const fn case(name: &'static str, run: fn(Arc<Bench>) -> Running) -> Case {
    Case { name, run }
}

pub(super) async fn on_sqlite(cases: &[Case]) {
    let mut failed = Vec::new();
    for case in cases {
        failed.extend(run(case, Place::sqlite()).await);
    }
    assert_eq!(failed, [""; 0], "on SQLite");
}

pub(super) async fn on_postgres(cases: &[Case]) {
    let mut failed = Vec::new();
    for case in cases {
        let Some(place) = Place::postgres().await else {
            return;
        };
        failed.extend(run(case, place).await);
    }
    assert_eq!(failed, [""; 0], "on PostgreSQL");
}

/// The case's name where it failed; what failed was printed by the panic.
async fn run(case: &Case, place: Place) -> Option<&'static str> {
    let bench = Arc::new(Bench::at(place).await);
    let local = tokio::task::LocalSet::new();
    let ended = local
        .run_until(async { tokio::task::spawn_local((case.run)(Arc::clone(&bench))).await })
        .await;
    if ended.is_err() {
        return Some(case.name);
    }
    println!("ok: {}", case.name);
    if let Some(bench) = Arc::into_inner(bench) {
        drop(bench.journal);
        bench.place.remove().await;
    }
    None
}
