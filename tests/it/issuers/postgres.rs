//! Whole rotations of PostgreSQL's roles by the daemon, with `psql` as the witness.

use crate::project::{Consumer, Project};
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::State;
use keywheel_test_servers::postgres::Postgres;
use keywheel_test_servers::wire::{Wire, in_front_of};

const ID: &str = "test/db";
const OLD: &str = "example-before-keywheel";

struct Scene {
    project: Project,
    server: Postgres,
    _app: Consumer,
}

impl Scene {
    /// A role in use, whose password is published to a `.env` file that a service reads. `None` where there is no
    /// PostgreSQL.
    async fn set() -> Option<Self> {
        let server = Postgres::installed()?;
        let address = server.address();
        Some(Self::at(&address, server, "").await)
    }

    /// The same with a proxy before the server.
    async fn behind_a_wire() -> Option<(Self, Wire)> {
        let server = Postgres::installed()?;
        let wire = in_front_of(server.port).await;
        Some((Self::at(&wire.address(), server, "").await, wire))
    }

    /// With more lines for the secret.
    async fn at(address: &str, server: Postgres, more: &str) -> Self {
        Self::of(address, server, "roles = [\"app_a\", \"app_b\"]", more).await
    }

    /// With these roles.
    async fn of(address: &str, server: Postgres, roles: &str, more: &str) -> Self {
        let project = Project::new();
        project.write("rotator", &server.roles("app", OLD).await);
        project.write(
            "app/db.env",
            &format!("DB_PASSWORD={OLD}\nDB_USER=app_a\nOTHER=kept\n"),
        );
        let app = Consumer::start(&project, "db", "app", "db.env", "DB_PASSWORD", &[]);
        project.secrets(&format!(
            "[secrets.db]\n\
             issuer = {{ kind = \"postgres\", address = \"{address}\", {roles}, \
             admin = {{ user = \"app_rotator\", password = {{ file = \"rotator\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"db.env\", \
             fields = {{ DB_USER = \"{{user}}\", DB_PASSWORD = \"{{password}}\" }} }}]\n{more}\n\
             [secrets.db.consumers.app]\n{}",
            app.lines()
        ));
        project.prepared();
        Self {
            project,
            server,
            _app: app,
        }
    }

    fn rotate(&self) {
        self.rotate_one(ID);
    }

    fn rotate_one(&self, id: &str) {
        let asked = ["rotate-now", id, "--reason", "example"];
        self.project.run(&asked).succeeded();
    }

    /// The entry of another secret that nobody uses, with roles of its own and in use as published.
    async fn another(&self, name: &str, address: &str) -> String {
        let roles = name.replace('-', "_");
        let rotator = self.server.roles(&roles, OLD).await;
        self.project.write(&format!("{name}-rotator"), &rotator);
        self.project.write(
            &format!("app/{name}.env"),
            &format!("DB_PASSWORD={OLD}\nDB_USER={roles}_a\n"),
        );
        format!(
            "\n[secrets.{name}]\nno_consumers = \"example\"\n\
             issuer = {{ kind = \"postgres\", address = \"{address}\", roles = [\"{roles}_a\", \"{roles}_b\"], \
             admin = {{ user = \"{roles}_rotator\", password = {{ file = \"{name}-rotator\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"{name}.env\", \
             fields = {{ DB_USER = \"{{user}}\", DB_PASSWORD = \"{{password}}\" }} }}]\n"
        )
    }

    /// User and password as published.
    fn published(&self) -> (String, String) {
        let value = |key: &str| self.project.env_value("db.env", key).unwrap();
        (value("DB_USER"), value("DB_PASSWORD"))
    }

