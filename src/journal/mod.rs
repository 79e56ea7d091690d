//! The journal: keywheel's own database, on SQLite or PostgreSQL, chosen by its URL.
//!
//! It is the only truth about rotations. Callers use verbs (`rotations::claim`, `audit::append`, …) inside
//! [`Journal::write`] or [`Journal::read`]; a verb is SQL that both databases understand.

pub mod attestations;
pub mod audit;
mod bundle;
mod counts;
pub mod enrol;
pub mod environments;
mod error;
pub mod expiry;
pub mod files;
pub mod ledger;
pub mod meta;
mod open;
pub mod overview;
mod pending;
pub mod quotas;
pub mod replicas;
pub mod requests;
pub mod rotations;
pub mod secrets;
pub mod spares;
pub mod spread;
mod sql;
mod worker;

pub use bundle::{Bundle, Part, Query, Told};
pub use counts::Counts;
pub use error::{Error, Result};
pub use open::{Address, MIGRATIONS};
pub use sql::{Arg, Dialect, Row, Tx, to_json};

use crate::clock::Clock;
use counts::Totals;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use worker::{Call, Message};

/// A handle to the open journal; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    messages: mpsc::UnboundedSender<Message>,
    clock: Arc<dyn Clock>,
    address: Arc<Address>,
    totals: Arc<Totals>,
    /// Ends the thread's life with the last handle's.
    _thread: Arc<Thread>,
}

struct Thread(Option<std::thread::JoinHandle<()>>);

impl Journal {
    /// Runs `work` in one transaction and returns once it is durable. On SQLite several callers share a
    /// commit. `work` may be run again when it met another transaction: it has no side effect but the rows.
    /// A statement that fails ends the transaction, also where `work` passes over its error.
    ///
    /// # Errors
    /// Whatever `work` answers, or why it could not be committed; then nothing was applied.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (back, result) = oneshot::channel();
        self.send(Message::Write(Box::new(Call {
            work,
            result: None,
            back,
        })))?;
        result.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Runs `work` on one consistent snapshot.
    ///
    /// # Errors
    /// Whatever `work` answers, or why the journal could not be read.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (back, result) = oneshot::channel();
        self.send(Message::Read(Box::new(Call {
            work,
            result: None,
            back,
        })))?;
        result.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// After shredding: empties SQLite's log into the file, so that the bytes are gone. On PostgreSQL old
    /// row versions stay until its own clean-up, and in backups for as long as those are kept.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn checkpoint(&self) -> Result<()> {
        if self.address.dialect() == Dialect::Postgres {
            return Ok(());
        }
        let (back, result) = oneshot::channel();
        self.send(Message::Checkpoint(back))?;
        result.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// The clock everything in this process shares.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// How much was done since it was opened.
    pub fn counts(&self) -> Counts {
        self.totals.now()
    }

    /// Where the journal is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn send(&self, message: Message) -> Result<()> {
        self.messages.send(message).map_err(|_| self.closed())
    }

    fn closed(&self) -> Error {
        Error::Unreachable {
            place: self.address.to_string(),
            reason: "it was closed".into(),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // The channel closes with the last handle; the thread then finishes what it has and ends by itself.
        // Waiting for it here could wait on the very runtime that drops us.
        drop(self.0.take());
    }
}
