//! Clients that share no line with ours, as a second opinion: of the fake, and of what was written to it.

use super::Kubernetes;
use crate::authority::Authority;
use crate::counts::skipped;
use crate::python::Packages;
use serde_json::{Value, json};
use std::process::Command;

/// The client that the Kubernetes project publishes for Python.
const PACKAGE: &str = "kubernetes==34.1.0";

/// What every script begins with: `core`, `apps` and `rights` speak to the cluster, `ask` holds what it is asked.
const BEGIN: &str = r#"
import base64, json, sys
from kubernetes import client
from kubernetes.client.exceptions import ApiException
ask = json.load(sys.stdin)
settings = client.Configuration(host=ask["address"], api_key={"authorization": "Bearer " + ask["token"]})
settings.ssl_ca_cert = ask["ca_file"]
settings.retries = 0
api = client.ApiClient(settings)
api.user_agent = "python-client/1"
core, apps, rights = client.CoreV1Api(api), client.AppsV1Api(api), client.AuthorizationV1Api(api)
def refusal(call):
    try:
        call()
        return "done"
    except ApiException as error:
        return [error.status, json.loads(error.body)["reason"]]
"#;

/// What a script prints, as JSON; `None` where the client cannot be installed, with the reason printed.
pub async fn says(
    cluster: &Kubernetes,
    authority: &Authority,
    token: &str,
    script: &str,
) -> Option<Value> {
    let asked =
        json!({ "address": cluster.address(), "ca_file": authority.ca_file(), "token": token });
    let script = format!("{BEGIN}{script}");
    // The server is in this process: waiting for Python must not stand in its way.
    let said = tokio::task::spawn_blocking(move || {
        let packages = Packages::installed(&[PACKAGE])?;
        Some(packages.run(&script, &[], &asked.to_string()))
    });
    let text = said.await.unwrap()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// `kubectl`, told where the cluster is and who it is there.
pub struct Kubectl {
    home: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Kubectl {
    /// `None` where it is not installed, which is printed.
    #[must_use]
    pub fn new(cluster: &Kubernetes, authority: &Authority, token: &str) -> Option<Self> {
        let there = Command::new("kubectl")
            .args(["version", "--client"])
            .output();
        if !there.is_ok_and(|done| done.status.success()) {
            skipped("kubectl is not installed (Debian: kubernetes-client)");
            return None;
        }
        Some(Self {
            home: tempfile::tempdir().unwrap(),
            arguments: vec![
                format!("--server={}", cluster.address()),
                format!("--certificate-authority={}", authority.ca_file().display()),
                format!("--token={token}"),
                "--request-timeout=20s".to_owned(),
            ],
        })
    }

    /// Runs it, with `input` on its standard input; what it prints.
    ///
    /// # Errors
    /// What it said when it failed.
    ///
    /// # Panics
    /// It cannot be started.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let input_file = self.home.path().join("input");
        std::fs::write(&input_file, input).unwrap();
        let mut command = Command::new("kubectl");
        command
            .args(&self.arguments)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .stdin(std::fs::File::open(input_file).unwrap());
        let done = tokio::task::spawn_blocking(move || command.output());
        let done = done.await.unwrap().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match done.status.success() {
            true => Ok(text(&done.stdout)),
            false => Err(text(&done.stderr)),
        }
    }
}
