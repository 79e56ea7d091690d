//! A token that lies in a vendor's store, and a consumer that asks the store for it at each use.

#![cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "doppler",
    feature = "github",
    feature = "google",
    feature = "kubernetes",
    feature = "systemd",
    feature = "vault"
))]

use super::{Project, Tokens};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

/// The consumer, a program: what it asks is put in.
const LOOK: &str = r#"#!/usr/bin/env python3
import base64, json, ssl, sys, urllib.request
def value():
ASKS
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": False}}
else:
    try:
        using = value()
        used = [h["credential"] for h in request["held"] if h["value"].get("text") == using]
        answer = {"ok": True, "observations": [{"instance": "app", "strength": "claimed",
                  "holding": {"credential": used[0]} if used else "other"}]}
    except OSError:
        answer = {"ok": False, "error": {"kind": "unavailable", "message": "the store is away"}}
json.dump(answer, sys.stdout)
"#;

/// The parts of the scene that are the same whatever the store.
pub(crate) struct Stored {
    pub(crate) project: Project,
    pub(crate) tokens: Tokens,
    /// The token in use before anything is rotated.
    pub(crate) old: String,
}

impl Stored {
    /// A token in use; it lies nowhere yet.
    pub(crate) fn new() -> Self {
        let config = format!(
            "programs.look = {{ path = \"look\" }}\n{}",
            Tokens::config()
        );
        let project = Project::with_config(&config);
        let tokens = Tokens::of(&project);
        let old = tokens.mint("example-before-keywheel");
        Self {
            project,
            tokens,
            old,
        }
    }

    /// The token, in a document with a field of somebody else's.
    pub(crate) fn document(&self) -> Value {
        json!({ "TOKEN": self.old, "other": { "kept": [1, 2] } })
    }

    /// Writes the inventory: the table of a store, the inside of the table of a place there, and a consumer that asks
    /// by the body of a Python function. Ready for a daemon.
    pub(crate) fn entry(&self, store: &str, place: &str, asks: &str) {
        let project = &self.project;
        asks_by(project, asks);
        let environment = project.read("inventory/test/environment.toml");
        let environment = format!("{environment}{store}\n");
        project.write("inventory/test/environment.toml", &environment);
        project.secrets(&format!(
            "[secrets.token]\n{}\npublish_to = [{{ {place} }}]\n\
             [secrets.token.consumers.app]\nnotify = {{ none = \"reads it at each use\" }}\n\
             verify = {{ exec = \"look\" }}\n",
            Tokens::ISSUER
        ));
        project.prepared();
    }
}

/// Writes the program `look`, a consumer that asks by the body of a Python function.
pub(crate) fn asks_by(project: &Project, asks: &str) {
    project.write("look", &LOOK.replace("ASKS", asks.trim_matches('\n')));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("look"), executable).unwrap();
}

/// Status, history and audit say in this word what became of the version that the last rotation replaced.
pub(crate) async fn tell_what_became_of_the_old(project: &Project, id: &str, word: &str) {
    project.audit(id).await;
    let status = project
        .run(&["status", id, "--output", "json"])
        .succeeded()
        .stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let replaced = &status["items"][0]["destinations"][0]["replaced"];
    assert_eq!(*replaced, json!(word));
    let shown = project.run(&["show", id]).succeeded();
    shown.says(&[&format!("(the one before: {word})")]);
    let history = project.run(&["history", id]).succeeded();
    let audit = project.run(&["audit", "list"]).succeeded();
    for told in [history.stdout, audit.stdout] {
        let says = |line: &str| line.contains("destroy_version") && line.contains(word);
        assert!(told.lines().any(says), "{told}");
    }
}
