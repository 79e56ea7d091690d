//! Programs that cannot listen: the job of `docs/handshake.md` attests to a real daemon; strangers get nowhere.

use super::document::fence;
use crate::project::{Daemon, Project, Tokens};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_contract::{SecretValue, handshake};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const ID: &str = "test/token";
const DESTINATION: &str = "files:token";

/// A secret in use whose consumer `job` attests, and a daemon that listens.
struct Scene {
    /// Before its folder, in which its log lies.
    daemon: Daemon,
    project: Project,
    tokens: Tokens,
    old: String,
    /// `http://127.0.0.1:PORT`.
    address: String,
}

impl Scene {
    async fn set() -> Self {
        let config = format!("listen = \"127.0.0.1:0\"\n{}", Tokens::config());
        let project = Project::with_config(&config);
        let tokens = Tokens::of(&project);
        project.secrets(&entry(
            "no_consumers = \"the first value is not in use yet\"\n",
        ));
        project.prepared();
        let daemon = project.daemon();
        project.run(&["rotate-now", ID]).succeeded();
        project.until_completed(ID).await;
        let old = std::fs::read_to_string(current(&project)).unwrap();
        project.secrets(&entry(
            "[secrets.token.consumers.job]\nnotify = { none = \"reads it at each start\" }\n\
             verify = { attest = true }\n",
        ));
        project.run(&["inventory", "apply"]).succeeded();
        let address = address(&daemon);
        Self {
            project,
            tokens,
            old,
            daemon,
            address,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let sent = reqwest::Client::new()
            .post(format!("{}{path}", self.address))
            .json(body);
        let answer = sent.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    async fn challenge(&self, own: &Value) -> String {
        let (status, given) = self.post("/v1/attest/challenge", own).await;
        assert_eq!(status, 200, "{given}");
        let challenge = given["challenge"].as_str().unwrap();
        assert_eq!(challenge.len(), 64);
        challenge.to_owned()
    }

    /// Asks for a challenge and answers it with a proof of `value`.
    async fn attest(&self, own: &Value, value: &str) -> u16 {
        let challenge = self.challenge(own).await;
        self.post("/v1/attest", &answer(own, &challenge, value))
            .await
            .0
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let journal = self.project.journal().await;
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let read = journal.read(async move |tx| tx.row(sql.clone(), &[]).await);
        read.await.unwrap().unwrap().int("n").unwrap()
    }
}

fn entry(more: &str) -> String {
    format!(
        "[secrets.token]\n{}\ntiming = {{ proof = \"proven\" }}\n\
         publish_to = [{{ store = \"files\", path = \"token\" }}]\n{more}",
        Tokens::ISSUER
    )
}

fn current(project: &Project) -> PathBuf {
    project.path("published/token/current")
}

fn address(daemon: &Daemon) -> String {
    daemon.until_log("listening");
    let log = daemon.log();
    let (_, after) = log.split_once("127.0.0.1:").expect("an address");
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    format!("http://127.0.0.1:{port}")
}

fn own(id: &str, instance: &str) -> Value {
    json!({ "id": id, "consumer": "job", "instance": instance })
}

fn answer(own: &Value, challenge: &str, value: &str) -> Value {
    let text = |key: &str| own[key].as_str().unwrap();
    let statement = handshake::Statement {
        id: text("id"),
        destination: DESTINATION,
        consumer: text("consumer"),
        instance: text("instance"),
        challenge,
    };
    let proof = handshake::prove(&SecretValue::from(value.to_owned()), &statement);
    json!({
        "id": own["id"], "destination": DESTINATION, "consumer": own["consumer"],
        "instance": own["instance"], "challenge": challenge, "proof": proof,
    })
}

/// Runs the job of the document with that value.
fn job(scene: &Scene, value: &str) {
    let whole = format!("{}\n{}", fence("python"), fence("python attest"));
    scene.project.write("app/job.py", &whole);
    scene.project.write("app/job-value", value);
    let ran = Command::new("python3")
        .arg(scene.project.path("app/job.py"))
        .env_clear()
        .envs([
            ("ID", ID),
            ("DESTINATION", DESTINATION),
            ("CONSUMER", "job"),
            ("INSTANCE", "nightly"),
        ])
        .env("KEYWHEEL", &scene.address)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("SECRET_FILE", scene.project.path("app/job-value"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

/// Runs the job again and again until the rotation is as wished.
async fn job_until(scene: &Scene, value: impl Fn() -> String, phase: Phase) {
    let end = Instant::now() + Duration::from_secs(60);
    while scene.project.newest(ID).await.unwrap().phase != phase {
        assert!(Instant::now() < end, "it did not come to {phase}");
        job(scene, &value());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_job_attests_and_nothing_is_ended_before() {
    let scene = Scene::set().await;
    let project = &scene.project;
    project.run(&["rotate-now", ID]).succeeded();
    project
        .until_waits(ID, Phase::Preflight, "it has not attested since then")
        .await;
    job_until(&scene, || scene.old.clone(), Phase::Verifying).await;
    let new = std::fs::read_to_string(current(project)).unwrap();
    assert_ne!(new, scene.old);
    job(&scene, &scene.old);
    let run = project
        .until_waits(ID, Phase::Verifying, "is on the old credential")
        .await;
    assert!(scene.tokens.accepts(&scene.old) && scene.tokens.accepts(&new));
    for kind in [Kind::DisableCredential, Kind::Revoke] {
        assert!(!project.has_intent(&run, kind).await, "{kind:?}");
    }
    job_until(&scene, || new.clone(), Phase::Completed).await;
    assert!(!scene.tokens.accepts(&scene.old) && scene.tokens.accepts(&new));
    project.run(&["audit", "verify"]).succeeded();
    let leaks = project.leaks(&[&scene.old, &new]);
    assert_eq!(leaks, Vec::<String>::new());
    scene.daemon.stop();
}

#[tokio::test]
async fn what_fits_no_value_neither_proves_nor_holds_up() {
    let scene = Scene::set().await;
    let project = &scene.project;
    project.run(&["rotate-now", ID]).succeeded();
    project
        .until_waits(ID, Phase::Preflight, "it has not attested since then")
        .await;
    let (real, stranger) = (own(ID, "one"), own(ID, "stranger"));
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let run = project.newest(ID).await.unwrap();
        if run.phase == Phase::Completed {
            break;
        }
        assert!(Instant::now() < end, "{:?} {:?}", run.phase, run.waiting);
        let published = std::fs::read_to_string(current(project)).unwrap();
        assert_eq!(scene.attest(&real, &published).await, 202);
        assert_eq!(scene.attest(&stranger, "example-guess").await, 202);
        assert_eq!(scene.attest(&real, "example-guess").await, 202);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!scene.tokens.accepts(&scene.old));
    let rows = project.audit(ID).await;
    assert!(
        rows.iter()
            .all(|row| !row.entry.destination.contains("stranger"))
    );
    scene.daemon.stop();
}

#[tokio::test]
async fn a_challenge_is_good_once_for_one_instance_within_a_minute() {
    let scene = Scene::set().await;
    let one = own(ID, "one");
    let challenge = scene.challenge(&one).await;
    let good = answer(&one, &challenge, &scene.old);
    assert_eq!(scene.post("/v1/attest", &good).await.0, 202);
    assert_eq!(scene.post("/v1/attest", &good).await.0, 409);
    assert_eq!(scene.rows("attestation").await, 1);

    // Shown by somebody else, it is still good for whom it was given to.
    let challenge = scene.challenge(&one).await;
    let other = answer(&own(ID, "two"), &challenge, &scene.old);
    assert_eq!(scene.post("/v1/attest", &other).await.0, 409);
    let good = answer(&one, &challenge, &scene.old);
    assert_eq!(scene.post("/v1/attest", &good).await.0, 202);
    assert_eq!(scene.rows("attestation").await, 2);

    // One of another time, or of one's own making.
    for challenge in ["0".repeat(64), given_later(&scene.challenge(&one).await)] {
        let made_up = answer(&one, &challenge, &scene.old);
        let (status, said) = scene.post("/v1/attest", &made_up).await;
        assert_eq!(status, 409);
        assert!(said["error"].as_str().unwrap().contains("60 seconds"));
    }
    assert_eq!(scene.rows("attestation").await, 2);
    scene.daemon.stop();
}

/// The same with a later time, of which no daemon knows.
fn given_later(challenge: &str) -> String {
    let time = i64::from_str_radix(&challenge[..12], 16).unwrap();
    format!("{:012x}{}", time + 1, &challenge[12..])
}

#[tokio::test]
async fn whoever_asks_for_many_challenges_takes_nobody_elses() {
    let scene = Scene::set().await;
    let stranger = own(ID, "stranger");
    let (mut given, end) = (0, Instant::now() + Duration::from_secs(40));
    while given < 300 {
        assert!(Instant::now() < end, "{given} were given");
        match scene.post("/v1/attest/challenge", &stranger).await.0 {
            200 => given += 1,
            // In turn with everybody else.
            429 => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other}"),
        }
    }
    assert_eq!(scene.rows("challenge").await, 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.attest(&own(ID, "one"), &scene.old).await, 202);
    scene.daemon.stop();
}

#[tokio::test]
async fn nobody_learns_which_secrets_exist_and_nothing_is_kept_for_those_that_do_not() {
    let scene = Scene::set().await;
    let mut told = Vec::new();
    let strangers = [
        own(ID, "one"),
        own("test/nowhere", "one"),
        json!({ "id": ID, "consumer": "nobody", "instance": "one" }),
    ];
    for one in &strangers {
        let (status, given) = scene.post("/v1/attest/challenge", one).await;
        let challenge = given["challenge"].as_str().unwrap().to_owned();
        let keys: Vec<String> = given.as_object().unwrap().keys().cloned().collect();
        let posted = scene
            .post("/v1/attest", &answer(one, &challenge, &scene.old))
            .await;
        let again = scene
            .post("/v1/attest", &answer(one, &challenge, &scene.old))
            .await;
        told.push((status, keys, posted, again));
    }
    assert!(told.iter().all(|one| one == &told[0]), "{told:?}");
    assert_eq!(scene.rows("attestation").await, 1);
    assert_eq!(scene.rows("challenge").await, 3, "each is used up");
    scene.daemon.stop();
}

#[tokio::test]
async fn requests_are_bounded_and_of_one_form() {
    let scene = Scene::set().await;
    let good = answer(&own(ID, "one"), &"0".repeat(64), "example");
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for body in [
        json!({}),
        json!([1]),
        with("id", json!("no-slash")),
        with("proof", json!("0".repeat(63))),
        with("proof", json!("G".repeat(64))),
        with("challenge", json!("")),
        with("instance", json!("")),
        with("instance", json!("a\nb")),
        with("consumer", json!("x".repeat(129))),
        with("destination", json!("x".repeat(1025))),
        with("started_at", json!("yesterday")),
    ] {
        let (status, said) = scene.post("/v1/attest", &body).await;
        assert_eq!(status, 400, "{body}: {said}");
    }
    let (status, _) = scene
        .post("/v1/attest", &with("more", json!("x".repeat(9000))))
        .await;
    assert_eq!(status, 413);
    let client = reqwest::Client::new();
    let url = format!("{}/v1/attest", scene.address);
    let text = client.post(&url).body("{}").send().await.unwrap();
    assert_eq!(text.status().as_u16(), 415);
    assert_eq!(
        client.get(&url).send().await.unwrap().status().as_u16(),
        405
    );
    let many = (0..400).map(|_| client.post(&url).body("{}").send());
    let all = futures_util::future::join_all(many).await;
    let refused = all
        .into_iter()
        .map(Result::unwrap)
        .find(|one| one.status().as_u16() == 429);
    let refused = refused.expect("nobody was told to slow down");
    assert_eq!(refused.headers()["retry-after"], "1");
    scene.daemon.stop();
}

#[tokio::test]
async fn the_address_is_taken_or_the_daemon_does_not_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let project = Project::with_config(&format!("listen = \"{address}\""));
    project.secrets("");
    project.prepared();
    let mut daemon = project.daemon_unchecked(&[]);
    let ended = daemon.ended_within(Duration::from_secs(20));
    assert_eq!(ended.code(), Some(1), "{}", daemon.log());
    assert!(
        daemon.log().contains("listening at the address `listen`"),
        "{}",
        daemon.log()
    );
    let elsewhere = Project::with_config("listen = \"0.0.0.0:7780\"");
    elsewhere.run(&["check"]).says(&["loopback"]);
    let nowhere = Project::new();
    nowhere.secrets(
        "[secrets.a]\nissuer = { kind = \"manual\" }\npublish_to = [{ store = \"files\", path = \"a\" }]\n\
         consumers.job = { notify = { none = \"example\" }, verify = { attest = true } }\n",
    );
    nowhere.run(&["check"]).says(&[
        "the daemon, which listens nowhere",
        "listen = \"127.0.0.1:7780\"",
    ]);
}
