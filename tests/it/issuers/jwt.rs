//! Whole rotations of a key that signs tokens: `PyJWT` signs with what the service holds, and verifies with a set that it
//! keeps for as long as it may. No token is refused while it is valid.

use super::holder::Holder;
use crate::project::{PATIENCE, Project, show};
use keywheel::rotation::phase::Phase;
use keywheel_contract::{Issuer as _, Tag};
use keywheel_provider_jwt::{JwtKeyIssuer, JwtKeyOptions};
use keywheel_test_servers::jwks::{PyJwt, served};
use keywheel_test_servers::serve::Served;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ID: &str = "test/signer";
const KEY: &str = "key.pem";
const KID: &str = "kid";
/// What a person called the key before keywheel.
const OLD_KID: &str = "signer-2024";
/// Seconds. The verifier keeps the set a little shorter than we say it may.
const CACHE: f64 = 1.5;
const TOKEN_LIFE: u32 = 3;
const LIFE: Duration = Duration::from_secs(TOKEN_LIFE as u64);
/// `cache_time`, and `token_life` with what clocks may differ.
const TIMES: &str = "cache_time = \"2s\", token_life = \"4s\"";

struct Scene {
    project: Project,
    web: Served,
    signer: Arc<Holder>,
    old: String,
}

impl Scene {
    /// A service that signs with a key which a person named.
    async fn set() -> Self {
        let project = Project::new();
        project.write("web/jwks.json", "{\"keys\": [], \"x-owner\": \"the team\"}");
        let old = in_use(&project).await;
        let web = served(project.path("web/jwks.json")).await;
        let files = [(KEY, old.as_str()), (KID, OLD_KID)];
        let signer = Holder::start(&project, "signer", &files, KEY).await;
        project.secrets(&format!(
            "[secrets.signer]\ntiming = {{ overlap = \"4s\" }}\n\
             issuer = {{ kind = \"jwt-key\", algorithm = \"ES256\", jwks_file = \"web/jwks.json\",\n  \
             jwks_url = \"{}/jwks.json\", {TIMES} }}\n\
             publish_to = [{{ store = \"files\", path = \"signer\",\n  \
             fields = {{ \"{KEY}\" = \"{{private_key}}\", {KID} = \"{{kid}}\" }} }}]\n\
             [secrets.signer.consumers.app]\n{}",
            web.address,
            signer.lines()
        ));
        project.prepared();
        Self {
            project,
            web,
            signer,
            old,
        }
    }

    fn url(&self) -> String {
        format!("{}/jwks.json", self.web.address)
    }

