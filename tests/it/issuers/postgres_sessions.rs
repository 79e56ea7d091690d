//! Clients of PostgreSQL that are seen by nothing but their sessions.

use crate::project::Project;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, Wish};
use keywheel_test_servers::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const ID: &str = "test/db";
const OLD: &str = "example-before-keywheel";

struct Scene {
    project: Project,
    server: Postgres,
}

impl Scene {
    /// Two roles, and a client that calls itself `orders`. `None` where there is no PostgreSQL.
    async fn set(timing: &str) -> Option<Self> {
        let server = Postgres::installed()?;
        let project = Project::new();
        project.write("rotator", &server.roles("app", OLD).await);
        project.write("app/db.env", &format!("DB_PASSWORD={OLD}\nDB_USER=app_a\n"));
        project.secrets(&format!(
            "[secrets.db]\n\
             issuer = {{ kind = \"postgres\", address = \"{}\", roles = [\"app_a\", \"app_b\"], \
             admin = {{ user = \"app_rotator\", password = {{ file = \"rotator\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"db.env\", \
             fields = {{ DB_USER = \"{{user}}\", DB_PASSWORD = \"{{password}}\" }} }}]\n\
             timing = {{ proof = \"proven\"{timing} }}\n\
             [secrets.db.consumers.orders]\nnotify = {{ none = \"logs in anew by itself\" }}\n\
             verify = {{ sessions = true, application = \"orders\" }}\n",
            server.address()
        ));
        project.prepared();
        Some(Self { project, server })
    }

    fn rotate(&self) {
        let asked = ["rotate-now", ID, "--reason", "example"];
        self.project.run(&asked).succeeded();
    }

    /// Logs in under that name with what is published.
    async fn client(&self, name: &str) -> PgConnection {
        let value = |key: &str| self.project.env_value("db.env", key).unwrap();
        self.login(&value("DB_USER"), &value("DB_PASSWORD"), name)
            .await
    }

    async fn login(&self, user: &str, password: &str, name: &str) -> PgConnection {
        let mut open = self.server.connect(user, password).await.unwrap();
        let named = format!("SET application_name = '{name}'");
        let named = sqlx::raw_sql(AssertSqlSafe(named));
        named.execute(&mut open).await.unwrap();
        open
    }

    /// It waits with these words, and nothing of the old credential is ended.
    async fn waits(&self, words: &str) {
        let run = self.project.until_waits(ID, Phase::Verifying, words).await;
        assert!(self.server.psql_lets_in("app_a", OLD).await);
        for kind in [Kind::DisableCredential, Kind::Revoke] {
            assert!(!self.project.has_intent(&run, kind).await, "{kind:?}");
        }
    }

    fn proves(&self) {
        let shown = self.project.run(&["prove", ID, "--output", "jsonl"]);
        let shown: serde_json::Value =
            serde_json::from_str(shown.succeeded().stdout.lines().next().unwrap()).unwrap();
        assert_eq!(shown["consumer"], "orders", "{shown}");
    }
}

async fn works(client: &mut PgConnection) -> bool {
    sqlx::raw_sql("SELECT 1").execute(client).await.is_ok()
}

#[tokio::test]
async fn nothing_is_ended_before_the_client_has_logged_in_anew() {
    let Some(scene) = Scene::set("").await else {
        return;
    };
    let before = scene.client("orders").await;
    scene.proves();
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.waits("is on the old credential").await;
    // Somebody else's login shows nothing of this client, and a client that is gone shows nothing at all.
    let stranger = scene.client("reports").await;
    before.close().await.unwrap();
    scene.waits("it is not connected now").await;
    // One connection of its pool is late.
    let late = scene.login("app_a", OLD, "orders").await;
    let mut after = scene.client("orders").await;
    scene
        .waits("earlier sessions is on the old credential")
        .await;
    late.close().await.unwrap();
    scene.project.until_completed(ID).await;
    assert!(!scene.server.psql_lets_in("app_a", OLD).await);
    assert!(works(&mut after).await);
    drop(stranger);
    let rows = scene.project.audit(ID).await;
    let proof = rows.iter().rev().find(|row| {
        row.entry.action == "evidence" && row.entry.destination == "orders/127.0.0.1 (orders)"
    });
    let proof = &proof.unwrap().entry;
    assert_eq!(
        (proof.outcome.as_str(), proof.evidence.as_str()),
        ("new", "proven")
    );
    scene.project.run(&["audit", "verify"]).succeeded();
    scene.proves();
    daemon.stop();
}

#[tokio::test]
async fn the_candidate_is_not_ended_before_the_client_has_left_it() {
    let Some(scene) = Scene::set(", overlap = \"1h\"").await else {
        return;
    };
    let before = scene.client("orders").await;
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.waits("is on the old credential").await;
    let (user, password) = ["DB_USER", "DB_PASSWORD"]
        .map(|key| scene.project.env_value("db.env", key).unwrap())
        .into();
    let mut after = scene.client("orders").await;
    before.close().await.unwrap();
    let run = scene
        .project
        .until_waits(ID, Phase::Overlapping, "overlap")
        .await;
    let journal = scene.project.journal().await;
    let id = run.id.clone();
    let written = journal.write(async move |tx| {
        keywheel::journal::rotations::wish(tx, &id, Wish::Rollback, "example").await
    });
    written.await.unwrap();
    scene
        .project
        .until_waits(ID, Phase::Restoring, "is on the new credential")
        .await;
    assert!(works(&mut after).await);
    assert!(scene.server.psql_lets_in(&user, &password).await);
    after.close().await.unwrap();
    let back = scene.client("orders").await;
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert!(!scene.server.psql_lets_in(&user, &password).await);
    assert!(scene.server.psql_lets_in("app_a", OLD).await);
    drop(back);
    daemon.stop();
}

#[test]
fn a_program_that_knows_no_sessions_is_told_before_anything_starts() {
    use crate::project::Tokens;
    let project = Project::with_config(&Tokens::config());
    project.secrets(&format!(
        "[secrets.token]\n{}\npublish_to = [{{ store = \"files\", path = \"token\" }}]\n\
         [secrets.token.consumers.app]\nnotify = {{ none = \"example\" }}\nverify = {{ sessions = true }}\n",
        Tokens::ISSUER
    ));
    project.prepared();
    let asked = ["rotate-now", "test/token", "--reason", "example"];
    let says = "does not tell with which credential somebody is logged in";
    project.run(&asked).ended(1).says(&[says]);
    assert!(
        !project.path("tokens.json").exists(),
        "something was minted"
    );
}
