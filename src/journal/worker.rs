//! The thread that owns the journal's connections.
//!
//! Callers hand over closures; the thread runs them, so that a transaction is an ordinary async closure over
//! [`Tx`] and needs no lock anywhere. On SQLite one writer puts the closures that wait into one commit, each
//! in a savepoint of its own, and leaves the file free between commits so that a second process gets in
//! (`keywheel rotate-now` beside a daemon at full rate). On PostgreSQL every closure has its own transaction.

use super::counts::Totals;
use super::error::{Error, Result};
use super::pending::Pending;
use super::sql::{Dialect, Tx};
use crate::clock::Clock;
use sqlx::{AnyConnection, Connection as _};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Largest number of closures in one commit.
const BATCH_MAX: usize = 128;
/// The file stays free this long between commits.
const GAP: Duration = Duration::from_millis(2);
/// A busy transaction is run again this often.
const TRIES: u32 = 8;
/// A writer of SQLite waits this long for the file.
const PATIENCE: Duration = Duration::from_secs(10);
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
            tx.pending = Pending::default();
            let result = match (self.work)(tx).await {
                Ok(done) => tx.flush().await.map(|()| done),
                Err(error) => Err(error),
            };
            // An error that the closure passed over still ends its transaction.
            let result = result.and_then(|done| tx.failed.take().map_or(Ok(done), Err));
            let keep = result.is_ok();
            if !keep {
                tx.pending = Pending::default();
            }
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
    pub(super) totals: Arc<Totals>,
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
            pending: Pending::default(),
            trips: 0,
        };
        if self.dialect == Dialect::Sqlite {
            for pragma in sqlite_pragmas(writable) {
                tx.rows(*pragma, &[]).await?;
            }
        }
        Ok(tx)
    }

    /// Begins a transaction. Its moment is the database's where that is the clock of leases, and comes back with
    /// the same message.
    async fn begin(&self, tx: &mut Tx, begin: &str) -> Result<()> {
        if self.dialect == Dialect::Sqlite || self.clock.is_authority() {
            tx.run(begin, &[]).await?;
            tx.now_ms = self.clock.now_ms();
            return Ok(());
        }
        let clock = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
        let rows = tx.script(format!("{begin}; {clock}")).await?;
        let now = rows.first().map(|row| row.int("now"));
        tx.now_ms = now.unwrap_or_else(|| Err(Error::Unreadable("the database's clock".into())))?;
        Ok(())
    }
}

/// SQLite waits for others by itself.
const WAIT: &str = "PRAGMA busy_timeout = 5000";
/// SQLite waits a millisecond; [`begin`] asks again.
const ASK_AT_ONCE: &str = "PRAGMA busy_timeout = 1";

