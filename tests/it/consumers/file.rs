//! Consumers seen through the file they read and the process that reads it.

use super::rig::{Asking, NEW, OLD, assert_clean, credential, reach, with_verify};
use keywheel::{consumers::build, inventory::VerifySpec};
use keywheel_contract::{ErrorKind, Holding, Observation, Result, Strength};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// A folder with a secret file, a pid file and a reload stamp.
struct Host {
    folder: TempDir,
    pid_file: bool,
    reloaded_file: bool,
}

impl Host {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            pid_file: false,
            reloaded_file: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn deliver(&self, content: impl AsRef<[u8]>) {
        fs::write(self.path("secret"), content).unwrap();
    }

    /// Starts a reader that names itself in the pid file.
    fn start(&mut self) -> Reader {
        let reader = Reader(Command::new("sleep").arg("60").spawn().unwrap());
        fs::write(self.path("pid"), format!("{}\n", reader.0.id())).unwrap();
        self.pid_file = true;
        reader
    }

    fn touch_reloaded(&mut self) {
        fs::write(self.path("reloaded"), "").unwrap();
        self.reloaded_file = true;
    }

    async fn look(&self, published_at_ms: i64) -> Result<Observation> {
        let named = |name: &str, used: bool| used.then(|| self.path(name).display().to_string());
        let verify = VerifySpec::File {
            path: self.path("secret").display().to_string(),
            pid_file: named("pid", self.pid_file),
            reloaded_file: named("reloaded", self.reloaded_file),
        };
        let consumer = build(&with_verify(verify, 1), &reach()).unwrap();
        let asking = Asking {
            published_at_ms,
            ..Asking::default()
        };
        let mut seen = asking
            .ask(consumer.as_ref())
            .await
            .inspect_err(assert_clean)?;
        assert_eq!(seen.len(), 1);
        assert!(!format!("{seen:?}").contains("canary"));
        Ok(seen.remove(0))
    }
}

/// A process that ends with the test.
struct Reader(Child);

impl Drop for Reader {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Longer than the clock ticks of process table and file system.
fn pause() {
    std::thread::sleep(Duration::from_millis(120));
}

#[tokio::test]
async fn the_value_in_the_file_alone_is_delivered() {
    let host = Host::new();
    for content in [NEW.to_owned(), format!("{NEW}\n"), format!("{NEW}\r\n")] {
        host.deliver(content);
        let seen = host.look(0).await.unwrap();
        assert_eq!(
            (&seen.holding, seen.strength),
            (&credential("new"), Strength::Delivered)
        );
        assert_eq!(seen.detail, "cannot tell whether the reader reloaded");
    }
    host.deliver(OLD);
    assert_eq!(host.look(0).await.unwrap().holding, credential("old"));
}

#[tokio::test]
async fn more_or_less_than_the_value_is_something_else() {
    let host = Host::new();
    for content in [
        format!("{NEW}\n\n"),
        format!(" {NEW}"),
        format!("KEY={NEW}"),
        NEW[1..].to_owned(),
        String::new(),
        "\n".to_owned(),
    ] {
        host.deliver(&content);
        assert_eq!(host.look(0).await.unwrap().holding, Holding::Other);
    }
    host.deliver(b"\xff\xfe\x00");
    assert_eq!(host.look(0).await.unwrap().holding, Holding::Other);
}

#[tokio::test]
async fn a_reader_started_afterwards_is_restarted() {
    let mut host = Host::new();
    host.deliver(NEW);
    let published = now_ms();
    pause();
    let reader = host.start();
    let seen = host.look(published).await.unwrap();
    assert_eq!(
        (&seen.holding, seen.strength),
        (&credential("new"), Strength::Restarted)
    );
    assert!(
        seen.detail.contains(&reader.0.id().to_string()),
        "{}",
        seen.detail
    );
    let started = seen.started_at_ms.unwrap();
    assert!(
        (published..=now_ms() + 50).contains(&started),
        "{}",
        started - published
    );
}

#[tokio::test]
async fn a_reader_that_runs_since_before_is_only_delivered() {
    let mut host = Host::new();
    let _reader = host.start();
    pause();
    host.deliver(NEW);
    let seen = host.look(0).await.unwrap();
    assert_eq!(
        seen.strength,
        Strength::Delivered,
        "started before the file was filled"
    );
    assert!(seen.detail.contains("runs since before"), "{}", seen.detail);
}

#[tokio::test]
async fn a_reader_started_before_the_publication_is_only_delivered() {
    let mut host = Host::new();
    host.deliver(NEW);
    pause();
    let _reader = host.start();
    let seen = host.look(now_ms() + 1000).await.unwrap();
    assert_eq!(seen.strength, Strength::Delivered);
}

#[tokio::test]
async fn a_file_filled_with_an_old_date_does_not_deceive() {
    let mut host = Host::new();
    let _reader = host.start();
    pause();
    host.deliver(NEW);
    let file = fs::File::options()
        .write(true)
        .open(host.path("secret"))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(host.look(0).await.unwrap().strength, Strength::Delivered);
}

#[tokio::test]
async fn a_reader_that_stamps_its_reload_is_restarted() {
    let mut host = Host::new();
    host.touch_reloaded();
    let _reader = host.start();
    pause();
    host.deliver(NEW);
    assert_eq!(host.look(0).await.unwrap().strength, Strength::Delivered);
    pause();
    host.touch_reloaded();
    let seen = host.look(0).await.unwrap();
    assert_eq!(seen.strength, Strength::Restarted);
    assert!(seen.detail.contains("reloaded"), "{}", seen.detail);
}

#[tokio::test]
async fn a_reader_that_is_gone_gives_no_evidence() {
    let mut host = Host::new();
    host.deliver(NEW);
    host.touch_reloaded();
    drop(host.start());
    let error = host.look(0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("does not run"), "{error}");
    fs::remove_file(host.path("pid")).unwrap();
    assert_eq!(host.look(0).await.unwrap_err().kind, ErrorKind::Unavailable);
    for content in ["", "none", "0", "-1", "99999999999"] {
        fs::write(host.path("pid"), content).unwrap();
        let error = host.look(0).await.unwrap_err();
        assert!(
            error.message.contains("does not hold a process id"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_process_id_given_to_another_process_is_not_the_reader() {
    let mut host = Host::new();
    host.deliver(NEW);
    pause();
    let _stranger = host.start();
    let pid_file = fs::File::options()
        .write(true)
        .open(host.path("pid"))
        .unwrap();
    pid_file
        .set_modified(SystemTime::now() - Duration::from_secs(3600))
        .unwrap();
    let error = host.look(0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("the reader is gone"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_there_or_is_none_is_told() {
    let host = Host::new();
    assert_eq!(host.look(0).await.unwrap_err().kind, ErrorKind::Unavailable);
    fs::create_dir(host.path("secret")).unwrap();
    let error = host.look(0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[test]
fn a_file_shows_one_instance() {
    let verify = VerifySpec::File {
        path: "secret".to_owned(),
        pid_file: None,
        reloaded_file: None,
    };
    let error = build(&with_verify(verify, 2), &reach()).err().unwrap();
    assert!(error.message.contains("one consumer per file"), "{error}");
}
