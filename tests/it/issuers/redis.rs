//! Whole rotations of a real Redis user's password, by the rights of the manual, with `redis-cli` as the witness.

use super::load::{Door, Guarded, Held, Load};
use crate::project::{Consumer, PATIENCE, Project};
use async_trait::async_trait;
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::redis::{Keeps, Redis};
use keywheel_test_servers::relay::Relay;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const ID: &str = "test/cache";
const RIGHTS: &str = include_str!("../../../providers/redis/rights.acl");
const OLD: &str = "example-before-keywheel";

struct Scene {
    app: Consumer,
    project: Project,
    server: Redis,
}

impl Scene {
    async fn set() -> Option<Self> {
        let server = Redis::start(Keeps::AclFile).await?;
        let address = server.address();
        Some(Self::behind(address, server))
    }

    /// A user whose password lies in a `.env` file that one running consumer reads; keywheel calls the server at this
    /// address.
    fn behind(address: SocketAddr, server: Redis) -> Self {
        server.root(&[
            "ACL",
            "SETUSER",
            "app",
            "on",
            &format!(">{OLD}"),
            "~*",
            "+@read",
            "+acl|whoami",
        ]);
        let mut rotator = vec!["ACL", "SETUSER", "rotator", "on", ">example-rotator"];
        rotator.extend(RIGHTS.split_whitespace());
        server.root(&rotator);
        let project = Project::new();
        project.write("rotator", "example-rotator\n");
        project.write(
            "app/app.env",
            &format!("REDIS_PASSWORD={OLD}\nREDIS_USER=app\n"),
        );
        let app = Consumer::start(&project, "cache", "app", "app.env", "REDIS_PASSWORD", &[]);
        project.secrets(&format!(
            "[secrets.cache]\n\
             issuer = {{ kind = \"redis\", address = \"{address}\", user = \"app\",\n  \
             admin = {{ user = \"rotator\", password = {{ file = \"rotator\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"app.env\",\n  \
             fields = {{ REDIS_PASSWORD = \"{{password}}\", REDIS_USER = \"{{user}}\" }} }}]\n\
             [secrets.cache.consumers.app]\n{}",
            app.lines()
        ));
        project.prepared();
        Self {
            app,
            project,
            server,
        }
    }

    fn published(&self) -> String {
        self.project.env_value("app.env", "REDIS_PASSWORD").unwrap()
    }

    fn passwords(&self) -> usize {
        let told = self.server.root(&["ACL", "GETUSER", "app"]);
        told.lines().filter(|line| line.len() == 64).count()
    }

    /// The new password alone works and is what is published; nothing leaked, at the server neither.
    async fn is_rotated(&mut self) {
        let new = self.published();
        assert_ne!(new, OLD);
        assert_eq!(
            self.project.env_value("app.env", "REDIS_USER").unwrap(),
            "app"
        );
        assert!(self.server.accepts("app", &new) && !self.server.accepts("app", OLD));
        assert_eq!(self.passwords(), 1);
        self.server.kill();
        self.server.restart().await;
        assert!(self.server.accepts("app", &new) && !self.server.accepts("app", OLD));
        assert_eq!(self.project.leaks(&[OLD, &new]), Vec::<String>::new());
        let files = self.server.files();
        assert!(!files.contains(OLD) && !files.contains(&new));
        self.project.run(&["audit", "verify"]).succeeded();
        assert!(self.app.address.starts_with("http://127.0.0.1"));
    }
}

#[tokio::test]
async fn a_password_of_redis_is_rotated() {
    let Some(mut scene) = Scene::set().await else {
        return;
    };
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated().await;
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_every_change_is_lost_once() {
    let Some(server) = Redis::start(Keeps::AclFile).await else {
        return;
    };
    let relay = Relay::in_front_of(server.address()).await;
    let mut scene = Scene::behind(relay.address, server);
    relay.lose_first_replies(|message| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (_, rule) = text.split_once("SETUSER")?;
        Some(rule.to_owned())
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated().await;
    // The new one added, the old one taken away.
    assert_eq!(relay.lost().len(), 2, "{:?}", relay.lost());
    daemon.stop();
}

#[tokio::test]
async fn a_rollback_leaves_the_old_password_alone() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let timing = "timing = { overlap = \"1h\" }\n[secrets.cache.consumers.app]";
    let team = scene.project.read("inventory/test/team.toml");
    let team = team.replace("[secrets.cache.consumers.app]", timing);
    scene.project.secrets(&team);
    scene.project.run(&["inventory", "apply"]).succeeded();
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Overlapping).await;
    let new = scene.published();
    assert!(scene.server.accepts("app", &new) && scene.server.accepts("app", OLD));
    scene
        .project
        .run(&["rollback", ID, "--reason", "example"])
        .succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), OLD);
    assert!(scene.server.accepts("app", OLD) && !scene.server.accepts("app", &new));
    assert_eq!(scene.passwords(), 1);
    daemon.stop();
}

#[tokio::test]
async fn dying_between_the_change_and_its_record_leaves_one_password() {
    for place in [
        "apply:*:applied",
        "disable_credential:*:applied",
        "revoke:*:applied",
    ] {
        let Some(mut scene) = Scene::set().await else {
            return;
        };
        let dying = ["--lease-ms", "3000", "--die-at", place];
        let mut daemon = scene.project.daemon_with(&dying);
        scene.project.run(&["rotate-now", ID]).succeeded();
        daemon.ended_within(PATIENCE);
        let daemon = scene.project.daemon();
        scene.project.until_completed(ID).await;
        scene.is_rotated().await;
        daemon.stop();
    }
}

/// Every login is a process of `redis-cli`.
#[async_trait]
impl Door for Redis {
    async fn log_in(&self, held: &Held) -> Result<(), String> {
        let (user, password) = (&held["REDIS_USER"], &held["REDIS_PASSWORD"]);
        self.redis_cli(user, password).await
    }
}

const FIELDS: &[(&str, &str)] = &[("REDIS_USER", "{user}"), ("REDIS_PASSWORD", "{password}")];
const SECRETS: usize = 4;
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_rotations_cost_no_client_a_login() {
    let Some(server) = Redis::start(Keeps::AclFile).await else {
        return;
    };
    let mut rotator = vec!["ACL", "SETUSER", "rotator", "on", ">example-rotator"];
    rotator.extend(RIGHTS.split_whitespace());
    server.root(&rotator);
    let secrets = ["one", "two", "three", "four"].map(|name| {
        let old = format!("example-before-keywheel-{name}");
        server.root(&[
            "ACL",
            "SETUSER",
            name,
            "on",
            &format!(">{old}"),
            "+ping",
            "+acl|whoami",
        ]);
        let old = [("REDIS_USER", name.to_owned()), ("REDIS_PASSWORD", old)];
        Guarded {
            name: name.to_owned(),
            issuer: format!(
                "issuer = {{ kind = \"redis\", address = \"{}\", user = \"{name}\", \
                 admin = {{ user = \"rotator\", password = {{ file = \"rotator\" }} }} }}",
                server.address()
            ),
            old: old.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    });
    let load = Load {
        title: "Redis 7.0, two passwords",
        fields: FIELDS,
        proof: "REDIS_PASSWORD",
        secrets: secrets.into(),
        rounds: ROUNDS,
        clients: 1,
        pause: Duration::from_millis(100),
        door: Arc::new(server),
        refusals: &["WRONGPASS"],
        config: String::new(),
        files: vec![("rotator".to_owned(), "example-rotator".to_owned())],
    };
    load.run().await.misses_nothing(SECRETS * ROUNDS, SECRETS);
}
