//! The HTTP interface of a daemon, at `listen` of `keywheel.toml`. It reads and writes the journal and nothing else: no
//! value, no key, no outside system is within its reach.
//!
//! It is bounded in every direction, since whoever reaches the address may speak: connections at once, how long one
//! lasts, bytes of a request, requests a second.

mod attest;
mod challenge;
mod pace;

use crate::journal::Journal;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use pace::Pace;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// A connection carries one request and is closed after this.
const CONNECTION: Duration = Duration::from_secs(10);
/// Longest body, in bytes.
const LONGEST: usize = 8 * 1024;
/// Requests a second in the long run.
const PER_SECOND: u32 = 50;
/// Requests at once after a silence.
const BURST: u32 = 200;
/// The pause after a connection could not be accepted, such as for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Answers until `stop`; requests under way are answered.
pub async fn serve(listener: TcpListener, journal: Journal, stop: CancellationToken) {
    let router = router(journal);
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &free) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                open.spawn(converse(stream, router.clone(), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    open.close();
    open.wait().await;
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await;
    let permit = permit.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// One request. Whoever is slow is cut off, and not told so.
async fn converse(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let service = TowerToHyperService::new(router);
    let served = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
        Err(_) => tracing::debug!("a connection took too long"),
    }
}

fn router(journal: Journal) -> Router {
    let pace = Arc::new(Pace::new(PER_SECOND, BURST));
    Router::new()
        .merge(attest::routes(journal))
        .layer(middleware::from_fn_with_state(pace, in_turn))
        .layer(DefaultBodyLimit::max(LONGEST))
}

async fn in_turn(State(pace): State<Arc<Pace>>, request: Request, next: Next) -> Response {
    match pace.allows() {
        true => next.run(request).await,
        false => {
            let later = [(header::RETRY_AFTER, "1")];
            let why = "too many requests: try again in a second";
            (later, Refusal(StatusCode::TOO_MANY_REQUESTS, why)).into_response()
        }
    }
}

/// An answer that says why not, in words that hold nothing of the request.
struct Refusal(StatusCode, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({ "error": self.1 }))).into_response()
    }
}
