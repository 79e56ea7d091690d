//! A small HTTP server on a free port of this machine that can misbehave in every way.
//!
//! It keeps connections open and tells its handler which connection a request came in on, as a load balancer
//! sees it.

use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One request.
pub(crate) struct Request {
    /// Counted from 0.
    pub(crate) connection: usize,
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the server sends.
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// A byte now and then, for ever.
    Drip(Vec<u8>),
    /// Nothing, and the connection stays open.
    Hang,
    /// The bytes, after a while.
    Late(Duration, Vec<u8>),
}

impl Reply {
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::status("200 OK", "", body)
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::ok(body.to_string())
    }

    /// The same, but only after that long.
    pub(crate) fn after(self, wait: Duration) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Late(wait, bytes),
            other => other,
        }
    }

    /// `headers` are whole lines, each with its `\r\n`.
    pub(crate) fn status(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }
}

/// Serves until the test ends; the answer is `http://127.0.0.1:PORT`.
pub(crate) async fn serve<F>(respond: F) -> String
where
    F: Fn(Request) -> Reply + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let respond = Arc::new(respond);
    tokio::spawn(async move {
        let mut connection = 0;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, connection, Arc::clone(&respond)));
            connection += 1;
        }
    });
    format!("http://{address}")
}

async fn converse<F>(mut stream: TcpStream, connection: usize, respond: Arc<F>)
where
    F: Fn(Request) -> Reply,
{
    while let Some((head, body)) = read_request(&mut stream).await {
        let reply = respond(Request {
            connection,
            head,
            body,
        });
        if send(&mut stream, reply).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

async fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await,
        Reply::Late(wait, bytes) => {
            tokio::time::sleep(wait).await;
            stream.write_all(&bytes).await
        }
        Reply::Drip(bytes) => {
            stream.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(b" ").await?;
            }
        }
        Reply::Hang => {
            std::future::pending::<()>().await;
            Ok(())
        }
    }
}
