//! Roles of PostgreSQL whose old one is kept until the server has seen somebody use the new one.

use crate::project::Project;
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::postgres::Postgres;
use sqlx::{Connection as _, PgConnection};

const ID: &str = "test/db";
const OLD: &str = "example-before-keywheel";

struct Scene {
    project: Project,
    server: Postgres,
}

impl Scene {
    /// Two roles, and nobody who is listed: what the server sees is all there is. `None` where there is no PostgreSQL.
    async fn set() -> Option<Self> {
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
             no_consumers = \"reports of many teams\"\nnew_used = true\n",
            server.address()
        ));
        project.prepared();
        Some(Self { project, server })
    }

    /// Starts a rotation, which comes to wait for this.
    async fn rotates(&self) -> Run {
        let asked = ["rotate-now", ID, "--reason", "example"];
        self.project.run(&asked).succeeded();
        self.waits("nobody but keywheel was seen").await
    }

    /// It waits with these words, and nothing of the old credential is ended.
    async fn waits(&self, words: &str) -> Run {
        let project = &self.project;
        let run = project.until_waits(ID, Phase::Overlapping, words).await;
        self.keeps_the_old_one(&run).await;
        run
    }

    async fn keeps_the_old_one(&self, run: &Run) {
        assert!(self.server.psql_lets_in("app_a", OLD).await);
        for kind in [Kind::DisableCredential, Kind::Revoke] {
            assert!(!self.project.has_intent(run, kind).await, "{kind:?}");
        }
    }

    /// A login with what is published, by a client of that name.
    async fn client(&self, name: &str) -> PgConnection {
        let value = |key: &str| self.project.env_value("db.env", key).unwrap();
        let (user, password) = (value("DB_USER"), value("DB_PASSWORD"));
        let open = self.server.connect_as(name, &user, &password).await;
        open.unwrap()
    }

    /// What every row rests on that ends the old credential.
    async fn rests_on(&self) -> Vec<String> {
        let rows = self.project.audit(ID).await;
        let ends = |kind: Option<Kind>| kind.is_some_and(Kind::ends_old);
        let intents = rows
            .into_iter()
            .map(|row| row.entry)
            .filter(|entry| entry.outcome == "intent" && ends(Kind::from_word(&entry.action)));
        let rests: Vec<String> = intents.map(|entry| entry.evidence).collect();
        assert!(!rests.is_empty());
        self.project.run(&["audit", "verify"]).succeeded();
        rests
    }
}

#[tokio::test]
async fn the_old_role_is_kept_until_somebody_logs_in_with_the_new_one() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let report = scene.client("reports").await;
    let daemon = scene.project.daemon();
    let run = scene.rotates().await;
    scene.waits("still used by 127.0.0.1 (reports)").await;
    let status = scene.project.run(&["status", "--output", "json"]);
    let status = status.succeeded().stdout;
    for words in [
        "nobody but keywheel was seen to use the new credential",
        "keywheel vouch test/db --new-used",
    ] {
        assert!(status.contains(words), "{status}");
    }
    // Nobody is left on the old one, and a client that calls itself keywheel may be our own test.
    report.close().await.unwrap();
    let ours = scene.client("keywheel").await;
    let quiet = |run: &Run| {
        let kinds: Vec<&str> = run.waiting.iter().map(|one| one.kind.as_str()).collect();
        run.phase == Phase::Overlapping && kinds == ["new_use"]
    };
    scene.project.until(ID, "only new_use is left", quiet).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    scene.keeps_the_old_one(&run).await;
    let report = scene.client("reports").await;
    scene.project.until_completed(ID).await;
    assert!(!scene.server.psql_lets_in("app_a", OLD).await);
    for rests in scene.rests_on().await {
        let wanted = "no consumers: reports of many teams; new-used: seen by its issuer";
        assert_eq!(rests, wanted);
    }
    let rows = scene.project.audit(ID).await;
    let mut seen = rows.iter().filter(|row| row.entry.action == "new_use");
    let told = &seen.next().unwrap().entry;
    assert_eq!(told.detail, "logged in with it: 127.0.0.1 (reports)");
    assert!(seen.next().is_none());
    drop((ours, report));
    daemon.stop();
}

#[tokio::test]
async fn a_person_may_say_that_nobody_has_to_use_the_new_one() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let vouch = ["vouch", ID, "--new-used", "--reason", "reports run monthly"];
    let early = scene.project.run(&vouch).ended(1);
    early.says(&["no rotation of test/db is about to end an old credential"]);
    let daemon = scene.project.daemon();
    scene.rotates().await;
    scene.project.run(&vouch).succeeded();
    scene.project.until_completed(ID).await;
    assert!(!scene.server.psql_lets_in("app_a", OLD).await);
    for rests in scene.rests_on().await {
        assert!(rests.starts_with("new-used: waived by "), "{rests}");
    }
    daemon.stop();
}
