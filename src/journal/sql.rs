//! The thin layer between verbs and the database: arguments, rows, one statement.
//!
//! It speaks to SQLite and PostgreSQL through one driver type, so that a verb is written once. Where the
//! dialects differ, the statement is chosen by [`Dialect`] at the place that needs it.

use super::error::{Error, Result};
use super::pending::Pending;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Which database carries the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one writer.
    Sqlite,
    /// A server, many replicas.
    Postgres,
}

/// One bound argument.
#[derive(Debug, Clone)]
pub enum Arg {
    /// Text.
    Text(String),
    /// A number or a moment.
    Int(i64),
    /// Sealed bytes.
    Bytes(Vec<u8>),
    /// No text.
    NoText,
    /// No number.
    NoInt,
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg {
    fn from(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Option<i64>> for Arg {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::NoInt, Self::Int)
    }
}

impl From<Option<String>> for Arg {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::NoText, Self::Text)
    }
}

impl From<&Option<String>> for Arg {
    fn from(text: &Option<String>) -> Self {
        text.clone().into()
    }
}

/// One transaction, or one consistent reading.
pub struct Tx {
    pub(super) conn: AnyConnection,
    pub(super) dialect: Dialect,
    pub(super) place: String,
    pub(super) now_ms: i64,
    /// The last error of the database: after one, PostgreSQL turns COMMIT into a rollback without a word.
    pub(super) failed: Option<Error>,
    /// Statements whose answer nobody needs, not sent yet.
    pub(super) pending: Pending,
    /// Messages sent on this connection so far; one may carry several statements.
    pub(super) trips: u64,
}

impl Tx {
    /// Now by the clock that leases count with, epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs a statement and says how many rows it changed.
    pub async fn run(&mut self, sql: impl Into<String>, args: &[Arg]) -> Result<u64> {
        self.flush().await?;
        self.send(sql.into(), args).await
    }

    /// Runs a query and returns every row. What waits is sent before it, on SQLite with the same message.
    pub async fn rows(&mut self, sql: impl Into<String>, args: &[Arg]) -> Result<Vec<Row>> {
        let sql = sql.into();
        if self.dialect == Dialect::Sqlite && !self.pending.is_empty() {
            return self.last(sql, args).await;
        }
        self.flush().await?;
        self.ask(sql, args).await
    }

    /// Runs a change whose answer nobody needs. It travels with a later one, in order; whatever is read after it
    /// sees it, and its error ends the transaction.
    pub async fn later(&mut self, sql: impl Into<String>, args: &[Arg]) -> Result<()> {
        let sql = sql.into();
        if !self.pending.takes(self.dialect, &sql, args) {
            self.flush().await?;
        }
        self.pending.add(&sql, args);
        Ok(())
    }

    /// Runs a change together with those that wait, and returns the rows that it alone returns.
    pub async fn last(&mut self, sql: impl Into<String>, args: &[Arg]) -> Result<Vec<Row>> {
        self.later(sql, args).await?;
        let (sql, args) = self.pending.take(self.dialect);
        self.ask(sql, &args).await
    }

