//! The floor: bare step transactions on the same disk, without keywheel. One step updates a row, inserts 200
//! bytes and inserts 300 bytes, as an intent and its audit row would.

use super::ground::{Backend, Ground};
use anyhow::{Context as _, Result};
use sqlx::{
    AssertSqlSafe, Connection, Database, Encode, Executor, IntoArguments, PgConnection, Postgres,
    Sqlite, SqliteConnection, Type,
};
use std::time::{Duration, Instant};

/// How long it is measured.
const SPAN: Duration = Duration::from_secs(2);
/// The journal's gap between two commits of SQLite.
const GAP: Duration = Duration::from_millis(2);
/// The journal's connections to PostgreSQL.
const CONNECTIONS: usize = 12;
/// Rows that are updated in turn.
const ROWS: usize = 1_000;

const TABLES: &str = "CREATE TABLE floor_rotation (id BIGINT PRIMARY KEY, n BIGINT NOT NULL); \
     CREATE TABLE floor_effect (id TEXT PRIMARY KEY, body TEXT NOT NULL); \
     CREATE TABLE floor_audit (id TEXT PRIMARY KEY, body TEXT NOT NULL);";

/// Steps per second with `flight` of them wanted at a time.
pub(crate) async fn steps_per_second(
    backend: &Backend,
    ground: &Ground,
    flight: usize,
) -> Result<f64> {
    match backend {
        Backend::Sqlite => sqlite(ground, flight).await,
        Backend::Postgres(_) => postgres(&ground.url, flight.min(CONNECTIONS)).await,
    }
}

async fn sqlite(ground: &Ground, batch: usize) -> Result<f64> {
    let path = ground.folder().join("floor.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await?;
    connection
        .execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .await?;
    connection.execute(AssertSqlSafe(tables())).await?;
    let (start, mut steps) = (Instant::now(), 0_usize);
    while start.elapsed() < SPAN {
        connection.execute("BEGIN IMMEDIATE").await?;
        for _ in 0..batch {
            let row = i64::try_from(steps % ROWS)?;
            step::<Sqlite>(&mut connection, row).await?;
            steps += 1;
        }
        connection.execute("COMMIT").await?;
        tokio::time::sleep(GAP).await;
    }
    rate(steps, start)
}

async fn postgres(url: &str, connections: usize) -> Result<f64> {
    let mut first = PgConnection::connect(url).await?;
    first.execute(AssertSqlSafe(tables())).await?;
    first.close().await?;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..connections {
        tasks.spawn(one_connection(
            url.to_owned(),
            number * ROWS / connections,
            start,
        ));
    }
    let mut steps = 0;
    while let Some(ended) = tasks.join_next().await {
        steps += ended.context("a connection's task")??;
    }
    rate(steps, start)
}

async fn one_connection(url: String, first: usize, start: Instant) -> Result<usize> {
    let mut connection = PgConnection::connect(&url).await?;
    let mut steps = 0;
    while start.elapsed() < SPAN {
        connection.execute("BEGIN").await?;
        let row = i64::try_from(first + steps % (ROWS / CONNECTIONS))?;
        step::<Postgres>(&mut connection, row).await?;
        connection.execute("COMMIT").await?;
        steps += 1;
    }
    Ok(steps)
}

/// One step, by the driver of the database itself.
async fn step<DB>(connection: &mut DB::Connection, row: i64) -> Result<()>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let rotation = sqlx::query::<DB>(ROTATION).bind(row);
    rotation.execute(&mut *connection).await?;
    for (insert, bytes) in [(EFFECT, 200), (AUDIT, 300)] {
        let row = sqlx::query::<DB>(insert).bind(id()).bind(body(bytes));
        row.execute(&mut *connection).await?;
    }
    Ok(())
}

const ROTATION: &str = "UPDATE floor_rotation SET n = n + 1 WHERE id = $1";
const EFFECT: &str = "INSERT INTO floor_effect (id, body) VALUES ($1, $2)";
const AUDIT: &str = "INSERT INTO floor_audit (id, body) VALUES ($1, $2)";

fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn body(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn tables() -> String {
    let rows: Vec<String> = (0..ROWS).map(|id| format!("({id}, 0)")).collect();
    format!(
        "{TABLES} INSERT INTO floor_rotation (id, n) VALUES {}",
        rows.join(", ")
    )
}

fn rate(steps: usize, start: Instant) -> Result<f64> {
    Ok(steps as f64 / start.elapsed().as_secs_f64())
}
