//! The two migration folders hold the same tables, and their word lists are those of the code.

use super::bench::{Bench, Case, Place, case, on_postgres, on_sqlite};
use keywheel::journal::spares::{ENDS, End};
use keywheel::journal::{Dialect, Result, Tx};
use keywheel::rotation::words::{STATUSES, State, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SQLITE: [&str; 6] = [
    include_str!("../../../migrations/sqlite/0001_journal.sql"),
    include_str!("../../../migrations/sqlite/0002_quota.sql"),
    include_str!("../../../migrations/sqlite/0003_environment.sql"),
    include_str!("../../../migrations/sqlite/0004_first.sql"),
    include_str!("../../../migrations/sqlite/0005_spare.sql"),
    include_str!("../../../migrations/sqlite/0006_attest.sql"),
];
const POSTGRES: [&str; 6] = [
    include_str!("../../../migrations/postgres/0001_journal.sql"),
    include_str!("../../../migrations/postgres/0002_quota.sql"),
    include_str!("../../../migrations/postgres/0003_environment.sql"),
    include_str!("../../../migrations/postgres/0004_first.sql"),
    include_str!("../../../migrations/postgres/0005_spare.sql"),
    include_str!("../../../migrations/postgres/0006_attest.sql"),
];

const CASES: &[Case] = &[case(
    "a word list of a table refuses every other word",
    |b| Box::pin(other_words_refused(b)),
)];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

/// One column as both databases describe it.
type Column = (String, String, bool);

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (postgres, sqlite) = (Bench::at(place).await, Bench::at(Place::sqlite()).await);
    let (postgres, sqlite) = (shape(&postgres).await, shape(&sqlite).await);
    assert!(sqlite.len() > 15, "tables: {:?}", sqlite.keys());
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn both_databases_have_the_same_indexes() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (postgres, sqlite) = (Bench::at(place).await, Bench::at(Place::sqlite()).await);
    let (postgres, sqlite) = (indexes(&postgres).await, indexes(&sqlite).await);
    assert!(
        sqlite.contains("secret_start") && sqlite.contains("rotation_exclusive"),
        "{sqlite:?}"
    );
    assert_eq!(sqlite, postgres);
}

#[test]
fn the_migration_files_differ_only_in_the_type_of_bytes() {
    let body = |texts: [&str; SQLITE.len()]| {
        let steps = texts.map(|text| text.lines().skip(2).collect::<Vec<_>>().join("\n"));
        steps.join("\n")
    };
    assert_eq!(body(SQLITE), body(POSTGRES).replace("BYTEA", "BLOB"));
}

#[test]
fn word_lists_of_the_tables_are_those_of_the_code() {
    let states: Vec<&str> = [State::Active, State::Waiting, State::Blocked, State::Ended]
        .map(State::word)
        .into();
    assert_eq!(words_of("rotation", "state"), states);
    let statuses: Vec<&str> = STATUSES.map(Status::word).into();
    assert_eq!(words_of("effect", "status"), statuses);
    let spares: Vec<&str> = std::iter::once("ready")
        .chain(ENDS.map(End::word))
        .collect();
    assert_eq!(words_of("spare", "state"), spares);
    for (table, column) in lists() {
        let known = [
            ("rotation", "state"),
            ("effect", "status"),
            ("credential", "state"),
            ("request", "state"),
            ("spare", "state"),
        ];
        assert!(
            known.contains(&(table, column)),
            "compare the new list of {table}.{column} with the code"
        );
    }
}

/// The words that a column's `CHECK` allows, in their order.
fn words_of(table: &str, column: &str) -> Vec<&'static str> {
    let start = format!("CREATE TABLE {table} (");
    let bodies = SQLITE.iter().filter_map(|text| text.split_once(&start));
    let body = bodies
        .map(|(_, body)| body)
        .next()
        .unwrap()
        .split_once(");\n")
        .unwrap()
        .0;
    let list = body
        .split_once(&format!("CHECK ({column} IN"))
        .unwrap()
        .1
        .split_once("))")
        .unwrap()
        .0;
    list.split('\'').skip(1).step_by(2).collect()
}