    /// Exactly one of the roles lets in: with what is published. No password is anywhere but there.
    async fn only_what_is_published_works(&self, others: &[(String, String)]) {
        let now = self.published();
        assert!(self.server.psql_lets_in(&now.0, &now.1).await);
        for (user, password) in others {
            assert!(!self.server.psql_lets_in(user, password).await, "{user}");
        }
        let able =
            "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname IN ('app_a', 'app_b')";
        let able: i64 = sqlx::Row::get(&self.server.run(able).await[0], 0);
        assert_eq!(able, 1);
        // The first one was set by the scene itself, in the clear.
        assert!(now.1 == OLD || !self.server.log().contains(&now.1));
        let passwords: Vec<&str> = others
            .iter()
            .map(|(_, password)| password.as_str())
            .collect();
        let leaks = self.project.leaks(&[&passwords[..], &[&now.1]].concat());
        assert_eq!(leaks, Vec::<String>::new());
        assert_eq!(self.project.env_value("db.env", "OTHER").unwrap(), "kept");
    }

    /// The old password works, the other role does not, and the rotation says why.
    async fn is_back(&self, words: &str) {
        let run = self.project.until_phase(ID, Phase::RolledBack).await;
        assert_eq!(self.published(), ("app_a".to_owned(), OLD.to_owned()));
        self.only_what_is_published_works(&[]).await;
        let rows = self.project.audit(ID).await;
        let told = rows
            .iter()
            .any(|row| row.rotation_id == run.id.as_str() && row.entry.detail.contains(words));
        assert!(told, "`{words}` is not in the audit");
    }
}

fn old() -> (String, String) {
    ("app_a".to_owned(), OLD.to_owned())
}

#[tokio::test]
async fn a_role_is_rotated_and_its_turn_comes_again() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let daemon = scene.project.daemon();
    let mut before = vec![old()];
    for user in ["app_b", "app_a", "app_b"] {
        let last = scene.project.newest(ID).await.map(|run| run.id);
        scene.rotate();
        let new = |run: &Run| run.phase == Phase::Completed && Some(&run.id) != last.as_ref();
        scene.project.until(ID, "completed", new).await;
        scene.only_what_is_published_works(&before).await;
        assert_eq!(scene.published().0, user);
        before.push(scene.published());
    }
    scene.project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}

#[tokio::test]
async fn one_role_in_place_is_given_another_password() {
    let Some(server) = Postgres::installed() else {
        return;
    };
    let (address, consent) = (server.address(), "in_place = \"there is one role\"");
    let scene = Scene::of(&address, server, "role = \"app_a\"", consent).await;
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_completed(ID).await;
    assert_eq!(scene.published().0, "app_a");
    scene.only_what_is_published_works(&[old()]).await;
    daemon.stop();
}

#[tokio::test]
async fn the_answer_to_every_change_is_lost() {
    let Some((scene, wire)) = Scene::behind_a_wire().await else {
        return;
    };
    let changes = [
        "LOGIN PASSWORD E'SCRAM",
        " NOLOGIN; ",
        "NOLOGIN PASSWORD NULL",
    ];
    changes.iter().for_each(|words| wire.lose_answer_to(words));
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_completed(ID).await;
    assert_eq!(wire.lost(), changes.len());
    scene.only_what_is_published_works(&[old()]).await;
    scene.project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}

/// A verifier says nothing of its password, so that another one would be refused as well: there is one try, not many.
#[tokio::test]
async fn a_policy_that_refuses_the_value_ends_the_rotation_and_not_the_old_password() {
    let Some((scene, wire)) = Scene::behind_a_wire().await else {
        return;
    };
    wire.refuse("LOGIN PASSWORD E'SCRAM", "22023");
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.is_back("SCRAM verifiers").await;
    let run = scene.project.newest(ID).await.unwrap();
    let tries = scene.project.effects(&run).await;
    let tries = tries.iter().filter(|effect| effect.kind.word() == "apply");
    assert_eq!(tries.count(), 1);
    daemon.stop();
}

#[tokio::test]
async fn a_trust_line_ends_the_rotation_before_anything_is_published() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene
        .server
        .let_in("host all app_b 127.0.0.1/32 trust")
        .await;
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.is_back("`trust`").await;
    daemon.stop();
}

#[tokio::test]
async fn a_missing_grant_ends_the_rotation_before_anything_is_changed() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let grant = "CREATE TABLE orders (id int); GRANT SELECT ON orders TO app_a";
    scene.server.run(grant).await;
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.is_back("SELECT on table public.orders").await;
    daemon.stop();
}

