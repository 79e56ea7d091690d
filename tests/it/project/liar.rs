//! A consumer that answers the handshake honestly until it is told to reload, and then lies in one way until
//! it is mended.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use keywheel_contract::{SecretValue, handshake};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it does once it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// 200, with a page.
    Nonsense,
    /// Sends the question to somebody who could prove the new value.
    Redirect,
    /// Answers rightly, long after the call's deadline.
    Slow,
    /// Keeps the old value and claims the new version.
    Version,
    /// Proves the new value, for another secret.
    OtherSecret,
    /// Proves the new value, always as the same instance where there are two.
    OneInstance,
    /// Proves the new value over the challenge before this one.
    Replay,
    /// Proves the new value once, then the old one.
    BackAgain,
    /// Errors on every call.
    Broken,
}

impl Lie {
    pub(crate) const ALL: [Self; 9] = [
        Self::Nonsense,
        Self::Redirect,
        Self::Slow,
        Self::Version,
        Self::OtherSecret,
        Self::OneInstance,
        Self::Replay,
        Self::BackAgain,
        Self::Broken,
    ];

    /// A name for the inventory.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// A running liar.
pub(crate) struct Liar {
    pub(crate) address: String,
    held: Arc<Mutex<Held>>,
    server: JoinHandle<()>,
}

struct Held {
    lie: Option<Lie>,
    file: PathBuf,
    key: String,
    old: String,
    told: bool,
    proven_new: bool,
    asked: usize,
    challenge: String,
    /// Where a redirect leads.
    elsewhere: String,
    /// Asked twice, it answers as two instances.
    instances: usize,
}

impl Held {
    fn published(&self) -> String {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(&self.key)?.strip_prefix('='));
        value.unwrap().trim_matches(['\'', '"']).to_owned()
    }
}

impl Liar {
    /// Starts one that reads `key` of a `.env` file.
    pub(crate) async fn start(lie: Lie, file: PathBuf, key: &str) -> Self {
        let mut held = Held {
            lie: Some(lie),
            file,
            key: key.to_owned(),
            old: String::new(),
            told: false,
            proven_new: false,
            asked: 0,
            challenge: "00".repeat(32),
            elsewhere: String::new(),
            instances: usize::from(lie == Lie::OneInstance) + 1,
        };
        held.old = held.published();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        held.elsewhere = format!("{address}/honest");
        let held = Arc::new(Mutex::new(held));
        let router = Router::new()
            .route("/reload", post(reload))
            .route("/ask", post(ask))
            .route("/honest", post(honest))
            .with_state(Arc::clone(&held));
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            address,
            held,
            server,
        }
    }

    /// From now on it is honest.
    pub(crate) fn mend(&self) {
        self.held.lock().unwrap().lie = None;
    }

    /// How often it was asked since it was told.
    pub(crate) fn asked(&self) -> usize {
        self.held.lock().unwrap().asked
    }

    /// `notify` and `verify` for the inventory.
    pub(crate) fn lines(&self) -> String {
        let instances = self.held.lock().unwrap().instances;
        format!(
            "notify = {{ http = \"{0}/reload\" }}\n\
             verify = {{ http = \"{0}/ask\", instances = {instances} }}\n",
            self.address
        )
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn reload(State(held): State<Arc<Mutex<Held>>>) -> StatusCode {
    held.lock().unwrap().told = true;
    StatusCode::NO_CONTENT
}

/// Always the new value: where the redirect leads.
async fn honest(State(held): State<Arc<Mutex<Held>>>, Json(asked): Json<Value>) -> Response {
    let held = held.lock().unwrap();
    Json(proof(&asked, &held.published(), "copy-0", None)).into_response()
}

async fn ask(State(held): State<Arc<Mutex<Held>>>, Json(asked): Json<Value>) -> Response {
    let (answer, slow) = {
        let mut held = held.lock().unwrap();
        (
            answer(&mut held, &asked),
            held.told && held.lie == Some(Lie::Slow),
        )
    };
    if slow {
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    answer
}

fn answer(held: &mut Held, asked: &Value) -> Response {
    held.asked += usize::from(held.told);
    let instance = format!("copy-{}", held.asked % held.instances);
    let before = std::mem::replace(&mut held.challenge, asked["challenge"].to_string());
    let before = before.trim_matches('"').to_owned();
    let (old, new) = (held.old.clone(), held.published());
    let lie = held.lie.filter(|_| held.told);
    let said = match lie {
        None if held.told => proof(asked, &new, &instance, None),
        None => proof(asked, &old, &format!("copy-{}", fresh(held)), None),
        Some(Lie::Nonsense) => return (StatusCode::OK, "<html>all is well</html>").into_response(),
        Some(Lie::Broken) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Lie::Redirect) => {
            let to = [(header::LOCATION, held.elsewhere.clone())];
            return (StatusCode::TEMPORARY_REDIRECT, to).into_response();
        }
        Some(Lie::Slow) => proof(asked, &new, &instance, None),
        Some(Lie::Version) => {
            let mut said = proof(asked, &old, &instance, None);
            said["version"] = json!("the newest");
            said
        }
        Some(Lie::OtherSecret) => {
            let mut other = asked.clone();
            other["id"] = json!("test/another");
            proof(&other, &new, &instance, None)
        }
        Some(Lie::OneInstance) => proof(asked, &new, "copy-0", None),
        Some(Lie::Replay) => proof(asked, &new, &instance, Some(&before)),
        Some(Lie::BackAgain) => {
            let first = !std::mem::replace(&mut held.proven_new, true);
            proof(asked, if first { &new } else { &old }, &instance, None)
        }
    };
    Json(said).into_response()
}

/// Before it is told, the copies take turns.
fn fresh(held: &mut Held) -> usize {
    held.asked += 1;
    let turn = held.asked % held.instances;
    if turn == 0 {
        held.asked = 0;
    }
    turn
}

fn proof(asked: &Value, value: &str, instance: &str, challenge: Option<&str>) -> Value {
    let text = |key: &str| asked[key].as_str().unwrap_or_default();
    let statement = handshake::Statement {
        id: text("id"),
        destination: text("destination"),
        consumer: text("consumer"),
        instance,
        challenge: challenge.unwrap_or(text("challenge")),
    };
    let value = SecretValue::from(value.to_owned());
    json!({
        "id": statement.id, "destination": statement.destination, "consumer": statement.consumer,
        "instance": instance, "proof": handshake::prove(&value, &statement),
    })
}
