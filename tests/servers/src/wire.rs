//! A proxy of bytes in front of a database, so that it hangs or its answers get lost on demand.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf};

/// How it misbehaves.
#[derive(Default)]
struct State {
    stalls: bool,
    /// Words, and the SQLSTATE that what holds them is refused with.
    refused: Option<(String, &'static str)>,
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

    /// New connections get through again.
    pub fn go_on(&self) {
        self.state.lock().unwrap().stalls = false;
    }

    /// From now on what holds these words is refused, as PostgreSQL does it, and never gets to the server.
    pub fn refuse(&self, words: &str, code: &'static str) {
        self.state.lock().unwrap().refused = Some((words.to_owned(), code));
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
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let losing = Arc::new(Mutex::new(false));
    let refused = tokio::select! {
        refused = ask(&mut from_client, &mut to_server, &state, &losing) => refused,
        () = answer(&mut from_server, &mut to_client, &state, &losing) => None,
    };
    if let Some(code) = refused {
        drop(to_client.write_all(&refusal(code)).await);
    }
}

/// The error of a statement, and that the next one may come (`ErrorResponse`, `ReadyForQuery`; PostgreSQL's manual,
/// section 55.7).
fn refusal(code: &str) -> Vec<u8> {
    let fields = format!("SERROR\0C{code}\0Mexample: refused\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    let error = [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat();
    [&error[..], b"Z\0\0\0\x05E"].concat()
}

/// Ends with the code of what is refused.
async fn ask(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    state: &Mutex<State>,
    losing: &Mutex<bool>,
) -> Option<&'static str> {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if state.lock().unwrap().stalls {
            std::future::pending::<()>().await;
        }
        if let Some(code) = state.lock().unwrap().refuses(&bytes[..count]) {
            return Some(code);
        }
        if state.lock().unwrap().loses(&bytes[..count]) {
            *losing.lock().unwrap() = true;
        }
        to.write_all(&bytes[..count]).await.ok()?;
    }
    None
}

async fn answer(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    state: &Mutex<State>,
    losing: &Mutex<bool>,
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
    fn refuses(&self, bytes: &[u8]) -> Option<&'static str> {
        let (words, code) = self.refused.as_ref()?;
        let text = String::from_utf8_lossy(bytes);
        text.contains(words).then_some(*code)
    }

    fn loses(&mut self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        let found = self.lose.iter().position(|words| text.contains(words));
        found.map(|at| self.lose.remove(at)).is_some()
    }
}
