//! A service that uses a secret and shows which value it holds: what the handshake looks like from the other
//! side. It reads its secret from a file into memory once and again at each reload (`POST /-/reload` or
//! SIGHUP), and computes its proofs from the value in memory, as a service must: one that read the file for
//! each proof would prove the file.
//!
//! ```text
//! cargo run --example consumer -- --id production/api-key --destination main:prod/api-key \
//!     --consumer chat-api --instance chat-api-1 --file secret.txt
//! ```
//!
//! `--reload-delay` and `--stale-after` give it the faults of real services: it reloads late, or goes back.
//! With several `--instance` it is several copies behind one address: each has a value of its own in memory,
//! all are told, and they answer in turn, as behind a load balancer.

mod source;

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use chrono::{SecondsFormat, Utc};
use clap::Parser;
use keywheel_contract::{SecretValue, handshake};
use serde::{Deserialize, Serialize};
use source::Source;
use std::{
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::sleep,
};

/// A consumer of a secret that answers keywheel's handshake.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The secret's id, `environment/name`
    #[arg(long)]
    id: String,
    /// The destination it reads, `store:path`
    #[arg(long)]
    destination: String,
    /// Its name in the inventory
    #[arg(long)]
    consumer: String,
    /// Name of this running copy; several names are several copies behind one address
    #[arg(long, required = true)]
    instance: Vec<String>,
    /// File with the secret
    #[arg(long)]
    file: PathBuf,
    /// The field to use: of a JSON document, or a file of that name where `--file` is a folder
    #[arg(long, conflicts_with = "key")]
    field: Option<String>,
    /// The key to use of a `.env` file
    #[arg(long)]
    key: Option<String>,
    /// Time between being told and reloading, as `3s` or `250ms`
    #[arg(long, default_value = "0s", value_parser = duration)]
    reload_delay: Duration,
    /// A fault: this long after a reload it goes back to the value before it
    #[arg(long, value_parser = duration)]
    stale_after: Option<Duration>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let listen = arguments.listen;
    let fleet = Arc::new(Fleet::start(arguments)?);
    let router = Router::new()
        .route("/-/reload", post(told))
        .route("/.well-known/keywheel", post(asked))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Arc::clone(&fleet));
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    reload_on_hangup(Arc::clone(&fleet))?;
    writeln!(
        std::io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await?;
    Ok(())
}

/// The copies behind one address.
struct Fleet {
    arguments: Arc<Arguments>,
    copies: Vec<Arc<Service>>,
    turn: AtomicUsize,
}

impl Fleet {
    fn start(arguments: Arguments) -> Result<Self> {
        let arguments = Arc::new(arguments);
        let start = |name: &String| Service::start(Arc::clone(&arguments), name).map(Arc::new);
        Ok(Self {
            copies: arguments
                .instance
                .iter()
                .map(start)
                .collect::<Result<_>>()?,
            turn: AtomicUsize::new(0),
            arguments,
        })
    }

    /// The copy whose turn it is to answer.
    fn next(&self) -> &Service {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.copies[turn % self.copies.len()]
    }

    /// Reloads every copy once the delay is over; one that fails keeps its value in memory.
    async fn reload_late(self: Arc<Self>) -> Result<()> {
        sleep(self.arguments.reload_delay).await;
        let done: Result<()> = self.copies.iter().try_for_each(Service::reload);
        if let Err(error) = &done {
            writeln!(std::io::stderr(), "keeps its value: {error:#}")?;
        }
        done
    }
}

/// One running copy.
struct Service {
    arguments: Arc<Arguments>,
    instance: String,
    source: Source,
    /// The value that the service works with.
    value: RwLock<SecretValue>,
    started_at: String,
}

impl Service {
    fn start(arguments: Arc<Arguments>, instance: &str) -> Result<Self> {
        let source = Source::new(
            &arguments.file,
            arguments.field.as_deref(),
            arguments.key.as_deref(),
        );
        Ok(Self {
            value: RwLock::new(source.read()?),
            source,
            started_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            instance: instance.to_owned(),
            arguments,
        })
    }

    /// Puts `new` in the place of the value in memory, which it returns.
    fn replace(&self, new: SecretValue) -> SecretValue {
        let mut value = self
            .value
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::replace(&mut value, new)
    }

    fn reload(self: &Arc<Self>) -> Result<()> {
        let before = self.replace(self.source.read()?);
        if let Some(after) = self.arguments.stale_after {
            let service = Arc::clone(self);
            tokio::spawn(async move {
                sleep(after).await;
                service.replace(before);
            });
        }
        Ok(())
    }

    fn proof(&self, challenge: &str) -> String {
        let statement = handshake::Statement {
            id: &self.arguments.id,
            destination: &self.arguments.destination,
            consumer: &self.arguments.consumer,
            instance: &self.instance,
            challenge,
        };
        let value = self
            .value
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        handshake::prove(&value, &statement)
    }
}

/// Answers at once where the reload takes its time, as services with a queue do.
async fn told(State(fleet): State<Arc<Fleet>>) -> StatusCode {
    if fleet.arguments.reload_delay.is_zero() {
        return match fleet.reload_late().await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
    }
    tokio::spawn(fleet.reload_late());
    StatusCode::ACCEPTED
}

fn reload_on_hangup(fleet: Arc<Fleet>) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tokio::spawn(Arc::clone(&fleet).reload_late());
        }
    });
    Ok(())
}

#[derive(Deserialize)]
struct Challenge {
    id: String,
    destination: String,
    consumer: String,
    challenge: String,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    destination: String,
    consumer: String,
    instance: String,
    started_at: String,
    proof: String,
}

/// Answers about its own secret only, and proves nothing that is not a challenge.
async fn asked(
    State(fleet): State<Arc<Fleet>>,
    Json(asked): Json<Challenge>,
) -> Result<Json<Answer>, StatusCode> {
    let own = &fleet.arguments;
    if (&asked.id, &asked.destination, &asked.consumer)
        != (&own.id, &own.destination, &own.consumer)
    {
        return Err(StatusCode::NOT_FOUND);
    }
    if asked.challenge.len() != 64 || !asked.challenge.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let service = fleet.next();
    Ok(Json(Answer {
        proof: service.proof(&asked.challenge),
        instance: service.instance.clone(),
        started_at: service.started_at.clone(),
        id: asked.id,
        destination: asked.destination,
        consumer: asked.consumer,
    }))
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit): (&str, fn(u64) -> Duration) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis),
        None => (
            text.strip_suffix('s').unwrap_or_default(),
            Duration::from_secs,
        ),
    };
    number
        .parse()
        .map(unit)
        .map_err(|_| "write it as `3s` or `250ms`".to_owned())
}