#[tokio::test]
async fn a_wrong_admin_is_a_question_and_a_right_one_goes_on() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let right = scene.project.read("rotator");
    scene.project.write("rotator", "example-wrong");
    let daemon = scene.project.daemon();
    scene.rotate();
    let blocked = scene.project.until_blocked(ID).await;
    let question = blocked.question;
    assert!(
        question.contains("refuses the admin `app_rotator`"),
        "{question}"
    );
    scene.project.write("rotator", &right);
    scene.project.retry(ID).await;
    scene.project.until_completed(ID).await;
    scene.only_what_is_published_works(&[old()]).await;
    daemon.stop();
}

/// Somebody whom no consumer of the inventory stands for keeps a connection open.
#[tokio::test]
async fn an_old_password_in_use_by_a_stranger_is_not_ended_and_the_stranger_is_named() {
    let Some(server) = Postgres::installed() else {
        return;
    };
    let address = server.address();
    let scene = Scene::at(
        &address,
        server,
        "timing = { quiet = \"1s\", prove_within = \"2s\" }",
    )
    .await;
    let mut stranger = scene.server.connect("app_a", OLD).await.unwrap();
    let named = sqlx::raw_sql("SET application_name = 'nightly-report'");
    named.execute(&mut stranger).await.unwrap();
    let daemon = scene.project.daemon();
    scene.rotate();
    let blocked = scene.project.until_blocked(ID).await;
    let question = blocked.question;
    assert!(
        question.contains("127.0.0.1 (nightly-report)"),
        "{question}"
    );
    assert!(
        scene.server.psql_lets_in("app_a", OLD).await,
        "it was ended"
    );
    drop(stranger);
    scene.project.retry(ID).await;
    scene.project.until_completed(ID).await;
    scene.only_what_is_published_works(&[old()]).await;
    daemon.stop();
}

/// Rotations side by side in the daemon of the test below; more secrets than that wait for what hangs.
const SLOTS: &str = "2";
const BEHIND: usize = 5;

#[tokio::test]
async fn a_server_that_hangs_holds_up_nobody_else() {
    let Some((scene, wire)) = Scene::behind_a_wire().await else {
        return;
    };
    let (direct, behind) = (scene.server.address(), wire.address());
    let mut entries = scene.project.read("inventory/test/team.toml");
    entries.push_str(&scene.another("other", &direct).await);
    let names: Vec<String> = (0..BEHIND).map(|n| format!("behind-{n}")).collect();
    for name in &names {
        entries.push_str(&scene.another(name, &behind).await);
    }
    scene.project.secrets(&entries);
    scene.project.run(&["inventory", "apply"]).succeeded();
    wire.stall();
    let daemon = scene.project.daemon_with(&["--slots", SLOTS]);
    scene.rotate();
    let mut stuck = vec![scene.project.until_phase(ID, Phase::Preflight).await];
    for name in &names {
        let id = format!("test/{name}");
        scene.rotate_one(&id);
        stuck.push(scene.project.until(&id, "opened", |_| true).await);
    }
    let last = names.last().map(|name| format!("test/{name}")).unwrap();
    let is_sent_away = |run: &Run| {
        let mut said = run.waiting.iter().map(|wait| wait.name.as_str());
        said.any(|name| name.ends_with("(no answer; others try it meanwhile)"))
    };
    scene.project.until(&last, "sent away", is_sent_away).await;
    for _ in 0..2 {
        let last = scene.project.newest("test/other").await.map(|run| run.id);
        scene.rotate_one("test/other");
        let new = |run: &Run| run.phase == Phase::Completed && Some(&run.id) != last.as_ref();
        scene.project.until("test/other", "completed", new).await;
    }
    for one in &stuck {
        let still = scene.project.newest(&one.secret_id).await.unwrap();
        assert_eq!((&still.id, still.state == State::Ended), (&one.id, false));
    }
    wire.go_on();
    for one in &stuck {
        scene.project.retry(&one.secret_id).await;
        scene.project.until_completed(&one.secret_id).await;
    }
    daemon.stop();
}
