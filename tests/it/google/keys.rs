//! A whole rotation of a service account's key, from one that Google made to one of ours, with the first answer to
//! every change lost.

use crate::project::Project;
use crate::project::stored::asks_by;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::google::accounts::{ACCOUNT, Accounts};
use serde_json::Value;

const ID: &str = "test/key";

struct Scene {
    project: Project,
    google: Accounts,
    /// Name and a part of the private key that is in use before anything is rotated.
    old: (String, String),
}

/// The name of the key in a file, and a part of it that must not be seen anywhere else.
fn told(file: &str) -> (String, String) {
    let file: Value = serde_json::from_str(file).unwrap();
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let body = text("private_key").replace('\n', "");
    (text("private_key_id"), body[300..360].to_owned())
}

impl Scene {
    async fn set() -> Self {
        let google = Accounts::start(None).await;
        let file = google.made_by_google();
        let project = Project::with_config("programs.look = { path = \"look\" }\n");
        let version = format!("v1.{}", "0".repeat(64));
        project.write(&format!("published/key/{version}"), &file);
        let link = project.path("published/key/current");
        std::os::unix::fs::symlink(version, &link).unwrap();
        asks_by(
            &project,
            &format!("    return open({:?}).read()", link.to_str().unwrap()),
        );
        project.secrets(&format!(
            "[secrets.key]\n\
             issuer = {{ kind = \"google-service-account-key\", account = \"{ACCOUNT}\",\n  \
             endpoint = \"{}\", token_uri = \"{}\" }}\n\
             publish_to = [{{ store = \"files\", path = \"key\" }}]\n\
             [secrets.key.consumers.app]\nnotify = {{ none = \"reads it at each use\" }}\n\
             verify = {{ exec = \"look\" }}\n",
            google.address(),
            google.token_uri(),
        ));
        project.prepared();
        Self {
            project,
            google,
            old: told(&file),
        }
    }

    fn published(&self) -> (String, String) {
        told(&self.project.read("published/key/current"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_though_the_first_answer_to_every_change_is_lost() {
    let scene = Scene::set().await;
    let faults = scene.google.faults();
    // A login changes nothing; each try uploads another certificate, of which only the first is lost.
    faults.lose_every_first_reply(|asked| {
        asked.writes() && asked.path() != "/token" && !asked.path().ends_with(":upload")
    });
    faults.next(1, Fault::LoseReply, |asked| {
        asked.path().ends_with(":upload")
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_completed(ID).await;
    let new = scene.published();
    assert_ne!(new.0, scene.old.0);
    assert_eq!(
        scene.google.keys(),
        [(new.0.clone(), true)],
        "an orphan, or the old one"
    );
    assert!(scene.project.has_intent(&run, Kind::RevokeOrphan).await);
    assert!(
        scene
            .project
            .has_intent(&run, Kind::DisableCredential)
            .await
    );
    let leaks = scene.project.leaks(&[&scene.old.1, &new.1]);
    assert_eq!(leaks, Vec::<String>::new());
    let met = faults.met();
    let lost = |end: &str| met.iter().filter(|line| line.contains(end)).count();
    assert_eq!(
        (lost(":upload"), lost(":disable"), lost("DELETE")),
        (1, 1, 2),
        "{met:?}"
    );
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_uploads_are_forbidden_nothing_is_changed_and_the_rule_is_named() {
    let scene = Scene::set().await;
    scene.google.forbids_uploads();
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_phase(ID, Phase::RolledBack).await;
    assert!(
        !scene
            .project
            .has_intent(&run, Kind::DisableCredential)
            .await
    );
    // Its last rows get their order when it leaves.
    daemon.stop();
    let history = scene.project.run(&["audit", "list"]).succeeded().stdout;
    assert!(
        history.contains("disableServiceAccountKeyUpload"),
        "{history}"
    );
    assert_eq!(scene.published(), scene.old);
    assert_eq!(scene.google.keys(), [(scene.old.0.clone(), true)]);
}