    /// `kid` of every key that verifiers see.
    fn kids(&self) -> Vec<String> {
        let set: serde_json::Value =
            serde_json::from_str(&self.project.read("web/jwks.json")).unwrap();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    fn published(&self, file: &str) -> String {
        self.project
            .read(&format!("published/signer/current/{file}"))
    }

    /// The set holds the new key and nothing of ours besides; nothing leaked.
    fn is_rotated(&self) {
        assert_eq!(self.kids(), [self.published(KID)]);
        let set = self.project.read("web/jwks.json");
        assert!(
            set.contains("\"x-owner\": \"the team\"") && !set.contains("keywheel"),
            "{set}"
        );
        let secret = |key: &str| key.lines().nth(1).unwrap().to_owned();
        let secrets = [secret(&self.old), secret(&self.published(KEY))];
        let leaks = self.project.leaks(&[&secrets[0], &secrets[1]]);
        assert_eq!(leaks, Vec::<String>::new());
        self.project.run(&["audit", "verify"]).succeeded();
    }
}

/// Puts a key into the set under a name of a person's, and answers with its private half.
async fn in_use(project: &Project) -> String {
    let options = serde_json::json!({
        "algorithm": "ES256", "jwks_file": "web/jwks.json", "cache_time": "0s", "token_life": "0s",
    });
    let options: JwtKeyOptions = serde_json::from_value(options).unwrap();
    let issuer = JwtKeyIssuer::new(&options, project.folder()).unwrap();
    let made = issuer.propose(None).await.unwrap();
    issuer.apply(&Tag::new("example"), &made).await.unwrap();
    let set = project.read("web/jwks.json");
    project.write("web/jwks.json", &set.replace(made.id.as_str(), OLD_KID));
    let key = made.fields.field("private_key").unwrap();
    key.expose_secret_str().unwrap().to_owned()
}

/// What became of the tokens.
#[derive(Default)]
struct Told {
    /// How often a token was verified: each when it is new, again and again, and when it is old.
    verified: usize,
    tokens: usize,
    refused: Vec<String>,
    kids: Vec<String>,
}

/// Signs and verifies without a pause.
struct Traffic {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Told>,
}

impl Traffic {
    fn of(scene: &Scene, mut pyjwt: PyJwt) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (signer, stopped) = (Arc::clone(&scene.signer), Arc::clone(&stop));
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::spawn(move || {
            let (mut told, mut valid) = (Told::default(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let held = runtime.block_on(signer.held());
                let token = pyjwt.sign(&held[KEY], &held[KID], "ES256", TOKEN_LIFE);
                told.kids.push(held[KID].clone());
                drop(held);
                valid.push((Instant::now(), token.unwrap()));
                told.tokens += 1;
                let is_valid = |signed: &Instant| signed.elapsed() < LIFE;
                valid.retain(|(signed, _)| is_valid(signed));
                let oldest_and_newest = valid.first().into_iter().chain(valid.last());
                for (signed, token) in oldest_and_newest {
                    let answer = pyjwt.verify(token);
                    // PyJWT counts in whole seconds; and one that ran out meanwhile says nothing.
                    let ran_out = answer == Err("Signature has expired".to_owned());
                    if is_valid(signed) && !ran_out {
                        told.verified += 1;
                        told.refused.extend(answer.err());
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            told.kids.dedup();
            told
        });
        Self { stop, thread }
    }

    async fn stopped(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(|| self.thread.join().unwrap())
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_valid_token_is_refused_while_the_key_is_rotated() {
    let scene = Scene::set().await;
    let Some(pyjwt) = PyJwt::start(&scene.url(), CACHE) else {
        return;
    };
    let traffic = Traffic::of(&scene, pyjwt);
    let daemon = scene.project.daemon();
    for _ in 0..2 {
        scene.project.rotated_again(ID).await;
    }
    daemon.stop();
    let told = traffic.stopped().await;
    assert_eq!(told.refused, Vec::<String>::new());
    assert_eq!(told.kids.len(), 3, "{:?}", told.kids);
    show(format!(
        "tokens signed during 2 rotations of their key: {}, verified {} times, refused: 0",
        told.tokens, told.verified
    ));
    scene.is_rotated();
    let mut pyjwt = PyJwt::start(&scene.url(), CACHE).unwrap();
    let of_old = pyjwt.sign(&scene.old, OLD_KID, "ES256", 60).unwrap();
    assert_eq!(pyjwt.verify(&of_old), Err("no such key".to_owned()));
    let (key, kid) = (scene.published(KEY), scene.published(KID));
    let of_new = pyjwt.sign(&key, &kid, "ES256", 60).unwrap();
    assert_eq!(pyjwt.verify(&of_new), Ok("example".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_valid_token_is_refused_while_the_way_back_is_taken() {
    let scene = Scene::set().await;
    let Some(pyjwt) = PyJwt::start(&scene.url(), CACHE) else {
        return;
    };
    let traffic = Traffic::of(&scene, pyjwt);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Overlapping).await;
    // Some tokens of the new key.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let back = ["rollback", ID, "--reason", "example"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    daemon.stop();
    let told = traffic.stopped().await;
    assert_eq!(told.refused, Vec::<String>::new());
    assert_eq!(told.kids.len(), 3, "there and back: {:?}", told.kids);
    assert_eq!(scene.kids(), [OLD_KID]);
    assert_eq!(scene.published(KEY), scene.old);
}

// The service answers while this waits for processes.
#[tokio::test(flavor = "multi_thread")]
async fn dying_between_the_change_and_its_record_leaves_one_key() {
    for place in [
        "apply:*:applied",
        "disable_credential:*:applied",
        "revoke:*:applied",
    ] {
        let scene = Scene::set().await;
        let dying = ["--lease-ms", "3000", "--die-at", place];
        let mut daemon = scene.project.daemon_with(&dying);
        scene.project.run(&["rotate-now", ID]).succeeded();
        daemon.ended_within(PATIENCE);
        let daemon = scene.project.daemon();
        scene.project.until_completed(ID).await;
        daemon.stop();
        scene.is_rotated();
    }
}
