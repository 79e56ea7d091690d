//! The daemon: builds everything, spawns it, waits, drains. Nothing points back at it.

mod presence;
mod reload;
mod workers;

pub use presence::{Presence, host_name};
pub use reload::Current;
pub use workers::{Workers, run_until};

use crate::api;
use crate::apply;
use crate::config::{Config, Problem};
use crate::journal::{self, Journal, meta};
use crate::rotation::engine::Engine;
use crate::rotation::facts::Pace;
use crate::seal::{self, KeyRing};
use crate::seam::Seams;
use keywheel_provider_exec::Launcher;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Why the parts do not come together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// The operating system.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
}

/// Everything a replica works with.
pub struct Parts {
    /// The journal, open.
    pub journal: Journal,
    /// The engine.
    pub engine: Engine,
    /// The outside systems by the configuration in force, of which the engine has the other end.
    pub outside: Arc<Current>,
    /// This replica's presence in the journal.
    pub presence: Presence,
}

/// Builds a replica of a kind (`daemon`, `command`) from its configuration.
///
/// # Errors
/// The seal key or the journal cannot be used, or they do not belong together.
pub async fn build(
    config: &Config,
    journal: Journal,
    kind: &str,
    pace: Pace,
    seams: Seams,
) -> Result<Parts, BuildError> {
    let ring = Arc::new(KeyRing::load(&config.seal.key_file)?);
    let kept = journal
        .read(async |tx| meta::fact(tx, meta::SEAL_CHECK).await)
        .await?;
    ring.verify(&kept.unwrap_or_default())?;
    let launcher = Launcher::current_program().map_err(|source| BuildError::System {
        what: "finding this program",
        source,
    })?;
    let outside = Arc::new(Current::new(
        config,
        Arc::clone(ring.fingerprint()),
        launcher,
        &journal,
    ));
    let presence = Presence::new(&journal, kind)?;
    let engine = Engine {
        journal: journal.clone(),
        connect: Arc::clone(&outside) as _,
        ring,
        pace,
        replica: presence.id().to_owned(),
        host: presence.host().to_owned(),
        seams,
        crowd: Arc::default(),
    };
    Ok(Parts {
        journal,
        engine,
        outside,
        presence,
    })
}

/// Runs until SIGTERM or SIGINT, then drains within `drain`. SIGHUP reads the configuration, by `reread`, and the
/// inventory again; a broken one keeps the last good one and says so.
///
/// # Errors
/// Signals cannot be received, or the journal failed for good.
pub async fn run(
    mut config: Config,
    reread: impl Fn() -> Result<Config, Vec<Problem>>,
    parts: Parts,
    slots: usize,
    drain: std::time::Duration,
) -> Result<(), BuildError> {
    let stop = CancellationToken::new();
    let receive = |kind, what| signal(kind).map_err(|source| BuildError::System { what, source });
    let mut term = receive(SignalKind::terminate(), "listening for SIGTERM")?;
    let mut interrupt = receive(SignalKind::interrupt(), "listening for SIGINT")?;
    let mut hangup = receive(SignalKind::hangup(), "listening for SIGHUP")?;
    let listener = bind(&config).await?;
    apply::reload(&config, &parts.journal).await;
    let workers = Workers {
        engine: parts.engine,
        presence: parts.presence,
        slots,
        schedules: true,
    };
    let api = listener
        .map(|listener| tokio::spawn(api::serve(listener, parts.journal.clone(), stop.clone())));
    let mut running = tokio::spawn(run_until(workers, stop.clone()));
    tracing::info!(journal = %parts.journal.address(), "keywheel is running");
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                config = parts.outside.reload(config, reread(), &parts.journal).await;
            }
            ended = &mut running => {
                return ended.unwrap_or(Err(journal::Error::Lost)).map_err(Into::into);
            }
        }
    }
    tracing::info!("draining: calls under way end, nothing new begins");
    stop.cancel();
    let drained = async move {
        if let Some(api) = api {
            drop(api.await);
        }
        running.await
    };
    match tokio::time::timeout(drain, drained).await {
        Ok(Ok(ended)) => ended.map_err(Into::into),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("some calls did not end in time; they are looked up at the next start");
            Ok(())
        }
    }
}

/// Binds `listen` before anything else is done: a daemon that consumers cannot reach would wait for them in vain.
async fn bind(config: &Config) -> Result<Option<TcpListener>, BuildError> {
    let Some(address) = config.listen else {
        return Ok(None);
    };
    let failed = |source| BuildError::System {
        what: "listening at the address `listen` of keywheel.toml",
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "listening");
    Ok(Some(listener))
}
