//! Opening and making a journal: only `init` makes one, and nothing that is not ours is touched.

use super::bench::{Bench, Case, Place, START_MS, case, on_postgres, on_sqlite};
use keywheel::clock::{Clock, ManualClock};
use keywheel::journal::{Address, Dialect, Error, Journal, MIGRATIONS, Result, meta};
use std::path::Path;
use std::sync::Arc;

const CASES: &[Case] = &[
    case("what was made can be opened, with what is in it", |b| {
        Box::pin(opened_again(b))
    }),
    case("a journal is not made over another", |b| {
        Box::pin(not_made_twice(b))
    }),
    case("a journal of a newer version is left alone", |b| {
        Box::pin(newer(b))
    }),
    case("a database of another program is left alone", |b| {
        Box::pin(foreign(b))
    }),
    case("another program's migrations are not taken for ours", |b| {
        Box::pin(foreign_migrations(b))
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

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::starting_at(START_MS))
}

pub(super) async fn open(place: &Place) -> Result<Journal> {
    Journal::open(place.address(), clock()).await
}

pub(super) async fn create(place: &Place) -> Result<Journal> {
    Journal::create(place.address(), clock()).await
}

/// The error, without asking a journal for `Debug`.
pub(super) fn error(outcome: Result<Journal>) -> Error {
    match outcome {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

async fn opened_again(bench: Arc<Bench>) {
    bench
        .journal
        .write(async |tx| meta::keep(tx, "kept", "x").await)
        .await
        .unwrap();
    let again = open(&bench.place).await.unwrap();
    let found = again
        .read(async |tx| meta::fact(tx, "kept").await)
        .await
        .unwrap();
    assert_eq!(found.as_deref(), Some("x"));
}

async fn not_made_twice(bench: Arc<Bench>) {
    bench
        .journal
        .write(async |tx| meta::keep(tx, "kept", "x").await)
        .await
        .unwrap();
    let again = error(create(&bench.place).await);
    assert!(matches!(again, Error::Exists { .. }), "{again}");
    opened_again(bench).await;
}

async fn newer(bench: Arc<Bench>) {
    let later = bench.journal.write(async |tx| {
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        tx.run(sql, &[]).await
    });
    later.await.unwrap();
    for outcome in [open(&bench.place).await, create(&bench.place).await] {
        match error(outcome) {
            Error::Newer {
                found: 999,
                known: MIGRATIONS,
                ..
            }
            | Error::Exists { .. } => {}
            other => panic!("{other}"),
        }
    }
}

/// Tables of the database by name.
async fn tables(bench: &Bench) -> Vec<String> {
    let list = bench.journal.read(async |tx| {
        let sql = match tx.dialect() {
            Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Dialect::Postgres => {
                "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables \
                 WHERE schemaname = current_schema() ORDER BY tablename"
            }
        };
        tx.rows(sql, &[])
            .await?
            .iter()
            .map(|row| row.text("name"))
            .collect::<Result<Vec<_>>>()
    });
    list.await.unwrap()
}

/// Takes every table of ours away and puts one of somebody else's there.
async fn make_foreign(bench: &Bench, keep: &str) {
    let ours: Vec<String> = tables(bench)
        .await
        .into_iter()
        .filter(|table| table != keep)
        .collect();
    let change = bench.journal.write(async move |tx| {
        for table in &ours {
            tx.run(format!("DROP TABLE {table}"), &[]).await?;
        }
        tx.run("CREATE TABLE invoices (id BIGINT)", &[]).await
    });
    change.await.unwrap();
}

async fn assert_left_alone(bench: &Bench) {
    let before = tables(bench).await;
    for outcome in [open(&bench.place).await, create(&bench.place).await] {
        let error = error(outcome);
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
    }
    assert_eq!(tables(bench).await, before);
}

async fn foreign(bench: Arc<Bench>) {
    make_foreign(&bench, "").await;
    assert_left_alone(&bench).await;
}

async fn foreign_migrations(bench: Arc<Bench>) {
    make_foreign(&bench, "_sqlx_migrations").await;
    let theirs =
        "UPDATE _sqlx_migrations SET version = version + 20240101000000, description = 'invoices'";
    bench
        .journal
        .write(async move |tx| tx.run(theirs, &[]).await)
        .await
        .unwrap();
    assert_left_alone(&bench).await;
}

#[tokio::test]
async fn an_empty_database_is_no_journal_and_stays_empty() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let missing = error(open(&place).await);
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    let bench = Bench::at(place).await;
    assert!(tables(&bench).await.contains(&"rotation".to_owned()));
}

/// A restart of the server closes every connection; the next call must not notice.
#[tokio::test]
async fn connections_that_died_while_idle_are_replaced() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let bench = Arc::new(Bench::at(place).await);
    let many = (0..8).map(|i| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let name = format!("row-{i}");
            bench
                .journal
                .write(async move |tx| meta::keep(tx, &name, "x").await)
                .await
                .unwrap();
        })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let Place::Postgres(database) = &bench.place else {
        panic!("not a server")
    };
    database.disconnect_everyone().await;
    for i in 0..8 {
        let name = format!("row-{i}");
        let found = bench
            .journal
            .read(async move |tx| meta::fact(tx, &name).await)
            .await
            .unwrap();
        assert_eq!(found.as_deref(), Some("x"));
    }
}

#[tokio::test]
async fn a_server_out_of_reach_is_told_without_the_password() {
    // Port 9 of the loopback: nobody listens there.
    let urls = [
        "postgres://keywheel:example-password@127.0.0.1:9/keywheel",
        "postgres://127.0.0.1:9/keywheel?user=keywheel&password=example-password",
    ];
    for url in urls {
        let address = Address::parse(url, Path::new("/")).unwrap();
        let error = error(Journal::open(address.clone(), clock()).await);
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        for text in [
            error.to_string(),
            format!("{error:?}"),
            address.to_string(),
            format!("{address:?}"),
        ] {
            assert!(!text.contains("example-password"), "{text}");
        }
    }
}

#[test]
fn an_address_is_a_file_or_a_server() {
    let base = Path::new("/etc/keywheel");
    let file = Address::parse("sqlite://keywheel.db", base).unwrap();
    assert_eq!(file, Address::Sqlite("/etc/keywheel/keywheel.db".into()));
    assert_eq!(
        Address::parse("sqlite:///srv/k.db", base).unwrap(),
        Address::Sqlite("/srv/k.db".into())
    );
    for wrong in [
        "",
        "keywheel.db",
        "sqlite://",
        "mysql://me:example-password@host/db",
    ] {
        let error = Address::parse(wrong, base).unwrap_err();
        assert!(matches!(error, Error::Address { .. }));
        assert!(!error.to_string().contains("example-password"), "{error}");
    }
}
