//! A service that holds the files of one place of the store `files`, takes them anew when it is told, and proves one of
//! them. Whoever works with what it holds keeps it from moving on meanwhile.

use crate::project::Project;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use keywheel_contract::SecretValue;
use keywheel_contract::handshake::{Statement, prove};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{RwLock, RwLockReadGuard};

/// Contents by name.
pub(crate) type Held = BTreeMap<String, String>;

/// The service.
pub(crate) struct Holder {
    address: String,
    folder: PathBuf,
    proof: &'static str,
    held: RwLock<Held>,
}

impl Holder {
    /// Puts these files into a place as the store keeps it, and starts a service that proves the one called `proof`.
    pub(crate) async fn start(
        project: &Project,
        place: &str,
        files: &[(&str, &str)],
        proof: &'static str,
    ) -> Arc<Self> {
        let version = format!("v1.{}", "0".repeat(64));
        for (name, text) in files {
            project.write(&format!("published/{place}/{version}/{name}"), text);
        }
        let folder = project.path(&format!("published/{place}/current"));
        std::os::unix::fs::symlink(version, &folder).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let holder = Arc::new(Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            held: RwLock::new(read(&folder)),
            folder,
            proof,
        });
        let router = Router::new()
            .route("/-/reload", post(reload))
            .route("/.well-known/keywheel", post(answer))
            .with_state(Arc::clone(&holder));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        holder
    }

    /// What it holds, for as long as the answer lives.
    pub(crate) async fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().await
    }

    /// `notify` and `verify` for the inventory.
    pub(crate) fn lines(&self) -> String {
        format!(
            "notify = {{ http = \"{0}/-/reload\" }}\nverify = {{ http = \"{0}/.well-known/keywheel\" }}\n",
            self.address
        )
    }
}

fn read(folder: &Path) -> Held {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        (name, std::fs::read_to_string(file.path()).unwrap())
    };
    files.map(file).collect()
}

async fn reload(State(holder): State<Arc<Holder>>) -> StatusCode {
    let mut held = holder.held.write().await;
    *held = read(&holder.folder);
    StatusCode::NO_CONTENT
}

async fn answer(State(holder): State<Arc<Holder>>, Json(asked): Json<Value>) -> Json<Value> {
    let held = holder.held.read().await;
    let value = SecretValue::from(held[holder.proof].clone());
    let text = |key: &str| asked[key].as_str().unwrap();
    let statement = Statement {
        id: text("id"),
        destination: text("destination"),
        consumer: text("consumer"),
        instance: "one",
        challenge: text("challenge"),
    };
    Json(json!({
        "id": statement.id, "destination": statement.destination, "instance": "one",
        "proof": prove(&value, &statement),
    }))
}
