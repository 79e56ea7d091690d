//! A real OpenBao server of one test's own; see `throwaway-openbao`.

use crate::counts::skipped;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The program that starts and stops the server.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/throwaway-openbao");
/// The script's exit code for "not installed".
const NOT_INSTALLED: i32 = 69;

/// A server; it is killed when this is dropped.
pub struct OpenBao {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    /// A token that may do everything.
    pub root: String,
    port: u16,
    process: Child,
    /// Storage and the unseal key of a server that outlives a kill.
    lasting: Option<(TempDir, String)>,
    http: Client,
}

impl OpenBao {
    /// A server in memory with an engine of version 2 at `secret`; `None` where OpenBao is not installed, with
    /// the reason printed.
    pub async fn in_memory() -> Option<Self> {
        let server = Self::start(None).await?;
        server.ready(200).await;
        server.ready_at("/v1/secret/config").await;
        Some(server)
    }

    /// A server that keeps its storage over a kill, unsealed, with the same engine.
    pub async fn lasting() -> Option<Self> {
        Self::lasting_in(&std::env::temp_dir()).await
    }

    /// The same, with its storage on the disk of this folder.
    pub async fn lasting_in(disk: &Path) -> Option<Self> {
        let mut server = Self::start(Some(tempfile::tempdir_in(disk).unwrap())).await?;
        server.ready(501).await;
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = server.call(Method::POST, "sys/init", Some(shares)).await;
        server.root = made["root_token"].as_str().unwrap().to_owned();
        server.lasting.as_mut().unwrap().1 = made["keys"][0].as_str().unwrap().to_owned();
        server.unseal().await;
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        server.post("sys/mounts/secret", engine).await;
        server.ready_at("/v1/secret/config").await;
        Some(server)
    }

    async fn start(folder: Option<TempDir>) -> Option<Self> {
        let kept = folder.as_ref().map(|folder| folder.path().to_owned());
        for _ in 0..5 {
            let port = free_pair();
            let mut process = spawn(port, kept.as_deref());
            match answers(&mut process, port).await {
                Ok(()) => {
                    return Some(Self {
                        address: format!("http://127.0.0.1:{port}"),
                        root: "example-root".to_owned(),
                        port,
                        process,
                        lasting: folder.map(|folder| (folder, String::new())),
                        http: Client::new(),
                    });
                }
                Err(Some(NOT_INSTALLED)) => {
                    skipped("OpenBao is not installed and pip cannot install it");
                    return None;
                }
                Err(_) => {}
            }
        }
        panic!("OpenBao did not start");
    }

    /// Ends the server with SIGKILL.
    pub fn kill(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }

    /// Starts a killed server on the same port and storage; it is sealed then.
    pub async fn restart(&mut self) {
        let folder = self.lasting.as_ref().map(|(folder, _)| folder.path());
        self.process = spawn(self.port, folder);
        answers(&mut self.process, self.port).await.unwrap();
        self.ready(503).await;
    }

    /// Opens a sealed server.
    pub async fn unseal(&self) {
        let key = json!({ "key": self.lasting.as_ref().unwrap().1 });
        self.call(Method::POST, "sys/unseal", Some(key)).await;
        self.ready(200).await;
    }

    /// One successful call as root; `data` of the answer, or the whole of it.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, Some(body)).await
    }

    /// The same, reading.
    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }

    /// One successful call as root below a namespace.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/v1/{path}", self.address);
        let mut request = self.http.request(method, url);
        request = request.header("X-Vault-Token", &self.root);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        let read: Value = serde_json::from_str(&text).unwrap_or_default();
        match read.get("data") {
            Some(data) if !data.is_null() => data.clone(),
            _ => read,
        }
    }

    /// A token with these rules and lifetime.
    pub async fn token(&self, policy: &str, ttl: &str) -> String {
        self.post("sys/policies/acl/example", json!({ "policy": policy }))
            .await;
        let asked = json!({ "policies": ["example"], "ttl": ttl });
        let made = self.post("auth/token/create", asked).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    async fn ready(&self, status: u16) {
        for _ in 0..400 {
            let health = format!("{}/v1/sys/health", self.address);
            let answer = self.http.get(health).send().await;
            if answer.is_ok_and(|answer| answer.status() == status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("OpenBao did not become {status}");
    }

    /// An engine that was just mounted is upgraded first, and answers 400 until then.
    pub async fn ready_at(&self, path: &str) {
        for _ in 0..400 {
            let request = self.http.get(format!("{}{path}", self.address));
            let answer = request.header("X-Vault-Token", &self.root).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("OpenBao's engine did not become ready");
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, folder: Option<&Path>) -> Child {
    let mut command = Command::new(SCRIPT);
    match folder {
        None => command.args(["dev", &port.to_string()]),
        Some(folder) => command.args(["lasting", &port.to_string()]).arg(folder),
    };
    command.stdin(Stdio::piped()).spawn().unwrap()
}

/// Waits until the port answers, or gives the exit code. The first start may install the program.
async fn answers(process: &mut Child, port: u16) -> Result<(), Option<i32>> {
    for _ in 0..6000 {
        if let Some(ended) = process.try_wait().unwrap() {
            return Err(ended.code());
        }
        if tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("OpenBao does not answer");
}

/// A free port of which the next one is free too: the server takes both.
pub fn free_pair() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}