/// Table and column of every `CHECK` list.
fn lists() -> Vec<(&'static str, &'static str)> {
    let tables = SQLITE
        .iter()
        .flat_map(|step| step.split("CREATE TABLE ").skip(1));
    tables
        .flat_map(|table| {
            let name = table.split_once(' ').unwrap().0;
            let body = table.split_once(");\n").unwrap().0;
            body.split("CHECK (")
                .skip(1)
                .map(move |check| (name, check.split_once(' ').unwrap().0))
        })
        .collect()
}

async fn other_words_refused(bench: Arc<Bench>) {
    let rotation = "INSERT INTO rotation (id, secret_id, priority, phase, state, mode, cause, reason, actor, plan, \
         exclusive, fence, holder, lease_until_ms, wake_ms, touched, wish, wish_actor, accept_outage, leaked, \
         created_ms, phase_since_ms, retried_ms, question, waiting, audit_n, audit_head) VALUES ('r1', 's', 0, '', $1, \
         '', '', '', '', '', 0, 0, '', 0, 0, 0, '', '', 0, '', 0, 0, 0, '', '', 0, '')";
    let effect = "INSERT INTO effect (rotation_id, kind, target, try, token, fence, created_ms, deadline_ms, status, \
         retry_ms, word, result) VALUES ('r1', '', '', 1, '', 0, 0, 0, $1, 0, '', '')";
    let request = "INSERT INTO request (id, secret_id, cause, mode, credential, reason, actor, accept_outage, \
         reported_ms, created_ms, state) VALUES ('q1', 's', '', '', '', '', '', 0, 0, 0, $1)";
    for (sql, word) in [
        (rotation, "active"),
        (effect, "intent"),
        (request, "queued"),
    ] {
        let other = bench
            .journal
            .write(async move |tx| tx.run(sql, &["vanished".into()]).await);
        assert!(other.await.is_err(), "{sql}");
        bench
            .journal
            .write(async move |tx| tx.run(sql, &[word.into()]).await)
            .await
            .unwrap();
    }
}

async fn shape(bench: &Bench) -> BTreeMap<String, BTreeSet<Column>> {
    let read = bench.journal.read(async |tx| {
        let mut shape: BTreeMap<String, BTreeSet<Column>> = BTreeMap::new();
        let sql = match tx.dialect() {
            Dialect::Sqlite => {
                "SELECT m.name AS table_name, c.name AS column_name, c.type AS type, \
                 CAST(c.\"notnull\" = 1 OR c.pk > 0 AS BIGINT) AS required \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            }
            Dialect::Postgres => {
                "SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS column_name, \
                 CAST(upper(data_type) AS TEXT) AS type, \
                 CAST(CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS BIGINT) AS required \
                 FROM information_schema.columns WHERE table_schema = current_schema()"
            }
        };
        for row in tx.rows(sql, &[]).await? {
            let kind = row.text("type")?.replace("BLOB", "BYTEA");
            let column = (row.text("column_name")?, kind, row.int("required")? == 1);
            shape.entry(row.text("table_name")?).or_default().insert(column);
        }
        shape.remove("_sqlx_migrations");
        Ok(shape)
    });
    read.await.unwrap()
}

async fn indexes(bench: &Bench) -> BTreeSet<String> {
    let read = bench
        .journal
        .read(async |tx| names_of_indexes(tx).await)
        .await
        .unwrap();
    // Indexes behind a primary key have the database's own names.
    read.into_iter()
        .filter(|name| !name.starts_with("sqlite_") && !name.ends_with("_pkey"))
        .collect()
}

async fn names_of_indexes(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        Dialect::Postgres => {
            "SELECT CAST(indexname AS TEXT) AS name FROM pg_indexes WHERE schemaname = current_schema()"
        }
    };
    tx.rows(sql, &[])
        .await?
        .iter()
        .map(|row| row.text("name"))
        .collect()
}
