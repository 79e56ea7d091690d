//! Whole rotations with a real OpenBao as their store, by the rights of the manual's policy.

use crate::project::stored::{Stored, tell_what_became_of_the_old};
use crate::project::{PATIENCE, Project, Tokens};
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::openbao::OpenBao;
use keywheel_test_servers::proxy::in_front_of;
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};

const ID: &str = "test/token";
const POLICY: &str = include_str!("../../providers/vault/policy.hcl");

/// How the consumer asks for the newest version, with its own token.
const ASKS: &str = r#"
    call = urllib.request.Request("ADDRESS/v1/secret/data/production/chat", headers={"X-Vault-Token": "READER"})
    return json.load(urllib.request.urlopen(call))["data"]["data"]["TOKEN"]
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
        let address = server.address.clone();
        Self::behind(&address, server).await
    }

    /// The same with a store that calls the server at this address.
    async fn behind(address: &str, server: OpenBao) -> Self {
        let stored = Stored::new();
        let document = json!({ "data": stored.document() });
        server.post("secret/data/production/chat", document).await;
        let token = server.token(POLICY, "1h").await;
        stored.project.write("vault-token", &token);
        let store = format!(
            "[stores.vault]\nkind = \"vault\"\naddress = \"{address}\"\nlogin = {{ token = {{ file = \"vault-token\" }} }}"
        );
        let place = "store = \"vault\", path = \"production/chat\", field = \"TOKEN\"";
        let asks = ASKS.replace("ADDRESS", &server.address);
        stored.entry(&store, place, &asks.replace("READER", &server.root));
        let Stored {
            project,
            tokens,
            old,
        } = stored;
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

/// The witness: a client of Vault that shares no line with ours.
const WITNESS: &str = r#"
import hvac, json, sys
client = hvac.Client(url=sys.argv[1], token=sys.stdin.read())
read = client.secrets.kv.v2.read_secret_version(path="production/chat", raise_on_deleted_version=True)["data"]
print(json.dumps({"version": read["metadata"]["version"], "data": read["data"]}))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_to_every_write_is_lost() {
    let Some(server) = OpenBao::in_memory().await else {
        return;
    };
    let Some(witness) = Packages::installed(&["hvac==2.4.0"]) else {
        return;
    };
    let proxy = in_front_of(&server.address, None).await;
    let scene = Scene::behind(&proxy.address, server).await;
    proxy
        .faults
        .lose_every_first_reply(|asked| asked.writes() && asked.path().starts_with("/v1/secret/"));
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated().await;
    // The note, the version, and the two ends of the old one.
    assert!(proxy.faults.met().len() >= 4, "{:?}", proxy.faults.met());
    scene.project.run(&["audit", "verify"]).succeeded();
    tell_what_became_of_the_old(&scene.project, ID, "destroyed").await;
    let seen = witness.run(WITNESS, &[&scene.server.address], &scene.server.root);
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["version"], 2);
    assert_eq!(seen["data"], scene.published().await);
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
