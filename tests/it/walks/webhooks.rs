//! The signing secret of webhooks that a service of ours sends to services of ours: not one delivery is refused while it
//! is rotated, and what is signed with the old one is refused in the end. Every service is a process of its own.

use crate::project::{Project, show};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const ID: &str = "test/webhooks";
const OLD: &str = "example-old-value-of-forty-characters-00";
const SERVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/walks/webhook.py");

/// A sender or receiver, killed with the test.
struct Service {
    process: Child,
    name: &'static str,
    role: &'static str,
    url: String,
}

impl Service {
    /// One that reads its secrets from a `.env` file below `app`.
    fn start(project: &Project, name: &'static str, file: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new("python3")
            .arg(SERVICE)
            .args(arguments)
            .envs([
                ("ID", ID),
                ("DESTINATION", "env:webhooks.env"),
                ("CONSUMER", name),
                ("INSTANCE", "one"),
            ])
            .env("SECRET_FILE", project.path(&format!("app/{file}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut port).unwrap();
        let role = match arguments[0] {
            "sender" => "presents",
            _ => "accepts",
        };
        let url = format!("http://127.0.0.1:{}", port.trim());
        Self {
            process,
            name,
            role,
            url,
        }
    }

    fn lines(&self) -> String {
        let Self {
            name, role, url, ..
        } = self;
        format!(
            "[secrets.webhooks.consumers.{name}]\nrole = \"{role}\"\n\
             notify = {{ http = \"{url}/-/reload\" }}\nverify = {{ http = \"{url}/.well-known/keywheel\" }}\n"
        )
    }

    async fn counts(&self) -> Value {
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

#[tokio::test]
async fn no_delivery_is_refused_while_the_signing_secret_is_rotated() {
    let project = Project::new();
    project.write("app/webhooks.env", &format!("TOKEN={OLD}\n"));
    let start =
        |name, arguments: &[&str]| Service::start(&project, name, "webhooks.env", arguments);
    let billing = start("billing", &["receiver"]);
    let search = start("search", &["receiver"]);
    let shop = start("shop", &["sender", &billing.url]);
    let events = start("events", &["sender", &search.url]);
    let services = [&billing, &search, &shop, &events];
    project.secrets(&format!(
        "[secrets.webhooks]\nissuer = {{ kind = \"random\", length = 40 }}\n\
         publish_to = [{{ store = \"env\", path = \"webhooks.env\",\n  \
         fields = {{ TOKEN = \"{{value}}\", TOKEN_OLD = \"{{previous.value}}\" }} }}]\n{}",
        services.map(Service::lines).concat()
    ));
    project.prepared();
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
