//! The signing secret of webhooks that a service of ours sends to services of ours: not one delivery is refused while it
//! is rotated, and what is signed with the old one is refused in the end. Every service is a process of its own.

use crate::project::{Project, show};
use keywheel::rotation::phase::Phase;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

pub(super) const ID: &str = "test/webhooks";
pub(super) const OLD: &str = "example-old-value-of-forty-characters-00";
const SERVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/walks/webhook.py");

/// A sender or receiver, killed with the test.
pub(super) struct Service {
    process: Child,
    name: &'static str,
    role: &'static str,
    pub(super) url: String,
}

impl Service {
    /// One that reads its secrets from a `.env` file below `app`.
    pub(super) fn start(
        project: &Project,
        name: &'static str,
        file: &str,
        arguments: &[&str],
    ) -> Self {
        // Receivers are the quicker ones: who is told first matters.
        let (role, reloads_after) = match arguments[0] {
            "sender" => ("presents", "0.2"),
            _ => ("accepts", "0"),
        };
        let mut process = Command::new("python3")
            .arg(SERVICE)
            .args(arguments)
            .envs([
                ("ID", ID),
                ("DESTINATION", "env:webhooks.env"),
                ("CONSUMER", name),
                ("INSTANCE", "one"),
                ("RELOADS_AFTER", reloads_after),
            ])
            .env("SECRET_FILE", project.path(&format!("app/{file}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut port).unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim());
        Self {
            process,
            name,
            role,
            url,
        }
    }

    pub(super) fn lines(&self) -> String {
        let Self {
            name, role, url, ..
        } = self;
        format!(
            "[secrets.webhooks.consumers.{name}]\nrole = \"{role}\"\n\
             notify = {{ http = \"{url}/-/reload\" }}\nverify = {{ http = \"{url}/.well-known/keywheel\" }}\n"
        )
    }

    pub(super) async fn counts(&self) -> Value {
        let answer = reqwest::Client::new().post(format!("{}/counts", self.url));
        let answer = answer.body("{}").send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A secret of that timing, its two receivers and a sender for each; ready for a daemon.
fn services(project: &Project, timing: &str) -> [Service; 4] {
    project.write("app/webhooks.env", &format!("TOKEN={OLD}\n"));
    let start = |name, arguments: &[&str]| Service::start(project, name, "webhooks.env", arguments);
    let billing = start("billing", &["receiver"]);
    let search = start("search", &["receiver"]);
    let shop = start("shop", &["sender", &billing.url]);
    let events = start("events", &["sender", &search.url]);
    let services = [billing, search, shop, events];
    project.secrets(&format!(
        "[secrets.webhooks]\n{timing}\nissuer = {{ kind = \"random\", length = 40 }}\n\
         publish_to = [{{ store = \"env\", path = \"webhooks.env\",\n  \
         fields = {{ TOKEN = \"{{value}}\", TOKEN_OLD = \"{{previous.value}}\" }} }}]\n{}",
        services.each_ref().map(Service::lines).concat()
    ));
    project.prepared();
    services
}

#[tokio::test]
async fn no_delivery_is_refused_while_the_signing_secret_is_rotated() {
    let project = Project::new();
    let [billing, _search, shop, events] = services(&project, "");
    let daemon = project.daemon();
    for _ in 0..3 {
        project.rotated_again(ID).await;
    }
    daemon.stop();
    for sender in [&shop, &events] {
        let counts = sender.counts().await;
        assert_eq!(counts["refused"], 0, "{counts}");
        assert_eq!(counts["signatures"], 4, "each secret signed: {counts}");
        show(format!(
            "webhooks delivered during 3 rotations of their secret: {}, refused: 0",
            counts["sent"]
        ));
    }
    // A sender that nobody told signs with the old secret.
    project.write("app/old.env", &format!("TOKEN={OLD}\n"));
    let late = Service::start(&project, "late", "old.env", &["sender", &billing.url]);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let counts = late.counts().await;
    assert!(
        counts["sent"].as_u64().unwrap() > 0 && counts["sent"] == counts["refused"],
        "{counts}"
    );
}

/// Senders go back first: until then receivers take both.
#[tokio::test]
async fn no_delivery_is_refused_on_the_way_back() {
    let project = Project::new();
    let [_billing, _search, shop, events] = services(&project, "timing = { overlap = \"1h\" }");
    let daemon = project.daemon();
    for turn in 1..=3 {
        project.run(&["rotate-now", ID]).succeeded();
        project.until_waits(ID, Phase::Overlapping, "overlap").await;
        let back = ["rollback", ID, "--reason", "example"];
        project.run(&back).succeeded();
        project.until_phase(ID, Phase::RolledBack).await;
        for sender in [&shop, &events] {
            let counts = sender.counts().await;
            assert_eq!(counts["refused"], 0, "turn {turn}: {counts}");
            assert_eq!(counts["signatures"], turn + 1, "turn {turn}: {counts}");
        }
    }
    assert_eq!(project.env_value("webhooks.env", "TOKEN").unwrap(), OLD);
    daemon.stop();
}
