//! What commands share: the configuration, the journal, who is typing.

use super::exit::{Exit, Failure};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Problem};
use crate::journal::replicas::{self, LOST_AFTER_MS, Replica};
use crate::journal::{Address, Journal};
use std::path::PathBuf;
use std::sync::Arc;

/// What commands share.
pub(super) struct Context {
    config: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl Context {
    pub(super) fn new(config: Option<PathBuf>) -> Self {
        Self {
            config,
            clock: Arc::new(SystemClock),
        }
    }

    /// The configuration file, whether it exists or not.
    pub(super) fn config_path(&self) -> Option<&PathBuf> {
        self.config.as_ref()
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Reads the configuration.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        Ok(Config::find(self.config.as_deref())?)
    }

    /// Reads the configuration again, for a daemon that is told to.
    pub(super) fn reread(&self) -> Result<Config, Vec<Problem>> {
        Config::find(self.config.as_deref())
    }

    /// Opens the journal that the configuration names.
    pub(super) async fn journal(&self, config: &Config) -> Result<Journal, Failure> {
        let address = Address::parse(&config.journal, &config.base)?;
        Ok(Journal::open(address, Arc::clone(&self.clock)).await?)
    }

    /// Configuration and journal.
    pub(super) async fn open(&self) -> Result<(Config, Journal), Failure> {
        let config = self.config()?;
        let journal = self.journal(&config).await?;
        Ok((config, journal))
    }

    /// Who is typing: the operating system's user. It cannot be asked for a second person.
    pub(super) fn actor() -> String {
        let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
        let uid = rustix::process::getuid().as_raw();
        name.map_or_else(
            |_| format!("uid {uid}"),
            |name| format!("{name} (uid {uid})"),
        )
    }
}

/// Daemons that are alive, newest first.
pub(super) async fn daemons(journal: &Journal) -> Result<Vec<Replica>, Failure> {
    let now = journal.clock().now_ms();
    let all = journal.read(async |tx| replicas::list(tx).await).await?;
    let alive = |r: &Replica| {
        r.kind == "daemon" && r.stopped_ms.is_none() && r.seen_ms > now - LOST_AFTER_MS
    };
    Ok(all.into_iter().filter(alive).collect())
}

/// An error that JSON output met; it is ours.
pub(super) fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("the answer cannot be written as JSON: {error}"),
    )
}
