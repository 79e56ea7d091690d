//! Whole rotations with a folder of files as their main store and secrets of GitHub Actions that follow it: the first
//! answer to a write is lost, GitHub is down, and somebody goes back.

use crate::project::stored::Stored;
use crate::project::{Project, Tokens};
use keywheel::rotation::facts::Effect;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::github::Github;

const ID: &str = "test/token";
const REPOSITORY: &str = "octo-org/backend";
const ENVIRONMENT: &str = "octo-org/backend/environments/production";

struct Scene {
    project: Project,
    tokens: Tokens,
    github: Github,
    old: String,
}

impl Scene {
    /// A token in use, in a file and in two places of Actions beside secrets of somebody else's.
    async fn set() -> Self {
        let github = Github::start(None).await;
        let stored = Stored::new();
        let folder = "published/token";
        let version = format!("v1.{}", "0".repeat(64));
        stored
            .project
            .write(&format!("{folder}/{version}"), &stored.old);
        let link = stored.project.path(&format!("{folder}/current"));
        std::os::unix::fs::symlink(version, &link).unwrap();
        for path in [REPOSITORY, ENVIRONMENT] {
            github.place(path);
            github.put(path, "TOKEN", &stored.old);
            github.put(path, "OTHER", "example-theirs");
        }
        let token = github.token(&[REPOSITORY, ENVIRONMENT], true);
        stored.project.write("github-token", &token);
        let store = format!(
            "[stores.actions]\nkind = \"github-actions\"\naddress = \"{}\"\n\
             token = {{ file = \"github-token\" }}\nper_hour = 600000",
            github.address(),
        );
        let follow =
            |path: &str| format!("{{ store = \"actions\", path = \"{path}\", field = \"TOKEN\"");
        let places = format!(
            "store = \"files\", path = \"token\" }}, {} }}, {}",
            follow(REPOSITORY),
            follow(ENVIRONMENT)
        );
        let asks = format!("    return open({:?}).read()", link.to_str().unwrap());
        stored.entry(&store, &places, &asks);
        let Stored {
            project,
            tokens,
            old,
        } = stored;
        Self {
            project,
            tokens,
            github,
            old,
        }
    }

    fn main(&self) -> String {
        self.project.read("published/token/current")
    }

    /// What workflows get, of each place.
    fn values(&self) -> [String; 2] {
        [REPOSITORY, ENVIRONMENT].map(|path| {
            assert_eq!(self.github.value(path, "OTHER").unwrap(), "example-theirs");
            self.github.value(path, "TOKEN").unwrap()
        })
    }

    /// The new token alone works and is what every place has; nothing leaked.
    fn is_rotated(&self) {
        let new = self.main();
        assert!(!self.tokens.accepts(&self.old) && self.tokens.accepts(&new));
        assert_eq!(self.values(), [&new, &new].map(String::clone));
        assert_eq!(self.project.leaks(&[&self.old, &new]), Vec::<String>::new());
    }

    async fn published(&self, path: &str) -> Vec<Effect> {
        let run = self.project.newest(ID).await.unwrap();
        let target = format!("actions:{path}");
        let effects = self.project.effects(&run).await.into_iter();
        effects
            .filter(|e| e.kind == Kind::Publish && e.target == target)
            .collect()
    }
}

fn to_the_environment(asked: &Asked<'_>) -> bool {
    asked.writes() && asked.path().contains("environments")
}

fn to_the_repository(asked: &Asked<'_>) -> bool {
    asked.writes() && !asked.path().contains("environments")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_follows_though_the_first_answer_to_every_write_is_lost() {
    let scene = Scene::set().await;
    let online = scene.project.run(&["check", "--online"]).succeeded();
    let online = online.stdout;
    assert!(
        online.contains("\"Environments\": read and write"),
        "{online}"
    );
    let faults = scene.github.faults();
    faults.next(1, Fault::LoseReply, to_the_repository);
    faults.next(1, Fault::LoseReply, to_the_environment);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert_eq!(faults.met().len(), 2, "no answer was lost");
    for path in [REPOSITORY, ENVIRONMENT] {
        let effects = scene.published(path).await;
        assert_eq!(effects.len(), 2, "a try of its own: {effects:?}");
        assert_eq!(scene.github.writes(path), 2);
    }
    let audit = scene.project.audit(ID).await;
    let told = |row: &&keywheel::journal::audit::AuditRow| {
        row.entry
            .detail
            .contains("written by us or by somebody else")
    };
    assert_eq!(audit.iter().filter(told).count(), 2);
    let gone = audit.iter().filter(|row| {
        let entry = &row.entry;
        entry.action == "destroy_version"
            && entry.outcome == "destroyed"
            && entry.destination.starts_with("actions:")
    });
    assert_eq!(gone.count(), 2);
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_sink_is_down_nothing_is_revoked() {
    let scene = Scene::set().await;
    let down = Fault::Refuse(503, None);
    scene
        .github
        .faults()
        .next(usize::MAX, down, to_the_environment);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let stuck = scene.project.until(ID, "told that GitHub is down", |run| {
        let told = |text: &str| text.contains(ENVIRONMENT);
        let waits = run.waiting.iter().any(|waiting| told(&waiting.name));
        run.phase == Phase::Publishing && waits
    });
    stuck.await;
    // The rest of the places has the new one by then, and both are valid.
    let new = scene.main();
    assert_eq!(scene.values(), [new.clone(), scene.old.clone()]);
    assert!(scene.tokens.accepts(&scene.old) && scene.tokens.accepts(&new));
    scene.github.faults().clear();
    scene.project.run(&["retry", ID]).succeeded();
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert_eq!(scene.github.writes(REPOSITORY), 1);
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_way_back_a_sink_gets_the_old_value_again() {
    let scene = Scene::set().await;
    scene
        .github
        .faults()
        .next(usize::MAX, Fault::Refuse(403, None), to_the_environment);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_blocked(ID).await;
    let new = scene.main();
    assert_eq!(scene.values(), [new.clone(), scene.old.clone()]);
    // The old value is nowhere to be read at GitHub: it is the main store's.
    scene
        .github
        .faults()
        .next(1, Fault::LoseReply, to_the_repository);
    let back = ["rollback", ID, "--reason", "the token may not write there"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.main(), scene.old);
    assert_eq!(scene.values(), [&scene.old, &scene.old].map(String::clone));
    assert!(scene.tokens.accepts(&scene.old) && !scene.tokens.accepts(&new));
    assert_eq!(
        scene.project.leaks(&[&scene.old, &new]),
        Vec::<String>::new()
    );
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_writes_in_between_is_told_and_not_overwritten() {
    let scene = Scene::set().await;
    // Between the look before anything changes and the write.
    let daemon = scene
        .project
        .daemon_with(&["--lease-ms", "3000", "--die-at", "mint::recorded"]);
    scene.project.run(&["rotate-now", ID]).succeeded();
    let mut daemon = daemon;
    daemon.ended_within(crate::project::PATIENCE);
    scene.github.put(REPOSITORY, "TOKEN", "example-by-hand");
    let daemon = scene.project.daemon();
    let run = scene.project.until_blocked(ID).await;
    let question = run.question;
    assert!(
        question.contains("somebody changed actions:octo-org/backend"),
        "{question}"
    );
    assert_eq!(scene.values()[0], "example-by-hand");
    assert!(scene.tokens.accepts(&scene.old));
    daemon.stop();
}
