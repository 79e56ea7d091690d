//! Whole rotations of a real MariaDB account's password, by the rights of the manual, with MariaDB's own client as the
//! witness.

use super::load::{Door, Guarded, Held, Load};
use crate::project::{Consumer, PATIENCE, Project};
use async_trait::async_trait;
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::mariadb::MariaDb;
use keywheel_test_servers::relay::Relay;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const ID: &str = "test/database";
const RIGHTS: &str = include_str!("../../../providers/mysql/rights.sql");
const OLD: &str = "example-before-keywheel";

struct Scene<'a> {
    /// Held, for it ends with the scene.
    _app: Consumer,
    project: Project,
    server: &'a MariaDb,
    user: String,
}

/// Accounts of these names with these passwords, and who rotates them.
fn people(server: &MariaDb, admin: &str, accounts: &[(String, String)]) {
    server.root(&format!(
        "CREATE USER {admin}@'%' IDENTIFIED BY 'example-rotator'"
    ));
    server.root(&RIGHTS.replace("keywheel@", &format!("{admin}@")));
    for (user, password) in accounts {
        server.root(&format!(
            "CREATE USER {user}@'%' IDENTIFIED BY '{password}'"
        ));
    }
}

fn issuer(address: SocketAddr, admin: &str, user: &str) -> String {
    format!(
        "issuer = {{ kind = \"mysql\", address = \"{address}\", user = \"{user}\", \
         admin = {{ user = \"{admin}\", password = {{ file = \"rotator\" }} }} }}"
    )
}

impl<'a> Scene<'a> {
    fn set(server: &'a MariaDb, user: &str) -> Self {
        Self::behind(server.address(), server, user)
    }

    /// An account whose password lies in a `.env` file that one running consumer reads; keywheel calls the server at
    /// this address.
    fn behind(address: SocketAddr, server: &'a MariaDb, user: &str) -> Self {
        let admin = format!("admin_{user}");
        people(server, &admin, &[(user.to_owned(), OLD.to_owned())]);
        let project = Project::new();
        project.write("rotator", "example-rotator\n");
        project.write(
            "app/app.env",
            &format!("DB_PASSWORD={OLD}\nDB_USER={user}\n"),
        );
        let app = Consumer::start(&project, "database", "app", "app.env", "DB_PASSWORD", &[]);
        project.secrets(&format!(
            "[secrets.database]\n{}\n\
             publish_to = [{{ store = \"env\", path = \"app.env\",\n  \
             fields = {{ DB_PASSWORD = \"{{password}}\", DB_USER = \"{{user}}\" }} }}]\n\
             [secrets.database.consumers.app]\n{}",
            issuer(address, &admin, user),
            app.lines()
        ));
        project.prepared();
        Self {
            _app: app,
            project,
            server,
            user: user.to_owned(),
        }
    }

    fn published(&self) -> String {
        self.project.env_value("app.env", "DB_PASSWORD").unwrap()
    }

    fn accepts(&self, password: &str) -> bool {
        self.server.accepts(&self.user, password)
    }

    fn passwords(&self) -> usize {
        let shown = self
            .server
            .root(&format!("SHOW CREATE USER '{}'@'%'", self.user));
        shown.matches("'*").count()
    }

    /// The new password alone works and is what is published; nothing leaked, at the server neither.
    fn is_rotated(&self) {
        let new = self.published();
        assert_ne!(new, OLD);
        assert_eq!(
            self.project.env_value("app.env", "DB_USER").unwrap(),
            self.user
        );
        assert!(self.accepts(&new) && !self.accepts(OLD));
        assert_eq!(self.passwords(), 1);
        assert_eq!(self.project.leaks(&[OLD, &new]), Vec::<String>::new());
        let told = self.server.logs();
        assert!(told.contains("BEGIN NOT ATOMIC") && !told.contains(&new));
        self.project.run(&["audit", "verify"]).succeeded();
    }
}

#[tokio::test]
async fn a_password_of_mariadb_is_rotated() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let scene = Scene::set(server, "whole");
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_every_change_is_lost_once() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let relay = Relay::in_front_of(server.address()).await;
    let scene = Scene::behind(relay.address, server, "lossy");
    relay.lose_first_replies(|message| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (_, change) = text.split_once("ALTER USER")?;
        Some(change.to_owned())
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    // The new one added, the old one taken away.
    assert_eq!(relay.lost().len(), 2, "{:?}", relay.lost());
    daemon.stop();
}

#[tokio::test]
async fn a_rollback_leaves_the_old_password_alone() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let scene = Scene::set(server, "back");
    let timing = "timing = { overlap = \"1h\" }\n[secrets.database.consumers.app]";
    let team = scene.project.read("inventory/test/team.toml");
    let team = team.replace("[secrets.database.consumers.app]", timing);
    scene.project.secrets(&team);
    scene.project.run(&["inventory", "apply"]).succeeded();
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Overlapping).await;
    let new = scene.published();
    assert!(scene.accepts(&new) && scene.accepts(OLD));
    let back = ["rollback", ID, "--reason", "example"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), OLD);
    assert!(scene.accepts(OLD) && !scene.accepts(&new));
    assert_eq!(scene.passwords(), 1);
    daemon.stop();
}

#[tokio::test]
async fn dying_between_the_change_and_its_record_leaves_one_password() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    for (name, place) in [
        ("dying_a", "apply:*:applied"),
        ("dying_b", "disable_credential:*:applied"),
        ("dying_c", "revoke:*:applied"),
    ] {
        let scene = Scene::set(server, name);
        let dying = ["--lease-ms", "3000", "--die-at", place];
        let mut daemon = scene.project.daemon_with(&dying);
        scene.project.run(&["rotate-now", ID]).succeeded();
        daemon.ended_within(PATIENCE);
        let daemon = scene.project.daemon();
        scene.project.until_completed(ID).await;
        scene.is_rotated();
        daemon.stop();
    }
}

/// Every login is a process of MariaDB's own client.
#[async_trait]
impl Door for MariaDb {
    async fn log_in(&self, held: &Held) -> Result<(), String> {
        self.log_in_as(&held["DB_USER"], &held["DB_PASSWORD"]).await
    }
}

const FIELDS: &[(&str, &str)] = &[("DB_USER", "{user}"), ("DB_PASSWORD", "{password}")];
const SECRETS: usize = 4;
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_rotations_cost_no_client_a_login() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let accounts = ["one", "two", "three", "four"];
    let accounts =
        accounts.map(|name| (name.to_owned(), format!("example-before-keywheel-{name}")));
    people(&server, "rotator", &accounts);
    let address = server.address();
    let secrets = accounts.map(|(name, old)| {
        let old = [("DB_USER", name.clone()), ("DB_PASSWORD", old)];
        Guarded {
            issuer: issuer(address, "rotator", &name),
            name,
            old: old.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    });
    let load = Load {
        title: "MariaDB 10.11, two passwords",
        fields: FIELDS,
        proof: "DB_PASSWORD",
        secrets: secrets.into(),
        rounds: ROUNDS,
        clients: 1,
        pause: Duration::from_millis(100),
        door: Arc::new(server),
        refusals: &["ERROR 1045", "ERROR 4151"],
        config: String::new(),
        files: vec![("rotator".to_owned(), "example-rotator".to_owned())],
    };
    load.run().await.misses_nothing(SECRETS * ROUNDS, SECRETS);
}