    /// Sends what waits.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (sql, args) = self.pending.take(self.dialect);
        self.send(sql, &args).await.map(drop)
    }

    async fn send(&mut self, sql: String, args: &[Arg]) -> Result<u64> {
        self.trips += 1;
        let query = bind(sql, args)?;
        let done = soon(self.dialect, query.execute(&mut self.conn)).await;
        Ok(done.map_err(|e| self.fail(&e))?.rows_affected())
    }

    async fn ask(&mut self, sql: String, args: &[Arg]) -> Result<Vec<Row>> {
        self.trips += 1;
        let query = bind(sql, args)?;
        let rows = soon(self.dialect, query.fetch_all(&mut self.conn)).await;
        let rows = rows.map_err(|e| self.fail(&e))?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    /// Sends several constant statements as one message and returns the rows of all.
    pub(super) async fn script(&mut self, sql: String) -> Result<Vec<Row>> {
        self.trips += 1;
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = script.fetch_all(&mut self.conn).await;
        let rows = rows.map_err(|e| self.fail(&e))?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn fail(&mut self, error: &sqlx::Error) -> Error {
        let error = Error::from_sqlx(&self.place, error);
        self.failed = Some(error.clone());
        error
    }

    /// Runs a query that has at most one row.
    pub async fn row(&mut self, sql: impl Into<String>, args: &[Arg]) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Inserts many rows with few statements, [later](Self::later). `head` ends before `VALUES`; `tail` follows the
    /// rows.
    pub async fn insert(&mut self, head: &str, rows: &[Vec<Arg>], tail: &str) -> Result<()> {
        let Some(width) = rows.first().map(Vec::len) else {
            return Ok(());
        };
        for chunk in rows.chunks((MAX_ARGS / width).max(1)) {
            let values: Vec<String> = (0..chunk.len())
                .map(|row| placeholders(row, width))
                .collect();
            let sql = format!("{head} VALUES {} {tail}", values.join(", "));
            let args: Vec<Arg> = chunk.iter().flatten().cloned().collect();
            self.later(sql, &args).await?;
        }
        Ok(())
    }
}

/// SQLite answers from a thread of its own within microseconds, and to sleep and be woken for each answer costs
/// several times that: the thread looks a while before it sleeps. On a machine with nothing else to do this gave half
/// as many rotations again; on a busy one it made no difference that could be measured.
async fn soon<F: Future>(dialect: Dialect, answer: F) -> F::Output {
    let mut answer = pin!(answer);
    let mut left = match dialect {
        Dialect::Sqlite => LOOKS,
        Dialect::Postgres => 0,
    };
    poll_fn(|context| {
        loop {
            match answer.as_mut().poll(context) {
                Poll::Pending if left > 0 => {
                    left -= 1;
                    std::thread::yield_now();
                }
                other => return other,
            }
        }
    })
    .await
}

/// Looks for an answer before the thread sleeps; more gained nothing.
const LOOKS: u32 = 200;

/// Below the smallest limit of both databases, and small enough to keep statements cached.
pub(super) const MAX_ARGS: usize = 900;

fn placeholders(row: usize, width: usize) -> String {
    let marks: Vec<String> = (1..=width)
        .map(|i| format!("${}", row * width + i))
        .collect();
    format!("({})", marks.join(", "))
}

/// Places of so many arguments in a list. `NULL` stands for none: an empty list is not SQL.
pub(super) fn marks(count: usize) -> String {
    match count {
        0 => "NULL".to_owned(),
        count => (1..=count)
            .map(|n| format!("${n}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Every statement is built from constants of this crate; values are always bound, never spliced in.
fn bind<'q>(sql: String, args: &[Arg]) -> Result<sqlx::query::Query<'q, Any, AnyArguments>> {
    let mut query = sqlx::query::<Any>(AssertSqlSafe(sql));
    for arg in args {
        query = match arg.clone() {
            Arg::Text(text) => query.bind(text),
            Arg::Int(number) => query.bind(number),
            Arg::Bytes(bytes) => query.bind(bytes),
            Arg::NoText => query.bind(None::<String>),
            Arg::NoInt => query.bind(None::<i64>),
        };
    }
    Ok(query)
}

/// One row of an answer.
pub struct Row(Cells);

enum Cells {
    /// As the driver brought it.
    Own(AnyRow),
    /// One row of many that came as one text.
    Bundled(Arc<[&'static str]>, Vec<Value>),
}

impl From<AnyRow> for Row {
    fn from(row: AnyRow) -> Self {
        Self(Cells::Own(row))
    }
}

impl Row {
    /// A row of a [`Bundle`](super::bundle::Bundle): the names of its columns, and a cell for each.
    pub(super) fn bundled(columns: &Arc<[&'static str]>, cells: Vec<Value>) -> Result<Self> {
        match cells.len() == columns.len() {
            true => Ok(Self(Cells::Bundled(Arc::clone(columns), cells))),
            false => Err(Error::Unreadable(format!(
                "{} cells of the columns {columns:?}",
                cells.len()
            ))),
        }
    }

    /// A text column.
    pub fn text(&self, column: &str) -> Result<String> {
        self.cell(column)
    }

    /// A number column.
    pub fn int(&self, column: &str) -> Result<i64> {
        self.cell(column)
    }

    /// A bytes column; not of a bundle, whose cells are JSON.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        match &self.0 {
            Cells::Own(row) => row.try_get(column).map_err(|e| unreadable(column, &e)),
            Cells::Bundled(..) => Err(unreadable(column, &"bytes do not travel in a bundle")),
        }
    }

    /// A text column that may be empty.
    pub fn maybe_text(&self, column: &str) -> Result<Option<String>> {
        self.cell(column)
    }

    /// A number column that may be empty.
    pub fn maybe_int(&self, column: &str) -> Result<Option<i64>> {
        self.cell(column)
    }

    /// A cell of exactly this type, whichever way the row came.
    fn cell<T>(&self, column: &str) -> Result<T>
    where
        T: for<'r> sqlx::Decode<'r, Any> + sqlx::Type<Any> + DeserializeOwned,
    {
        match &self.0 {
            Cells::Own(row) => row.try_get(column).map_err(|e| unreadable(column, &e)),
            Cells::Bundled(columns, cells) => {
                let at = columns.iter().position(|name| *name == column);
                let at = at.ok_or_else(|| unreadable(column, &"it was not asked for"))?;
                T::deserialize(&cells[at]).map_err(|e| unreadable(column, &e))
            }
        }
    }

    /// A column that holds one of our words.
    pub fn word<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| Error::Unreadable(format!("`{text}` in column {column}")))
    }

    /// A column that holds JSON we wrote.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|e| unreadable(column, &e))
    }
}

fn unreadable(column: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Unreadable(format!("column {column}: {error}"))
}

/// JSON text of something we will read back.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Unreadable(e.to_string()))
}
