//! Whole rotations of two accounts of MariaDB in turn, by the rights of the manual: their client is seen by nothing but
//! its connections, and MariaDB's own client is the witness.

use crate::project::Project;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::mariadb::MariaDb;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ID: &str = "test/db";
const SETUP: &str = include_str!("../../../providers/mysql/turns.sql");
const OLD: &str = "example-before-keywheel";

struct Scene {
    project: Project,
    server: MariaDb,
}

/// An idle connection; the server lets go of it when it is dropped.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Scene {
    /// `None` where there is no MariaDB.
    fn set() -> Option<Self> {
        let server = MariaDb::start()?;
        server.root(&format!(
            "CREATE USER shop_a@'%' IDENTIFIED BY '{OLD}'; CREATE USER keywheel@'%' IDENTIFIED BY 'example-rotator'; {SETUP}"
        ));
        let project = Project::new();
        project.write("rotator", "example-rotator\n");
        project.write(
            "app/db.env",
            &format!("DB_PASSWORD={OLD}\nDB_USER=shop_a\n"),
        );
        project.secrets(&format!(
            "[secrets.db]\n\
             issuer = {{ kind = \"mysql\", address = \"{}\", users = [\"shop_a\", \"shop_b\"], \
             admin = {{ user = \"keywheel\", password = {{ file = \"rotator\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"db.env\", \
             fields = {{ DB_USER = \"{{user}}\", DB_PASSWORD = \"{{password}}\" }} }}]\n\
             timing = {{ proof = \"proven\" }}\n\
             [secrets.db.consumers.shop]\nnotify = {{ none = \"logs in anew by itself\" }}\n\
             verify = {{ sessions = true, from = \"127.0.0.1\" }}\n",
            server.address()
        ));
        project.prepared();
        Some(Self { project, server })
    }

    /// User and password as published.
    fn published(&self) -> (String, String) {
        let value = |key: &str| self.project.env_value("db.env", key).unwrap();
        (value("DB_USER"), value("DB_PASSWORD"))
    }

    /// Logs in with what is published, and stays.
    async fn client(&self) -> Client {
        let (user, password) = self.published();
        let client = Command::new("mariadb")
            .args(["--no-defaults", "--host=127.0.0.1", "--batch"])
            .args([
                format!("--port={}", self.server.address().port()),
                format!("--user={user}"),
            ])
            .env("MYSQL_PWD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let client = Client(client.unwrap());
        let asked = format!(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{user}' AND COMMAND = 'Sleep'"
        );
        let end = Instant::now() + Duration::from_secs(20);
        while self.server.root(&asked) == "0" {
            assert!(Instant::now() < end, "it does not log in");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client
    }

    /// Rotates, with a client that comes back only after it was waited for; what was published before.
    async fn rotates(&self, before: Client) -> (Client, (String, String)) {
        let old = self.published();
        let asked = ["rotate-now", ID, "--reason", "example"];
        self.project.run(&asked).succeeded();
        let words = "is on the old credential";
        let run = self.project.until_waits(ID, Phase::Verifying, words).await;
        assert!(self.server.accepts(&old.0, &old.1));
        for kind in [Kind::DisableCredential, Kind::Revoke] {
            assert!(!self.project.has_intent(&run, kind).await, "{kind:?}");
        }
        let after = self.client().await;
        drop(before);
        self.project.until_completed(ID).await;
        (after, old)
    }
}

#[tokio::test]
async fn accounts_take_turns_and_nothing_is_ended_before_the_client_has_moved() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let daemon = scene.project.daemon();
    let mut client = scene.client().await;
    let mut passwords = Vec::new();
    for (user, ended) in [("shop_b", "shop_a"), ("shop_a", "shop_b")] {
        let (after, old) = scene.rotates(client).await;
        client = after;
        let new = scene.published();
        assert_eq!((new.0.as_str(), old.0.as_str()), (user, ended));
        assert!(scene.server.accepts(&new.0, &new.1) && !scene.server.accepts(&old.0, &old.1));
        let shown = scene.server.root(&format!("SHOW CREATE USER {ended}@'%'"));
        assert!(shown.contains("ACCOUNT LOCK"), "it is locked");
        passwords.extend([old.1, new.1]);
    }
    assert!(client.0.try_wait().unwrap().is_none(), "it is connected");
    let passwords: Vec<&str> = passwords.iter().map(String::as_str).collect();
    assert_eq!(scene.project.leaks(&passwords), Vec::<String>::new());
    let told = scene.server.logs();
    let drawn = passwords.iter().filter(|password| **password != OLD);
    assert!(drawn.into_iter().all(|password| !told.contains(password)));
    scene.project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}
