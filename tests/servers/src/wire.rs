//! A proxy of bytes in front of a database, so that it hangs or its answers get lost on demand.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf};

/// How it misbehaves.
#[derive(Default)]
struct State {
    stalls: bool,
    lose: Vec<String>,
    lost: usize,
}

/// A running proxy.
pub struct Wire {
    port: u16,
    state: Arc<Mutex<State>>,
}

/// Passes bytes on to a port of the loopback address, and back.
pub async fn in_front_of(port: u16) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wire = Wire {
        port: listener.local_addr().unwrap().port(),
        state: Arc::default(),
    };
    let state = Arc::clone(&wire.state);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, port, Arc::clone(&state)));
        }
    });
    wire
}

impl Wire {
    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on nothing gets through; connections stay open.
    pub fn stall(&self) {
        self.state.lock().unwrap().stalls = true;
    }

    /// Once: what holds these words gets to the server, which carries it out; then the connection breaks before the
    /// answer does.
    pub fn lose_answer_to(&self, words: &str) {
        self.state.lock().unwrap().lose.push(words.to_owned());
    }

    /// How many answers were lost.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.state.lock().unwrap().lost
    }
}

async fn pass_on(client: TcpStream, port: u16, state: Arc<Mutex<State>>) {
    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let losing = Arc::new(Mutex::new(false));
    let asking = ask(
        from_client,
        to_server,
        Arc::clone(&state),
        Arc::clone(&losing),
    );
    tokio::select! {
        () = asking => {}
        () = answer(from_server, to_client, state, losing) => {}
    }
}

async fn ask(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<Mutex<State>>,
    losing: Arc<Mutex<bool>>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if state.lock().unwrap().stalls {
            std::future::pending::<()>().await;
        }
        if state.lock().unwrap().loses(&bytes[..count]) {
            *losing.lock().unwrap() = true;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<Mutex<State>>,
    losing: Arc<Mutex<bool>>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if *losing.lock().unwrap() {
            // The server has begun to answer. Its last statement may still be under way.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            state.lock().unwrap().lost += 1;
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

impl State {
    fn loses(&mut self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        let found = self.lose.iter().position(|words| text.contains(words));
        found.map(|at| self.lose.remove(at)).is_some()
    }
}
