//! Whole rotations with Google Secret Manager as their store, by the permissions of the manual's role: a fake of the
//! service that loses the first answer to every write, read afterwards by the vendor's own client.

mod keys;

use crate::project::stored::{Stored, tell_what_became_of_the_old};
use crate::project::{Project, Tokens};
use keywheel_test_servers::google::{Google, VersionState};
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};

const ID: &str = "test/token";
const SECRET: &str = "projects/example/secrets/chat";
const ROLE: &str = include_str!("../../providers/google/role.yaml");
const READER: &str = include_str!("../../providers/google/tests/it/reader.py");
const CLIENT: &[&str] = &["google-cloud-secret-manager==2.32.0"];

/// How the consumer asks, in the way of the readers of the service.
const ASKS: &str = r#"
    call = urllib.request.urlopen("ADDRESS/v1/SECRET/versions/SELECTOR:access")
    return json.loads(base64.b64decode(json.load(call)["payload"]["data"]))["TOKEN"]
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
        let stored = Stored::new();
        google.create(SECRET, &json!({ "labels": { "team": "chat" } }));
        google.add(SECRET, &stored.document().to_string());
        if selector != "latest" {
            google.point(SECRET, selector, 1);
        }
        let granted = ROLE.lines().filter_map(|line| line.strip_prefix("- "));
        google.grant(&granted.collect::<Vec<_>>());
        let store = format!(
            "[stores.google]\nkind = \"google-secret-manager\"\nproject = \"example\"\nendpoint = \"{}\"",
            google.address(),
        );
        let place = format!(
            "store = \"google\", path = \"chat\", field = \"TOKEN\", selector = \"{selector}\""
        );
        let asks = ASKS.replace("ADDRESS", google.address());
        let asks = asks.replace("SECRET", SECRET).replace("SELECTOR", selector);
        stored.entry(&store, &place, &asks);
        let Stored {
            project,
            tokens,
            old,
        } = stored;
        Self {
            project,
            tokens,
            google,
            selector,
            old,
        }
    }

    /// The new token alone works and is what is published, once; the old version is gone; nothing leaked.
    async fn is_rotated(&self) {
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
        tell_what_became_of_the_old(&self.project, ID, "destroyed").await;
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
    scene.is_rotated().await;
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
