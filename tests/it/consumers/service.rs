//! The example service as a real process: told, slow, going back, stopped.

use super::rig::{
    Asking, CONSUMER, DESTINATION, ID, NEW, OLD, credential, reach, seen_at, told_at,
};
use keywheel::{consumers::build, inventory::ConsumerSpec};
use keywheel_contract::{Holding, Notice, RotationId, VersionId};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep},
};

struct Service {
    child: Child,
    url: String,
}

impl Service {
    async fn start(file: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(example())
            .args([
                "--id",
                ID,
                "--destination",
                DESTINATION,
                "--consumer",
                CONSUMER,
            ])
            .args(["--instance", "example-1", "--file"])
            .arg(file)
            .args(more)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    async fn holding(&self) -> Holding {
        let consumer = build(&seen_at(&self.url, 1), &reach()).unwrap();
        Asking::default()
            .ask(consumer.as_ref())
            .await
            .unwrap()
            .remove(0)
            .holding
    }

    /// Waits until it holds the credential; says whether it came to that.
    async fn comes_to_hold(&self, name: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if self.holding().await == credential(name) {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    async fn tell(&self) {
        let spec: ConsumerSpec = told_at(&self.url, None);
        let notice = Notice {
            id: ID.parse().unwrap(),
            consumer: CONSUMER.to_owned(),
            destination: DESTINATION.to_owned(),
            version: VersionId::new("v2"),
            credential: None,
            rotation: RotationId::new("rotation-1"),
        };
        build(&spec, &reach())
            .unwrap()
            .notify(&notice)
            .await
            .unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

/// The example that `cargo test` builds beside this test.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("consumer");
    assert!(
        built.exists(),
        "the example is not built: run `cargo build --example consumer` first"
    );
    built
}

fn secret(content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[tokio::test]
async fn the_service_proves_what_it_holds_in_memory_and_not_what_lies_in_the_file() {
    let (_folder, path) = secret(OLD);
    let service = Service::start(&path, &[]).await;
    assert_eq!(service.holding().await, credential("old"));
    fs::write(&path, NEW).unwrap();
    assert_eq!(service.holding().await, credential("old"));
    service.tell().await;
    assert_eq!(service.holding().await, credential("new"));
}

#[tokio::test]
async fn it_reloads_late_and_on_a_signal_and_stops_on_another() {
    let (_folder, path) = secret(OLD);
    let mut service = Service::start(&path, &["--reload-delay", "300ms"]).await;
    fs::write(&path, NEW).unwrap();
    service.tell().await;
    assert_eq!(service.holding().await, credential("old"));
    assert!(service.comes_to_hold("new").await);
    fs::write(&path, OLD).unwrap();
    service.signal(Signal::HUP);
    assert!(service.comes_to_hold("old").await);
    service.signal(Signal::TERM);
    assert!(service.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn it_can_go_back_to_the_value_before() {
    let (_folder, path) = secret(OLD);
    let service = Service::start(&path, &["--stale-after", "500ms"]).await;
    fs::write(&path, NEW).unwrap();
    service.tell().await;
    assert_eq!(service.holding().await, credential("new"));
    assert!(service.comes_to_hold("old").await);
}

#[tokio::test]
async fn it_reads_env_files_and_fields() {
    let env = format!("# example\nOTHER=1\nexport API_KEY=\"{NEW}\"\n");
    let json = format!("{{\"user\": \"app\", \"token\": \"{NEW}\"}}");
    for (content, arguments) in [(env, ["--key", "API_KEY"]), (json, ["--field", "token"])] {
        let (_folder, path) = secret(&content);
        let service = Service::start(&path, &arguments).await;
        assert_eq!(service.holding().await, credential("new"), "{arguments:?}");
    }
    let (folder, _path) = secret(NEW);
    let service = Service::start(folder.path(), &["--field", "secret"]).await;
    assert_eq!(
        service.holding().await,
        credential("new"),
        "a folder with a file per field"
    );
}
