//! Whole rotations with Google Secret Manager as their store, by the permissions of the manual's role: a fake of the
//! service that loses the first answer to every write, read afterwards by the vendor's own client.

use crate::project::{Project, Tokens};
use keywheel_test_servers::google::{Google, VersionState};
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const ID: &str = "test/token";
const SECRET: &str = "projects/example/secrets/chat";
const ROLE: &str = include_str!("../../providers/google/role.yaml");
const READER: &str = include_str!("../../providers/google/tests/it/reader.py");
const CLIENT: &[&str] = &["google-cloud-secret-manager==2.32.0"];

/// A consumer that asks the service at each use, in the way of its readers.
const LOOK: &str = r#"#!/usr/bin/env python3
import base64, json, sys, urllib.request
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": False}}
else:
    try:
        call = urllib.request.urlopen("ADDRESS/v1/SECRET/versions/SELECTOR:access")
        value = json.loads(base64.b64decode(json.load(call)["payload"]["data"]))["TOKEN"]
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
    google: Google,
    selector: &'static str,
    old: String,
}

impl Scene {
    /// A token in use, in a document with a field of somebody else's; its readers ask by this selector.
    async fn set(selector: &'static str) -> Self {
        let google = Google::start(None).await;
        let config = format!(
            "programs.look = {{ path = \"look\" }}\n{}",
            Tokens::config()
        );
        let project = Project::with_config(&config);
        let tokens = Tokens::of(&project);
        let old = tokens.mint("example-before-keywheel");
        google.create(SECRET, &json!({ "labels": { "team": "chat" } }));
        let document = json!({ "TOKEN": old, "other": { "kept": [1, 2] } });
        google.add(SECRET, &document.to_string());
        if selector != "latest" {
            google.point(SECRET, selector, 1);
        }
        let granted = ROLE.lines().filter_map(|line| line.strip_prefix("- "));
        google.grant(&granted.collect::<Vec<_>>());
        let look = LOOK.replace("ADDRESS", google.address());
        let look = look.replace("SECRET", SECRET).replace("SELECTOR", selector);
        project.write("look", &look);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path("look"), executable).unwrap();
        let stores = format!(
            "{}[stores.google]\nkind = \"google-secret-manager\"\nproject = \"example\"\nendpoint = \"{}\"\n",
            project.read("inventory/test/environment.toml"),
            google.address(),
        );
        project.write("inventory/test/environment.toml", &stores);
        project.secrets(&format!(
            "[secrets.token]\n{}\n\
             publish_to = [{{ store = \"google\", path = \"chat\", field = \"TOKEN\", selector = \"{selector}\" }}]\n\
             [secrets.token.consumers.app]\nnotify = {{ none = \"reads it at each use\" }}\n\
             verify = {{ exec = \"look\" }}\n",
            Tokens::ISSUER
        ));
        project.prepared();
        Self {
            project,
            tokens,
            google,
            selector,
            old,
        }
    }

    /// The new token alone works and is what is published, once; the old version is gone; nothing leaked.
    fn is_rotated(&self) {
        let versions = self.google.versions(SECRET);
        let states: Vec<_> = versions.iter().map(|version| version.1).collect();
        assert_eq!(states, [VersionState::Destroyed, VersionState::Enabled]);
        let published: Value = serde_json::from_str(&versions[1].2).unwrap();
        assert_eq!(published["other"], json!({ "kept": [1, 2] }));
        let new = published["TOKEN"].as_str().unwrap();
        assert!(!self.tokens.accepts(&self.old) && self.tokens.accepts(new));
        assert_eq!(self.google.secret(SECRET)["labels"]["team"], "chat");
        assert_eq!(self.project.leaks(&[&self.old, new]), Vec::<String>::new());
        self.project.run(&["audit", "verify"]).succeeded();
        self.is_seen_by_another_client(&versions[1].2);
    }

    fn is_seen_by_another_client(&self, published: &str) {
        let Some(packages) = Packages::installed(CLIENT) else {
            return;
        };
        let seen = packages.run(READER, &[self.google.address(), SECRET, self.selector], "");
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["payload"], published);
        assert_eq!(seen["states"], json!({ "1": "DESTROYED", "2": "ENABLED" }));
    }
}

async fn rotates(selector: &'static str, writes: usize) {
    let scene = Scene::set(selector).await;
    scene.project.run(&["check", "--online"]).succeeded();
    scene.google.faults().lose_every_first_reply(|asked| {
        asked.writes() && !asked.path().contains("testIamPermissions")
    });
    // Readers see the version before for a while.
    scene.google.lag(4);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    let lost = scene.google.faults().met();
    assert_eq!(lost.len(), writes, "{lost:?}");
    scene.is_rotated();
    daemon.stop();
}

/// Lost: the note, the version, the move of the alias, disabling and destroying.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_read_by_an_alias_is_rotated_though_every_first_answer_is_lost() {
    rotates("current", 5).await;
}

/// Lost: the note, the version, disabling and destroying.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_read_by_latest_is_rotated_though_every_first_answer_is_lost() {
    rotates("latest", 4).await;
}
