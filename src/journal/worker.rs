//! The thread that owns the journal's connections.
//!
//! Callers hand over closures; the thread runs them, so that a transaction is an ordinary async closure over
//! [`Tx`] and needs no lock anywhere. On SQLite one writer puts the closures that wait into one commit, each
//! in a savepoint of its own, and leaves the file free between commits so that a second process gets in
//! (`keywheel rotate-now` beside a daemon at full rate). On PostgreSQL every closure has its own transaction.

use super::error::{Error, Result};
use super::sql::{Dialect, Tx};
use crate::clock::Clock;
use sqlx::{AnyConnection, Connection as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Largest number of closures in one commit.
const BATCH_MAX: usize = 128;
/// The file stays free this long between commits.
const GAP: Duration = Duration::from_millis(2);
/// A busy transaction is run again this often.
const TRIES: u32 = 8;
/// Connections for reading, or on PostgreSQL for everything.
const READERS_SQLITE: usize = 2;
const POOL_POSTGRES: usize = 12;

/// A closure on its way to the thread, with the way back for its result.
pub(super) trait Job: Send {
    /// Runs it once; `false` asks for its savepoint to be rolled back.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'a>>;
    /// Whether the last run only met another transaction.
    fn is_busy(&self) -> bool;
    /// Sends the result, or the error of the commit.
    fn reply(self: Box<Self>, committed: Result<()>);
}

pub(super) struct Call<F, T> {
    pub(super) work: F,
    pub(super) result: Option<Result<T>>,
    pub(super) back: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Call<F, T>
where
    F: AsyncFn(&mut Tx) -> Result<T> + Send,
    T: Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'a>> {
        Box::pin(async move {
            tx.failed = None;
            let result = (self.work)(tx).await;
            // An error that the closure passed over still ends its transaction.
            let result = result.and_then(|done| tx.failed.take().map_or(Ok(done), Err));
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn is_busy(&self) -> bool {
        matches!(&self.result, Some(Err(error)) if error.is_busy())
    }

    fn reply(self: Box<Self>, committed: Result<()>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(Error::Busy {
                reason: "not run".into(),
            }),
            (Err(_), Some(Err(own))) => Err(own),
            (Err(error), _) => Err(error),
        };
        // A caller that went away no longer wants the answer; the commit stands either way.
        drop(self.back.send(result));
    }
}

pub(super) enum Message {
    Write(Box<dyn Job>),
    Read(Box<dyn Job>),
    Checkpoint(oneshot::Sender<Result<()>>),
}

/// How the thread reaches the database.
pub(super) struct Access {
    pub(super) url: String,
    pub(super) place: String,
    pub(super) dialect: Dialect,
    pub(super) clock: Arc<dyn Clock>,
}

impl Access {
    /// Opens one connection, set up as the dialect needs it.
    pub(super) async fn connect(&self, writable: bool) -> Result<Tx> {
        sqlx::any::install_default_drivers();
        let opened = AnyConnection::connect(&self.url).await;
        let conn = opened.map_err(|e| match Error::from_sqlx(&self.place, &e) {
            Error::Failed { place, reason } => Error::Unreachable { place, reason },
            other => other,
        })?;
        let mut tx = Tx {
            conn,
            dialect: self.dialect,
            place: self.place.clone(),
            now_ms: 0,
            failed: None,
        };
        if self.dialect == Dialect::Sqlite {
            for pragma in sqlite_pragmas(writable) {
                tx.rows(*pragma, &[]).await?;
            }
        }
        Ok(tx)
    }

    async fn now(&self, tx: &mut Tx) -> Result<i64> {
        if self.dialect == Dialect::Sqlite || self.clock.is_authority() {
            return Ok(self.clock.now_ms());
        }
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
        match tx.row(sql, &[]).await? {
            Some(row) => row.int("now"),
            None => Err(Error::Unreadable("the database's clock".into())),
        }
    }
}

/// `FULL`: a committed intent must survive a power cut. `secure_delete`: a shredded key leaves the file.
fn sqlite_pragmas(writable: bool) -> &'static [&'static str] {
    if writable {
        &[
            "PRAGMA busy_timeout = 5000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA secure_delete = ON",
        ]
    } else {
        &["PRAGMA busy_timeout = 5000", "PRAGMA query_only = ON"]
    }
}

/// Runs until every handle is gone.
pub(super) async fn serve(access: Access, mut messages: mpsc::UnboundedReceiver<Message>) {
    let access = Arc::new(access);
    let size = if access.dialect == Dialect::Sqlite {
        READERS_SQLITE
    } else {
        POOL_POSTGRES
    };
    let pool = Pool::new(Arc::clone(&access), size);
    let (to_writer, writes) = mpsc::unbounded_channel();
    let writer = tokio::task::spawn_local(write_in_groups(Arc::clone(&access), writes));
    while let Some(message) = messages.recv().await {
        match message {
            Message::Read(job) => {
                drop(tokio::task::spawn_local(
                    pool.clone().transact(job, begin_reading(access.dialect)),
                ));
            }
            Message::Write(job) if access.dialect == Dialect::Postgres => {
                drop(tokio::task::spawn_local(
                    pool.clone().transact(job, "BEGIN"),
                ));
            }
            other => drop(to_writer.send(other)),
        }
    }
    drop(to_writer);
    if writer.await.is_err() {
        tracing::error!("the journal's writer stopped unexpectedly");
    }
    pool.drain().await;
}

/// SQLite's readers are read-only connections, and any transaction there is a snapshot.
fn begin_reading(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "BEGIN",
        Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    }
}

