//! A sender of webhooks that makes its signing secrets itself, a pack for it, and receivers that take the new one and the
//! old one: it signs with the new one when all of them are proven to take it, and no delivery is refused on any way.

use super::webhooks::{ID, OLD, Service};
use crate::project::{PATIENCE, Project, show};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use serde::Deserialize;
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SIGNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/walks/signer.py");
const ADMIN: &str = "example-administrator-of-the-sender";

/// The sender as a process of its own, killed with the test.
struct Sender {
    process: Child,
    url: String,
}

/// What became of its deliveries since it was started.
#[derive(Debug, Deserialize)]
struct Counts {
    sent: u64,
    refused: u64,
    /// How often it was told to sign with another one.
    activated: u64,
    /// By which secrets it signed, in the order in which they took turns.
    signed: Vec<String>,
    /// The secrets that it has.
    secrets: Vec<String>,
}

impl Sender {
    fn start(project: &Project, port: &str, receivers: &[&Service]) -> Self {
        let receivers = receivers.iter().map(|receiver| &receiver.url);
        let mut process = Command::new("python3")
            .args([SIGNER, port])
            .args(receivers)
            .env("STATE", project.path("sender/state"))
            .env("ADMIN", ADMIN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut port).unwrap();
        Self {
            process,
            url: format!("http://127.0.0.1:{}", port.trim()),
        }
    }

    fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn post(&self, path: &str) -> Vec<u8> {
        let asked = reqwest::Client::new().post(format!("{}{path}", self.url));
        let answer = asked.body("{}").send().await.unwrap();
        answer.bytes().await.unwrap().to_vec()
    }

    async fn counts(&self) -> Counts {
        serde_json::from_slice(&self.post("/counts").await).unwrap()
    }

