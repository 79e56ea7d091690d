//! Whole rotations with a config of Doppler as their store: each first answer to a write is lost, and a policy
//! demands a person.

use crate::project::stored::{Stored, tell_what_became_of_the_old};
use crate::project::{Project, Tokens};
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::doppler::Doppler;
use keywheel_test_servers::doppler::cli::Cli;

const ID: &str = "test/token";
const CONFIG: &str = "backend/prd";

/// How the consumer asks for the config, with its own token.
const ASKS: &str = r#"
    call = urllib.request.Request("ADDRESS/v3/configs/config/secrets/download?format=json",
                                  headers={"Authorization": "Bearer READER"})
    return json.load(urllib.request.urlopen(call))["TOKEN"]
"#;

struct Scene {
    project: Project,
    tokens: Tokens,
    doppler: Doppler,
    old: String,
}

impl Scene {
    /// A token in use, beside a secret of somebody else's that refers to it.
    async fn set() -> Self {
        let doppler = Doppler::start(None).await;
        doppler.config(CONFIG, "prd", None);
        let stored = Stored::new();
        doppler.put(CONFIG, "TOKEN", &stored.old);
        doppler.put(CONFIG, "HEADER", "Bearer ${TOKEN}");
        let token = doppler.service_token(CONFIG, "read/write");
        stored.project.write("doppler-token", &token);
        let store = format!(
            "[stores.doppler]\nkind = \"doppler\"\naddress = \"{}\"\ntoken = {{ file = \"doppler-token\" }}\n\
             per_minute = 6000",
            doppler.address(),
        );
        let place = format!("store = \"doppler\", path = \"{CONFIG}\", field = \"TOKEN\"");
        let asks = ASKS.replace("ADDRESS", doppler.address());
        let asks = asks.replace("READER", &doppler.service_token(CONFIG, "read"));
        stored.entry(&store, &place, &asks);
        let Stored {
            project,
            tokens,
            old,
        } = stored;
        Self {
            project,
            tokens,
            doppler,
            old,
        }
    }

    /// Under a policy, with a token that may ask.
    async fn reviewed() -> Self {
        let scene = Self::set().await;
        scene.doppler.demand_review(CONFIG);
        let account = scene.doppler.service_account();
        scene.project.write("doppler-token", &account);
        scene
    }

    async fn waits_for_a_person(&self) -> String {
        let (phase, words) = (Phase::Publishing, "person");
        self.project.until_waits(ID, phase, words).await;
        let waiting = self.doppler.waiting();
        assert_eq!(waiting.len(), 1, "asked more than once");
        waiting[0].clone()
    }

    /// The new token alone works and is what is published, by one save; nothing leaked.
    fn is_rotated(&self) -> String {
        let new = self.doppler.raw(CONFIG, "TOKEN").unwrap();
        assert!(!self.tokens.accepts(&self.old) && self.tokens.accepts(&new));
        assert_eq!(
            self.doppler.raw(CONFIG, "HEADER").unwrap(),
            "Bearer ${TOKEN}"
        );
        // Two by the people of the scene, and ours.
        assert_eq!(self.doppler.saves(CONFIG), 3);
        assert_eq!(self.project.leaks(&[&self.old, &new]), Vec::<String>::new());
        new
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_though_the_first_answer_to_every_write_is_lost() {
    let scene = Scene::set().await;
    let online = scene.project.run(&["check", "--online"]).succeeded();
    assert!(online.stdout.contains("read/write"), "{}", online.stdout);
    scene
        .doppler
        .faults()
        .lose_every_first_reply(|asked| asked.writes());
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    let new = scene.is_rotated();
    assert_eq!(scene.doppler.faults().met().len(), 1, "no answer was lost");
    scene.project.audit(ID).await;
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
    tell_what_became_of_the_old(&scene.project, ID, "impossible").await;
    let reader = scene.doppler.service_token(CONFIG, "read");
    if let Some(cli) = Cli::new(scene.doppler.address(), &reader) {
        let read = ["secrets", "get", "HEADER", "--plain"];
        assert_eq!(
            cli.run(&read).await.unwrap().trim(),
            format!("Bearer {new}")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_person_has_to_approve_is_waited_for() {
    let scene = Scene::reviewed().await;
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let request = scene.waits_for_a_person().await;
    let shown = scene.project.run(&["show", ID]).succeeded().stdout;
    let page = format!("workplace/example-workplace/change-requests/{request}");
    assert!(shown.contains(&page), "{shown}");
    assert_eq!(scene.doppler.raw(CONFIG, "TOKEN").unwrap(), scene.old);
    scene.doppler.approve(&request);
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_closed_is_filed_anew_unless_somebody_asked_for_the_way_back() {
    let scene = Scene::reviewed().await;
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let first = scene.waits_for_a_person().await;
    scene.doppler.close(&first);
    let again = |run: &Run| run.phase == Phase::Publishing && !scene.doppler.waiting().is_empty();
    scene.project.until(ID, "asked again", again).await;
    assert_ne!(scene.doppler.waiting(), [first]);
    scene.doppler.approve(&scene.doppler.waiting()[0]);
    scene.project.until_completed(ID).await;
    scene.is_rotated();
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_until_the_request_is_closed_there() {
    let scene = Scene::reviewed().await;
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let request = scene.waits_for_a_person().await;
    let back = ["rollback", ID, "--reason", "nobody approves"];
    scene.project.run(&back).succeeded();
    // Whoever approves it now would publish the candidate: it must still work.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(scene.tokens.count(), (2, 2));
    scene.doppler.close(&request);
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert!(scene.tokens.accepts(&scene.old));
    assert_eq!(scene.tokens.count(), (2, 1));
    assert!(scene.doppler.waiting().is_empty(), "it was asked for again");
    assert_eq!(scene.doppler.raw(CONFIG, "TOKEN").unwrap(), scene.old);
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}