/// `FULL`: a committed intent must survive a power cut. `secure_delete`: a shredded key leaves the file.
fn sqlite_pragmas(writable: bool) -> &'static [&'static str] {
    if writable {
        &[
            WAIT,
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA secure_delete = ON",
        ]
    } else {
        &[WAIT, "PRAGMA query_only = ON"]
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
                drop(tokio::task::spawn_local(pool.clone().transact(
                    job,
                    begin_reading(access.dialect),
                    false,
                )));
            }
            Message::Write(job) if access.dialect == Dialect::Postgres => {
                drop(tokio::task::spawn_local(
                    pool.clone().transact(job, "BEGIN", true),
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

    async fn transact(self, mut job: Box<dyn Job>, begin: &'static str, writes: bool) {
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        for attempt in 1..=TRIES {
            let outcome = self.once(&mut job, begin).await;
            let busy = job.is_busy() || outcome.as_ref().is_err_and(Error::is_busy);
            if !busy || attempt == TRIES {
                if writes && outcome.is_ok() {
                    self.access.totals.committed(1);
                }
                return job.reply(outcome);
            }
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    async fn once(&self, job: &mut Box<dyn Job>, begin: &'static str) -> Result<()> {
        let mut tx = self.begin(begin).await?;
        let before = tx.trips;
        let keep = job.run(&mut tx).await;
        self.access.totals.ran(tx.trips - before);
        tx.run(if keep { "COMMIT" } else { "ROLLBACK" }, &[])
            .await?;
        // Only a connection whose transaction ended cleanly is used again; any other is closed by its drop.
        self.idle.lock().await.push(tx);
        Ok(())
    }

    /// An idle connection may have died with the server it led to: nothing was sent on it, so a new one is
    /// taken instead of telling the caller.
    async fn begin(&self, begin: &'static str) -> Result<Tx> {
        loop {
            let kept = self.idle.lock().await.pop();
            let Some(mut tx) = kept else { break };
            if self.access.begin(&mut tx, begin).await.is_ok() {
                return Ok(tx);
            }
        }
        let mut tx = self
            .access
            .connect(self.access.dialect == Dialect::Postgres)
            .await?;
        self.access.begin(&mut tx, begin).await?;
        Ok(tx)
    }

    async fn drain(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        drop(self.slots.acquire_many(all).await);
    }
}

/// Doubles from 5 ms, and up to half of it more by chance, so that those who met do not meet again.
fn backoff(attempt: u32) -> Duration {
    let wait = Duration::from_millis(5 << attempt.min(7));
    // The seed of a fresh hasher is the standard library's only source of chance.
    let chance = RandomState::new().build_hasher().finish() % 256;
    wait + wait.mul_f64(f64::from(u8::try_from(chance).unwrap_or(0)) / 512.0)
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
            drop(back.send(checkpoint(&access, &mut kept).await));
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

/// One commit for all. Where a closure fails, which is rare, everything is rolled back and run again, each in a
/// savepoint of its own: then a closure that fails loses only its own.
async fn commit_group(
    access: &Access,
    kept: &mut Option<Tx>,
    batch: &mut [Box<dyn Job>],
) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let tx = writer(access, kept).await?;
    begin(tx).await?;
    let mut outcome = run_group(access, tx, batch, false).await;
    if matches!(outcome, Ok(false)) && batch.len() > 1 {
        tx.run("ROLLBACK", &[]).await?;
        begin(tx).await?;
        outcome = run_group(access, tx, batch, true).await;
    }
    let ended = match &outcome {
        Ok(true) => tx.run("COMMIT", &[]).await,
        Ok(false) | Err(_) => tx.run("ROLLBACK", &[]).await,
    };
    if ended.is_err() {
        // Whatever state the connection is in, a new one starts clean; SQLite rolls the open one back.
        *kept = None;
    }
    if outcome.is_ok() && ended.is_ok() {
        access.totals.committed(batch.len() as u64);
    }
    outcome.and(ended.map(drop))
}

async fn writer<'a>(access: &Access, kept: &'a mut Option<Tx>) -> Result<&'a mut Tx> {
    match kept {
        Some(tx) => Ok(tx),
        None => {
            let mut tx = access.connect(true).await?;
            tx.rows(ASK_AT_ONCE, &[]).await?;
            Ok(kept.insert(tx))
        }
    }
}

/// Asks every millisecond. SQLite's own waiting grows to 100 ms between two looks: beside a writer at full
/// rate it would meet the 2 ms in which the file is free only by chance, after seconds.
async fn begin(tx: &mut Tx) -> Result<()> {
    let begun = Instant::now();
    loop {
        match tx.run("BEGIN IMMEDIATE", &[]).await {
            Err(error) if error.is_busy() && begun.elapsed() < PATIENCE => {}
            other => return other.map(drop),
        }
    }
}

/// Runs all; `false` where one failed and what it wrote is still there.
async fn run_group(
    access: &Access,
    tx: &mut Tx,
    batch: &mut [Box<dyn Job>],
    apart: bool,
) -> Result<bool> {
    for job in batch {
        tx.now_ms = access.clock.now_ms();
        if apart {
            tx.run("SAVEPOINT one", &[]).await?;
        }
        let before = tx.trips;
        let keep = job.run(tx).await;
        access.totals.ran(tx.trips - before);
        match (keep, apart) {
            (true, true) => tx.run("RELEASE one", &[]).await?,
            (false, true) => {
                tx.run("ROLLBACK TO one", &[]).await?;
                tx.run("RELEASE one", &[]).await?
            }
            (false, false) => return Ok(false),
            (true, false) => 0,
        };
    }
    Ok(true)
}

/// Moves the log into the file and empties it, so that shredded rows are gone from both.
async fn checkpoint(access: &Access, kept: &mut Option<Tx>) -> Result<()> {
    let tx = writer(access, kept).await?;
    tx.rows(WAIT, &[]).await?;
    let row = tx.row("PRAGMA wal_checkpoint(TRUNCATE)", &[]).await?;
    tx.rows(ASK_AT_ONCE, &[]).await?;
    match row.map(|row| row.int("busy")).transpose()? {
        Some(0) => Ok(()),
        Some(_) | None => Err(Error::Busy {
            reason: "a reader still needs the log".into(),
        }),
    }
}
