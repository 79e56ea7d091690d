//! Keeps within the limits that outside systems set on calls, all replicas together: what is left lies in the
//! journal. A replica takes calls from there for about a second at a time, so that most calls cost no row.

mod demand;
mod metered;
mod patience;

pub use demand::{Demand, Narrowest};
pub use metered::Metered;
pub use patience::patiently;

use crate::journal::quotas::{self, Allowance, Reserved};
use crate::journal::{self, Journal};
use keywheel_contract::{Draw, Error, ErrorKind, Quota, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A call waits this long for its turn, far below any call's deadline; what has to wait longer is put off, as a row.
const PATIENCE: Duration = Duration::from_millis(500);
/// Calls taken from the journal are made within this time or not at all.
const KEPT: Duration = Duration::from_secs(1);

/// The quotas of this process.
pub struct Quotas {
    journal: Journal,
    held: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held>>>>,
}

/// Calls taken from the journal and not made yet.
struct Held {
    calls: u32,
    since: Instant,
}

impl Quotas {
    /// Quotas kept in this journal.
    pub fn new(journal: Journal) -> Self {
        Self {
            journal,
            held: Mutex::default(),
        }
    }

    /// Returns when all these calls may be made.
    ///
    /// # Errors
    /// [`Throttled`](ErrorKind::Throttled): it is not their turn soon, and nothing was called.
    pub async fn take(&self, draws: &[Draw]) -> Result<()> {
        let until = tokio::time::Instant::now() + PATIENCE;
        for draw in draws {
            let turn = tokio::time::timeout_at(until, self.wait_for(draw)).await;
            turn.unwrap_or_else(|_| Err(put_off(&draw.quota, PATIENCE)))?;
        }
        Ok(())
    }

    async fn wait_for(&self, draw: &Draw) -> Result<()> {
        let held = self.held(&draw.quota.name);
        let mut held = held.lock().await;
        if held.since.elapsed() > KEPT {
            held.calls = 0;
        }
        while held.calls < draw.calls {
            match self.reserve(&draw.quota, draw.calls).await? {
                Reserved::Calls(calls) => {
                    held.calls = calls;
                    held.since = Instant::now();
                }
                Reserved::Later(wait) if wait > PATIENCE => return Err(put_off(&draw.quota, wait)),
                Reserved::Later(wait) => tokio::time::sleep(wait).await,
            }
        }
        held.calls -= draw.calls;
        Ok(())
    }

    async fn reserve(&self, quota: &Quota, needed: u32) -> Result<Reserved> {
        let quota = quota.clone();
        let wanted = (quota.per_minute / 60).max(needed);
        let work = async move |tx: &mut journal::Tx| {
            let now = tx.now_ms();
            let mut left = quotas::locked(tx, &Allowance::rested(&quota, now), &quota.name).await?;
            let reserved = left.reserve(&quota, needed, wanted, now);
            quotas::keep(tx, &quota.name, &left).await?;
            Ok(reserved)
        };
        self.journal.write(work).await.map_err(unreachable)
    }

    /// The system said that this was too much: everybody slows down.
    ///
    /// # Errors
    /// The journal cannot be reached.
    pub async fn slow(&self, draws: &[Draw], after: Option<Duration>) -> Result<()> {
        for draw in draws {
            self.held(&draw.quota.name).lock().await.calls = 0;
            let quota = draw.quota.clone();
            let work = async move |tx: &mut journal::Tx| {
                let now = tx.now_ms();
                let rested = Allowance::rested(&quota, now);
                let mut left = quotas::locked(tx, &rested, &quota.name).await?;
                left.slow(&quota, after, now);
                quotas::keep(tx, &quota.name, &left).await
            };
            self.journal.write(work).await.map_err(unreachable)?;
        }
        Ok(())
    }

    fn held(&self, name: &str) -> Arc<tokio::sync::Mutex<Held>> {
        // A panic elsewhere leaves the map whole: an entry is inserted in one step.
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || {
            Arc::new(tokio::sync::Mutex::new(Held {
                calls: 0,
                since: Instant::now(),
            }))
        };
        Arc::clone(all.entry(name.to_owned()).or_insert_with(none))
    }
}

fn put_off(quota: &Quota, wait: Duration) -> Error {
    let message = format!(
        "the quota {} ({} calls a minute) is used up",
        quota.name, quota.per_minute
    );
    Error::new(ErrorKind::Throttled { after: Some(wait) }, message)
}

fn unreachable(error: journal::Error) -> Error {
    Error::unavailable(format!("the journal, which keeps the quotas: {error}"))
}
