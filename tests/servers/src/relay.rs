//! A relay in front of a server that is not spoken to over HTTP, so that answers get lost on demand.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// Names the message whose first answer is to be lost; `None` for those that are to be answered.
pub type Loses = Arc<dyn Fn(&[u8]) -> Option<String> + Send + Sync>;

/// Whether this is the message to hold.
type Holds = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Passes everything on between clients and one server; it ends, with all connections, when this is dropped.
pub struct Relay {
    /// Where clients connect to.
    pub address: SocketAddr,
    state: Arc<State>,
    silent: watch::Sender<bool>,
    task: AbortHandle,
}

#[derive(Default)]
struct State {
    loses: Mutex<Option<Loses>>,
    lost: Mutex<HashSet<String>>,
    holds: Mutex<Option<Holds>>,
    held: Notify,
    go: Notify,
}

impl Relay {
    /// In front of this server.
    pub async fn in_front_of(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let (silent, heard) = watch::channel(false);
        let task = tokio::spawn(accept(listener, server, Arc::clone(&state), heard));
        Self {
            address,
            state,
            silent,
            task: task.abort_handle(),
        }
    }

    /// From now on the server does what it is told by a message of a name, and the connection breaks before the answer:
    /// the first time that name occurs.
    pub fn lose_first_replies(
        &self,
        named: impl Fn(&[u8]) -> Option<String> + Send + Sync + 'static,
    ) {
        *self.state.loses.lock().unwrap() = Some(Arc::new(named));
    }

    /// The names of the messages whose answer was lost.
    #[must_use]
    pub fn lost(&self) -> Vec<String> {
        self.state.lost.lock().unwrap().iter().cloned().collect()
    }

    /// The next message like this is held, until it is let go: it arrives late.
    pub fn hold_first(&self, like_this: impl Fn(&[u8]) -> bool + Send + Sync + 'static) {
        *self.state.holds.lock().unwrap() = Some(Box::new(like_this));
    }

    /// Waits until a message is held.
    pub async fn holds(&self) {
        self.state.held.notified().await;
    }

    /// Lets it go.
    pub fn let_go(&self) {
        self.state.go.notify_one();
    }

    /// From now on nothing passes, and no connection closes: the server hangs.
    pub fn hang(&self) {
        self.silent.send_replace(true);
    }

    /// It answers again, new connections as well as those that waited.
    pub fn resume(&self) {
        self.silent.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    state: Arc<State>,
    heard: watch::Receiver<bool>,
) {
    let mut pairs = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        pairs.spawn(pass(client, server, Arc::clone(&state), heard.clone()));
    }
}

/// A message is small enough to come in one piece, as clients on this machine send it.
async fn pass(
    client: TcpStream,
    server: SocketAddr,
    state: Arc<State>,
    heard: watch::Receiver<bool>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (loses, lost) = watch::channel(false);
    let there = async {
        let read = |message: &[u8]| {
            if state.is_to_be_lost(message) {
                loses.send_replace(true);
            }
        };
        copy(
            &mut from_client,
            &mut to_server,
            heard.clone(),
            &state,
            read,
        )
        .await;
    };
    let back = async {
        let mut answer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut answer).await {
            let mut heard = heard.clone();
            if *lost.borrow() || heard.wait_for(|silent| !silent).await.is_err() {
                return;
            }
            if to_client.write_all(&answer[..length]).await.is_err() {
                return;
            }
        }
    };
    // Either end that closes closes both.
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut heard: watch::Receiver<bool>,
    state: &State,
    read: impl Fn(&[u8]),
) {
    let mut message = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut message).await {
        if heard.wait_for(|silent| !silent).await.is_err() {
            return;
        }
        if state.is_to_be_held(&message[..length]) {
            state.held.notify_one();
            state.go.notified().await;
        }
        read(&message[..length]);
        if to.write_all(&message[..length]).await.is_err() {
            return;
        }
    }
}

impl State {
    fn is_to_be_held(&self, message: &[u8]) -> bool {
        let mut holds = self.holds.lock().unwrap();
        holds.take_if(|like_this| like_this(message)).is_some()
    }

    fn is_to_be_lost(&self, message: &[u8]) -> bool {
        let loses = self.loses.lock().unwrap().clone();
        let name = loses.and_then(|loses| loses(message));
        name.is_some_and(|name| self.lost.lock().unwrap().insert(name))
    }
}
