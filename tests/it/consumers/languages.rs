//! The services of `docs/handshake.md`, as they are printed there, prove their value to the daemon.

use super::document::{exists, fence};
use crate::project::{Project, Tokens};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ID: &str = "test/token";

/// One language: its fence, what it needs, and how its file is run.
struct Language {
    name: &'static str,
    file: &'static str,
    needs: &'static [&'static str],
    run: &'static [&'static str],
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "python",
        file: "service.py",
        needs: &["python3"],
        run: &["python3", "service.py"],
    },
    Language {
        name: "javascript",
        file: "service.js",
        needs: &["node"],
        run: &["node", "service.js"],
    },
    Language {
        name: "go",
        file: "service.go",
        needs: &["go"],
        run: &["./service"],
    },
    Language {
        name: "bash",
        file: "service.sh",
        needs: &["openssl", "socat"],
        run: &["bash", "service.sh"],
    },
];

const GO_IMPORTS: &str =
    "import (\n\t\"encoding/json\"\n\t\"net/http\"\n\t\"os\"\n\t\"regexp\"\n\t\"sync/atomic\"";

/// A running service; it and what it started end with the value.
struct Service {
    name: &'static str,
    port: u16,
    child: Child,
}

impl Service {
    fn start(project: &Project, language: &Language) -> Self {
        let (name, port) = (language.name, free_port());
        let whole = format!("{}\n{}", fence(name), fence(&format!("{name} service")));
        project.write(
            language.file,
            &whole.replacen("import (\n", &format!("{GO_IMPORTS}\n"), 1),
        );
        if name == "go" {
            build(project);
        }
        let child = Command::new(language.run[0])
            .args(&language.run[1..])
            .current_dir(project.folder())
            .envs([
                ("ID", ID),
                ("DESTINATION", "files:token"),
                ("CONSUMER", name),
            ])
            .envs([("INSTANCE", "one"), ("PORT", &port.to_string())])
            .env("SECRET_FILE", secret_file(project))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { name, port, child }
    }

    fn lines(&self) -> String {
        let (name, port) = (self.name, self.port);
        format!(
            "[secrets.token.consumers.{name}]\nnotify = {{ http = \"http://127.0.0.1:{port}/-/reload\" }}\n\
             verify = {{ http = \"http://127.0.0.1:{port}/.well-known/keywheel\" }}\n"
        )
    }

    fn listens(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "{} does not listen", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The group, for a shell has children.
        let group = format!("-{}", self.child.id());
        drop(Command::new("kill").args(["--", &group]).status());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn secret_file(project: &Project) -> PathBuf {
    project.path("published/token/current")
}

fn build(project: &Project) {
    let built = Command::new("go")
        .args(["build", "-o", "service", "service.go"])
        .env("GOCACHE", project.path("go-cache"))
        .current_dir(project.folder())
        .status();
    assert!(built.unwrap().success());
}

fn is_here(language: &Language) -> bool {
    language.needs.iter().all(|program| exists(program))
}

fn entry(more: &str) -> String {
    format!(
        "[secrets.token]\n{}\ntiming = {{ proof = \"proven\" }}\n\
         publish_to = [{{ store = \"files\", path = \"token\" }}]\n{more}",
        Tokens::ISSUER
    )
}

#[tokio::test]
async fn each_language_proves_its_value_to_the_daemon() {
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    project.secrets(&entry(
        "no_consumers = \"they start with the first value\"\n",
    ));
    project.prepared();
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    project.until_completed(ID).await;
    let old = std::fs::read_to_string(secret_file(&project)).unwrap();

    let found = LANGUAGES.iter().filter(|language| is_here(language));
    let services: Vec<Service> = found.map(|one| Service::start(&project, one)).collect();
    assert!(!services.is_empty(), "no language is installed");
    services.iter().for_each(Service::listens);
    let consumers: String = services.iter().map(Service::lines).collect();
    project.secrets(&entry(&consumers));
    project.run(&["inventory", "apply"]).succeeded();
    project.run(&["rotate-now", ID]).succeeded();
    project
        .until(ID, "rotated again", |run| {
            run.phase.is_terminal()
                && std::fs::read_to_string(secret_file(&project)).is_ok_and(|now| now != old)
        })
        .await;
    let new = std::fs::read_to_string(secret_file(&project)).unwrap();
    assert!(tokens.accepts(&new) && !tokens.accepts(&old));
    let status = project
        .run(&["status", ID, "--output", "jsonl"])
        .succeeded();
    let status: serde_json::Value = serde_json::from_str(status.stdout.trim()).unwrap();
    let proven = status["consumers"].as_array().unwrap();
    assert_eq!(proven.len(), services.len());
    for one in proven {
        assert_eq!(one["instances_proven"], 1, "{one}");
        assert_eq!(one["evidence"], "proven", "{one}");
    }
    daemon.stop();
}
