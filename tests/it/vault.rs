//! Whole rotations with a real OpenBao as their store, by the rights of the manual's policy.

use crate::project::{PATIENCE, Project, Tokens};
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::openbao::OpenBao;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const ID: &str = "test/token";
const POLICY: &str = include_str!("../../providers/vault/policy.hcl");

/// A consumer that asks the server for the newest version at each use, with its own token.
const LOOK: &str = r#"#!/usr/bin/env python3
import json, sys, urllib.request
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": False}}
else:
    call = urllib.request.Request("ADDRESS/v1/secret/data/production/chat", headers={"X-Vault-Token": "TOKEN"})
    try:
        value = json.load(urllib.request.urlopen(call))["data"]["data"]["TOKEN"]
        used = [h["credential"] for h in request["held"] if h["value"].get("text") == value]
        answer = {"ok": True, "observations": [{"instance": "app", "strength": "claimed",
                  "holding": {"credential": used[0]} if used else "other"}]}
    except OSError:
        answer = {"ok": False, "error": {"kind": "unavailable", "message": "the store is away"}}
json.dump(answer, sys.stdout)
"#;

struct Scene {
    project: Project,
    tokens: Tokens,
    server: OpenBao,
    old: String,
}

impl Scene {
    /// A token in use, in a document with a field of somebody else's.
    async fn set(server: OpenBao) -> Self {
        let config = format!(
            "programs.look = {{ path = \"look\" }}\n{}",
            Tokens::config()
        );
        let project = Project::with_config(&config);
        let tokens = Tokens::of(&project);
        let old = tokens.mint("example-before-keywheel");
        let document = json!({ "data": { "TOKEN": old, "other": { "kept": [1, 2] } } });
        server.post("secret/data/production/chat", document).await;
        project.write("vault-token", &server.token(POLICY, "1h").await);
        let look = LOOK.replace("ADDRESS", &server.address);
        project.write(
            "look",
            &look.replace("TOKEN\"}", &format!("{}\"}}", server.root)),
        );
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path("look"), executable).unwrap();
        let stores = format!(
            "{}[stores.vault]\nkind = \"vault\"\naddress = \"{}\"\nlogin = {{ token = {{ file = \"vault-token\" }} }}\n",
            project.read("inventory/test/environment.toml"),
            server.address,
        );
        project.write("inventory/test/environment.toml", &stores);
        project.secrets(&format!(
            "[secrets.token]\n{}\n\
             publish_to = [{{ store = \"vault\", path = \"production/chat\", field = \"TOKEN\" }}]\n\
             [secrets.token.consumers.app]\nnotify = {{ none = \"reads it at each use\" }}\n\
             verify = {{ exec = \"look\" }}\n",
            Tokens::ISSUER
        ));
        project.prepared();
        Self {
            project,
            tokens,
            server,
            old,
        }
    }

    async fn published(&self) -> Value {
        self.server.get("secret/data/production/chat").await["data"].clone()
    }

    /// The new token alone works and is what is published, once; the old version is gone; nothing leaked.
    async fn is_rotated(&self) {
        let published = self.published().await;
        let new = published["TOKEN"].as_str().unwrap().to_owned();
        assert_eq!(published["other"], json!({ "kept": [1, 2] }));
        assert!(!self.tokens.accepts(&self.old) && self.tokens.accepts(&new));
        let key = self.server.get("secret/metadata/production/chat").await;
        assert_eq!(key["current_version"], 2);
        assert_eq!(key["versions"]["1"]["destroyed"], true);
        assert_eq!(self.project.leaks(&[&self.old, &new]), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_secret_in_openbao_is_rotated() {
    let Some(server) = OpenBao::in_memory().await else {
        return;
    };
    let scene = Scene::set(server).await;
    scene.project.run(&["check", "--online"]).succeeded();
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated().await;
    daemon.stop();
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_is_waited_for() {
    let Some(server) = OpenBao::lasting().await else {
        return;
    };
    let mut scene = Scene::set(server).await;
    // Between minting and publishing.
    let dying = ["--lease-ms", "3000", "--die-at", "mint::recorded"];
    let mut daemon = scene.project.daemon_with(&dying);
    scene.project.run(&["rotate-now", ID]).succeeded();
    daemon.ended_within(PATIENCE);
    scene.server.kill();
    let daemon = scene.project.daemon();
    let waits = scene.project.until(ID, "waiting for its store", |run| {
        let store = |name: &str| name.contains("vault");
        run.phase == Phase::Publishing && run.waiting.iter().any(|waiting| store(&waiting.name))
    });
    waits.await;
    scene.server.restart().await;
    assert!(scene.tokens.accepts(&scene.old), "the old token was ended");
    scene.server.unseal().await;
    scene.project.retry(ID).await;
    scene.project.until_completed(ID).await;
    scene.is_rotated().await;
    daemon.stop();
}
