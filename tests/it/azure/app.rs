//! Whole rotations of an application's secret, with the directory losing the first answer to every change.

use crate::project::{Consumer, Project};
use chrono::DateTime;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::directory::{APPLICATION, Directory};
use keywheel_test_servers::azure::{CLIENT, SECRET, TENANT};
use keywheel_test_servers::faults::Fault;
use serde_json::Value;
use std::time::Duration;

const ID: &str = "test/app";
/// Longer than a secret lives.
const EVERY_DAYS: i64 = 900;

struct Scene {
    // Run for as long as the scene.
    _authority: Authority,
    _app: Consumer,
    project: Project,
    directory: Directory,
    /// Id and value of the secret in use before anything is rotated.
    old: (String, String),
}

impl Scene {
    async fn set() -> Self {
        let authority = Authority::make();
        let directory = Directory::start(&authority).await;
        let old = directory.make("by hand");
        let project = Project::new();
        project.write("app/login", SECRET);
        project.write("app/app.env", &format!("APP_SECRET='{}'\n", old.1));
        let app = Consumer::start(&project, "app", "app", "app.env", "APP_SECRET", &[]);
        project.secrets(&format!(
            "[secrets.app]\n\
             timing = {{ every = \"{EVERY_DAYS}d\" }}\n\
             issuer = {{ kind = \"azure-app-secret\", tenant = \"{TENANT}\", application = \"{APPLICATION}\",\n  \
             graph = \"{at}\", authority_host = \"{at}\", ca_file = \"{}\", login = {{ client_secret = {{\n  \
             tenant = \"{TENANT}\", client_id = \"{CLIENT}\", secret = {{ file = \"app/login\" }} }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"app.env\", fields = {{ APP_SECRET = \"{{client_secret}}\" }} }}]\n\
             [secrets.app.consumers.app]\n{}",
            authority.ca_file().display(),
            app.lines(),
            at = directory.address,
        ));
        project.prepared();
        Self {
            _authority: authority,
            _app: app,
            project,
            directory,
            old,
        }
    }

    /// The credential in use is this one; it ends when the directory says, and is due a tenth of the period before.
    fn is_due_in_time(&self, id: &str) {
        let said = self.project.run(&["show", ID, "--output", "json"]);
        let said: Value = serde_json::from_str(&said.succeeded().stdout).unwrap();
        let item = &said["items"][0];
        let date = |key: &str| DateTime::parse_from_rfc3339(item[key].as_str().unwrap()).unwrap();
        let (ends, due) = (date("expires_at"), date("next_rotation_at"));
        assert_eq!(ends.to_utc(), self.directory.until(id));
        assert_eq!((ends - due).num_days(), EVERY_DAYS / 10, "{item}");
        assert_eq!(item["expires_too_soon"], false);
        let reason = item["start_reason"].as_str().unwrap();
        assert!(reason.starts_with("the credential expires"), "{reason}");
    }

    /// One secret is there, the one that is published; nothing leaked.
    fn is_rotated(&self) {
        let new = self.project.env_value("app.env", "APP_SECRET").unwrap();
        assert_ne!(new, self.old.1);
        let there = self.directory.secrets();
        assert_eq!(there.len(), 1, "{there:?}");
        assert_ne!(there[0].0, self.old.0);
        assert!(there[0].1.starts_with("keywheel-"), "{there:?}");
        let leaks = self.project.leaks(&[&self.old.1, &new, SECRET]);
        assert_eq!(leaks, Vec::<String>::new());
        self.project.run(&["audit", "verify"]).succeeded();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_an_application_is_rotated_though_every_first_answer_is_lost() {
    let scene = Scene::set().await;
    let faults = &scene.directory.faults;
    faults.lose_every_first_reply(|asked| asked.path().ends_with("/removePassword"));
    // Each try makes one of another name: only the first is lost.
    faults.next(1, Fault::LoseReply, |asked| {
        asked.path().ends_with("/addPassword")
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert!(scene.project.has_intent(&run, Kind::RevokeOrphan).await);
    let met = faults.met();
    let lost = |end: &str| met.iter().filter(|line| line.contains(end)).count();
    let lost = (lost("addPassword"), lost("removePassword"));
    assert_eq!(lost, (1, 2), "{met:?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_takes_its_time_is_waited_for() {
    let scene = Scene::set().await;
    let lag = Duration::from_millis(400);
    scene.directory.lag(lag, lag);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert!(!scene.project.has_intent(&run, Kind::RevokeOrphan).await);
    daemon.stop();
}

/// The one in use and each that follows it end after two years, by their issuer: the schedule counts with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_ends_by_itself_is_due_before_that_whatever_its_period() {
    let scene = Scene::set().await;
    let adopted = scene.project.run(&["inventory", "adopt", ID]).succeeded();
    assert!(adopted.stdout.contains(", expires "), "{}", adopted.stdout);
    scene.is_due_in_time(&scene.old.0);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    scene.is_due_in_time(&scene.directory.secrets()[0].0);
    daemon.stop();
}