    /// What it does once it has delivered a few more.
    async fn counts_later(&self) -> Counts {
        let before = self.counts().await.sent;
        loop {
            let counts = self.counts().await;
            if counts.sent > before + 4 {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

struct Scene {
    project: Project,
    receivers: [Service; 2],
    sender: Sender,
}

impl Scene {
    /// Two receivers with the secret by which the sender signs; ready for a daemon.
    fn with(more: &str) -> Self {
        let project = Project::new();
        project.write("app/webhooks.env", &format!("TOKEN={OLD}\n"));
        project.write("admin", ADMIN);
        project.write("packs/signer.toml", include_str!("signer.toml"));
        let old = json!({ "label": "by hand", "value": OLD });
        let state = json!({ "made": 0, "signs": "sec-0", "secrets": { "sec-0": old } });
        project.write("sender/state", &state.to_string());
        let receivers = ["billing", "search"]
            .map(|name| Service::start(&project, name, "webhooks.env", &["receiver"]));
        let sender = Sender::start(&project, "0", &receivers.each_ref());
        project.secrets(&format!(
            "[secrets.webhooks]\ncurrent_id = \"sec-0\"\n{more}\n\
             issuer = {{ kind = \"http\", pack = \"signer\", base_url = \"{}\", \
             credentials = {{ admin = {{ file = \"admin\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"webhooks.env\",\n  \
             fields = {{ TOKEN = \"{{value}}\", TOKEN_OLD = \"{{previous.value}}\" }} }}]\n{}",
            sender.url,
            receivers.each_ref().map(Service::lines).concat()
        ));
        project.prepared();
        Self {
            project,
            receivers,
            sender,
        }
    }

    fn rotate(&self) {
        self.project.run(&["rotate-now", ID]).succeeded();
    }

    /// Every receiver is proven to take the new one, and the sender is not told yet: the process dies.
    async fn dies_before_it_tells(&self) {
        let dying = ["--lease-ms", "3000", "--die-at", "activate:*:planned"];
        let mut daemon = self.project.daemon_with(&dying);
        self.rotate();
        daemon.ended_within(PATIENCE);
        let new = self.project.env_value("webhooks.env", "TOKEN").unwrap();
        assert_ne!(new, OLD);
        assert_eq!(self.kept().as_deref(), Some(OLD));
    }

    /// What receivers take beside the one that they prove.
    fn kept(&self) -> Option<String> {
        let value = |key| self.project.env_value("webhooks.env", key).unwrap();
        Some(value("TOKEN_OLD")).filter(|kept| *kept != value("TOKEN"))
    }

    /// The sender signs with this one alone, has no other, and nobody takes another; none of this many was refused.
    async fn has_only(&self, id: &str) -> Counts {
        let counts = self.sender.counts_later().await;
        assert_eq!(counts.signed.last().unwrap(), id, "{counts:?}");
        assert_eq!(counts.secrets, [id]);
        assert_eq!(counts.refused, 0, "{counts:?}");
        assert_eq!(self.kept(), None);
        counts
    }

    /// Whoever signs with the value that was in use before anything was rotated gets nowhere.
    async fn old_is_refused(&self) {
        let billing = &self.receivers[0];
        self.project.write("app/old.env", &format!("TOKEN={OLD}\n"));
        let arguments = ["sender", &billing.url];
        let late = Service::start(&self.project, "late", "old.env", &arguments);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let counts = late.counts().await;
        let sent = counts["sent"].as_u64().unwrap();
        assert!(sent > 0 && counts["sent"] == counts["refused"], "{counts}");
    }
}

#[test]
fn the_pack_of_the_sender_keeps_its_contract() {
    let project = Project::new();
    project.write("packs/signer.toml", include_str!("signer.toml"));
    let check = ["plugin", "check", "--pack", "packs/signer.toml"];
    project.run(&check).succeeded().says(&["0 failed"]);
}

#[tokio::test]
async fn the_sender_signs_with_the_new_secret_once_every_receiver_takes_it() {
    let scene = Scene::with("");
    scene.dies_before_it_tells().await;
    assert_eq!(scene.sender.counts_later().await.signed, ["sec-0"]);
    let daemon = scene.project.daemon();
    let run = scene.project.until_completed(ID).await;
    assert_eq!(scene.has_only("sec-1").await.signed, ["sec-0", "sec-1"]);
    // Told once, before anything was ended.
    let effects = scene.project.effects(&run).await;
    let told = effects.iter().find(|one| one.kind == Kind::Activate);
    let told_ms = told.unwrap().settled_ms.unwrap();
    let ends: Vec<_> = effects.iter().filter(|one| one.kind.ends_old()).collect();
    assert!(ends.iter().all(|one| one.created_ms >= told_ms) && !ends.is_empty());
    for _ in 0..3 {
        scene.project.rotated_again(ID).await;
    }
    daemon.stop();
    let counts = scene.has_only("sec-4").await;
    let all = ["sec-0", "sec-1", "sec-2", "sec-3", "sec-4"];
    assert_eq!(
        (counts.signed, counts.activated),
        (all.map(str::to_owned).into(), 4)
    );
    show(format!(
        "webhooks delivered during 4 rotations of their sender's secret: {}, refused: 0",
        counts.sent
    ));
    scene.old_is_refused().await;
}

#[tokio::test]
async fn a_sender_whose_answer_is_lost_is_told_once_more() {
    let scene = Scene::with("");
    scene.sender.post("/lose").await;
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_completed(ID).await;
    let counts = scene.has_only("sec-1").await;
    assert_eq!(
        (counts.activated, counts.signed.len()),
        (2, 2),
        "{counts:?}"
    );
    daemon.stop();
}

#[tokio::test]
async fn a_sender_that_is_away_is_waited_for_and_nothing_is_ended_meanwhile() {
    let mut scene = Scene::with("");
    scene.dies_before_it_tells().await;
    assert_eq!(scene.sender.counts().await.refused, 0);
    let port = scene.sender.url.rsplit(':').next().unwrap().to_owned();
    scene.sender.end();
    let daemon = scene.project.daemon();
    let waiting = scene.project.until_waits(ID, Phase::Verifying, "retry");
    let run = waiting.await;
    let effects = scene.project.effects(&run).await;
    assert!(
        !effects.iter().any(|one| one.kind.ends_old()),
        "{effects:?}"
    );
    assert_eq!(scene.kept().as_deref(), Some(OLD));
    scene.sender = Sender::start(&scene.project, &port, &scene.receivers.each_ref());
    scene.project.until_completed(ID).await;
    scene.has_only("sec-1").await;
    daemon.stop();
}

/// On the way back it signs with the old one before anybody stops taking the new one.
#[tokio::test]
async fn on_the_way_back_the_sender_signs_with_the_old_one_and_nothing_is_refused() {
    let scene = Scene::with("timing = { overlap = \"1h\" }");
    let daemon = scene.project.daemon();
    scene.rotate();
    let overlap = scene.project.until_waits(ID, Phase::Overlapping, "overlap");
    overlap.await;
    assert_eq!(scene.sender.counts_later().await.signed, ["sec-0", "sec-1"]);
    let back = ["rollback", ID, "--reason", "example"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    let counts = scene.has_only("sec-0").await;
    assert_eq!(counts.signed, ["sec-0", "sec-1", "sec-0"]);
    daemon.stop();
}