/// A few connections, opened when first needed, closed when broken.
#[derive(Clone)]
struct Pool {
    access: Arc<Access>,
    idle: Arc<Mutex<Vec<Tx>>>,
    slots: Arc<tokio::sync::Semaphore>,
    size: usize,
}

impl Pool {
    fn new(access: Arc<Access>, size: usize) -> Self {
        let slots = Arc::new(tokio::sync::Semaphore::new(size));
        Self {
            access,
            idle: Arc::default(),
            slots,
            size,
        }
    }

    async fn transact(self, mut job: Box<dyn Job>, begin: &'static str) {
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        for attempt in 1..=TRIES {
            let outcome = self.once(&mut job, begin).await;
            let busy = job.is_busy() || outcome.as_ref().is_err_and(Error::is_busy);
            if !busy || attempt == TRIES {
                return job.reply(outcome);
            }
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    async fn once(&self, job: &mut Box<dyn Job>, begin: &'static str) -> Result<()> {
        let kept = self.idle.lock().await.pop();
        let mut tx = match kept {
            Some(tx) => tx,
            None => {
                self.access
                    .connect(self.access.dialect == Dialect::Postgres)
                    .await?
            }
        };
        tx.run(begin, &[]).await?;
        tx.now_ms = self.access.now(&mut tx).await?;
        let keep = job.run(&mut tx).await;
        tx.run(if keep { "COMMIT" } else { "ROLLBACK" }, &[])
            .await?;
        // Only a connection whose transaction ended cleanly is used again; any other is closed by its drop.
        self.idle.lock().await.push(tx);
        Ok(())
    }

    async fn drain(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        drop(self.slots.acquire_many(all).await);
    }
}

/// Doubles from 5 ms; the address of the attempt's stack spreads replicas less than their own timing does.
fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(5 << attempt.min(7))
}

async fn write_in_groups(access: Arc<Access>, mut messages: mpsc::UnboundedReceiver<Message>) {
    let mut kept = None;
    while let Some(first) = messages.recv().await {
        let mut batch = Vec::new();
        let mut checkpoints = Vec::new();
        sort(first, &mut batch, &mut checkpoints);
        while batch.len() < BATCH_MAX {
            match messages.try_recv() {
                Ok(message) => sort(message, &mut batch, &mut checkpoints),
                Err(_) => break,
            }
        }
        let outcome = commit_group(&access, &mut kept, &mut batch).await;
        for job in batch {
            job.reply(outcome.clone());
        }
        for back in checkpoints {
            drop(back.send(checkpoint(&mut kept).await));
        }
        tokio::time::sleep(GAP).await;
    }
    if let Some(tx) = kept.take() {
        drop(tx.conn.close().await);
    }
}

fn sort(
    message: Message,
    batch: &mut Vec<Box<dyn Job>>,
    checkpoints: &mut Vec<oneshot::Sender<Result<()>>>,
) {
    match message {
        Message::Write(job) | Message::Read(job) => batch.push(job),
        Message::Checkpoint(back) => checkpoints.push(back),
    }
}

/// One commit for all; a closure that fails loses only its own savepoint.
async fn commit_group(
    access: &Access,
    kept: &mut Option<Tx>,
    batch: &mut [Box<dyn Job>],
) -> Result<()> {
    if kept.is_none() {
        *kept = Some(access.connect(true).await?);
    }
    let Some(tx) = kept.as_mut() else {
        return Ok(());
    };
    if batch.is_empty() {
        return Ok(());
    }
    begin(tx).await?;
    let outcome = run_group(access, tx, batch).await;
    let ended = match &outcome {
        Ok(()) => tx.run("COMMIT", &[]).await,
        Err(_) => tx.run("ROLLBACK", &[]).await,
    };
    if ended.is_err() {
        // Whatever state the connection is in, a new one starts clean; SQLite rolls the open one back.
        *kept = None;
    }
    outcome.and(ended.map(drop))
}

async fn begin(tx: &mut Tx) -> Result<()> {
    for attempt in 1..TRIES {
        match tx.run("BEGIN IMMEDIATE", &[]).await {
            Err(error) if error.is_busy() => tokio::time::sleep(backoff(attempt)).await,
            other => return other.map(drop),
        }
    }
    tx.run("BEGIN IMMEDIATE", &[]).await.map(drop)
}

async fn run_group(access: &Access, tx: &mut Tx, batch: &mut [Box<dyn Job>]) -> Result<()> {
    for job in batch {
        tx.now_ms = access.now(tx).await?;
        tx.run("SAVEPOINT one", &[]).await?;
        if !job.run(tx).await {
            tx.run("ROLLBACK TO one", &[]).await?;
        }
        tx.run("RELEASE one", &[]).await?;
    }
    Ok(())
}

/// Moves the log into the file and empties it, so that shredded rows are gone from both.
async fn checkpoint(kept: &mut Option<Tx>) -> Result<()> {
    match kept.as_mut() {
        Some(tx) => tx
            .rows("PRAGMA wal_checkpoint(TRUNCATE)", &[])
            .await
            .map(drop),
        None => Ok(()),
    }
}
