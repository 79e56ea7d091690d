//! Serves a router on a free port of the loopback address, with faults.

use crate::authority::Authority;
use crate::faults::{Asked, Fault, Faults};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// A server; it ends when this is dropped.
pub struct Served {
    /// `http://127.0.0.1:PORT`, or `https://…`.
    pub address: String,
    /// What it does wrong.
    pub faults: Faults,
    task: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a router; over TLS where an authority is given.
pub async fn serve(router: Router, authority: Option<&Authority>) -> Served {
    serve_by(router, authority.map(Authority::server)).await
}

/// Serves a router over TLS, set up so; in plain text where it is not.
pub async fn serve_by(router: Router, tls: Option<Arc<ServerConfig>>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(TlsAcceptor::from);
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let faults = Faults::none();
    let server = Server {
        router,
        faults: faults.clone(),
        answers: Arc::default(),
    };
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(accept(stream, acceptor.clone(), server.clone()));
        }
    });
    Served {
        address: format!("{scheme}://{address}"),
        faults,
        task: task.abort_handle(),
    }
}

async fn accept(stream: TcpStream, acceptor: Option<TlsAcceptor>, server: Server) {
    match acceptor {
        None => server.answer_on(stream).await,
        Some(acceptor) => {
            // A client that does not trust us ends the handshake; that is its business.
            if let Ok(stream) = acceptor.accept(stream).await {
                server.answer_on(stream).await;
            }
        }
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    faults: Faults,
    /// The last answer to each read, for those that are to be stale.
    answers: Arc<Mutex<HashMap<u64, (u16, Bytes)>>>,
}

impl Server {
    async fn answer_on(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| self.clone().answer(request));
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
        // A connection that was cut on demand, or left by its client, ends with an error.
        drop(served);
    }

    /// An error closes the connection without a word.
    async fn answer(self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let asked = Asked {
            head: &head,
            body: &body,
        };
        let key = asked.fingerprint();
        let (writes, fault) = (asked.writes(), self.faults.meet(&asked));
        match &fault {
            Some(Fault::Refuse(status, after)) => return Ok(refusal(*status, *after)),
            Some(Fault::Reset) => return Err(closed()),
            Some(Fault::Delay(wait)) => tokio::time::sleep(*wait).await,
            Some(Fault::Stale) if !writes => {
                if let Some((status, body)) = self.answers.lock().unwrap().get(&key).cloned() {
                    return Ok(json(status, body));
                }
            }
            _ => {}
        }
        let request = Request::from_parts(head, Body::from(body));
        let answer = self.router.oneshot(request).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if !writes {
            let kept = (head.status.as_u16(), body.clone());
            self.answers.lock().unwrap().insert(key, kept);
        }
        match fault {
            Some(Fault::LoseReply) => Err(closed()),
            Some(Fault::CutBody) => Ok(Response::from_parts(head, cut(&body))),
            _ => Ok(Response::from_parts(head, Body::from(body))),
        }
    }
}

fn closed() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn refusal(status: u16, after: Option<u32>) -> Response<Body> {
    let mut answer = json(status, Bytes::from_static(b"{}"));
    if let Some(after) = after {
        answer.headers_mut().insert("retry-after", after.into());
    }
    answer
}

fn json(status: u16, body: Bytes) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}

/// The first half of the body, then an end that HTTP does not allow.
fn cut(body: &Bytes) -> Body {
    let half: io::Result<Bytes> = Ok(body.slice(..body.len() / 2));
    let parts = futures_util::stream::iter([half, Err(closed())]);
    Body::from_stream(parts)
}
