//! The clock moved by an hour, forward and back, at every step of a rotation: evidence is asked for all the
//! same, nothing is ended early, nothing stands still for good.

use crate::project::scene::ID;
use crate::project::{KEYWHEEL, Scene};
use keywheel::attested::Attested;
use keywheel::clock::{Clock as _, ManualClock};
use keywheel::config::Config;
use keywheel::daemon::Presence;
use keywheel::journal::requests::{self, Request};
use keywheel::journal::{Address, Journal, rotations};
use keywheel::providers::Providers;
use keywheel::quotas::Quotas;
use keywheel::rotation::engine::Engine;
use keywheel::rotation::facts::Pace;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Cause, Mode};
use keywheel::seal::KeyRing;
use keywheel::seam::Seams;
use keywheel_provider_exec::Launcher;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// An engine on the scene's journal whose time is ours.
async fn engine(scene: &Scene, clock: &Arc<ManualClock>) -> Engine {
    let address = Address::Sqlite(scene.project.path("keywheel.db"));
    let journal = Journal::open(address, Arc::clone(clock) as _)
        .await
        .unwrap();
    let config = Config::load(&scene.project.path("keywheel.toml")).unwrap();
    let ring = Arc::new(KeyRing::load(&config.seal.key_file).unwrap());
    let launcher = Launcher {
        shim: vec![KEYWHEEL.into(), "exec-shim".into(), "--".into()],
    };
    let quotas = Arc::new(Quotas::new(journal.clone()));
    let postbox = Arc::new(Attested::new(journal.clone()));
    let fingerprint = Arc::clone(ring.fingerprint());
    let providers = Providers::new(config, fingerprint, launcher, quotas, postbox);
    let presence = Presence::new(&journal, "command").unwrap();
    Engine {
        journal,
        connect: Arc::new(providers),
        ring,
        pace: Pace::short(3_000),
        replica: presence.id().to_owned(),
        host: presence.host().to_owned(),
        seams: Seams::default(),
        crowd: Arc::default(),
    }
}

async fn ask(engine: &Engine) {
    let request = Request {
        id: "example-request".to_owned(),
        secret_id: ID.to_owned(),
        cause: Cause::Manual,
        mode: Mode::Normal,
        credential: "all".to_owned(),
        reason: "example".to_owned(),
        actor: "example".to_owned(),
        accept_outage: false,
        reported_ms: engine.journal.clock().now_ms(),
    };
    let added = async move |tx: &mut keywheel::journal::Tx| requests::add(tx, &request).await;
    engine.journal.write(added).await.unwrap();
    engine.open_requests(1).await.unwrap();
}

/// One turn of work; answers where the rotation is.
async fn turn(engine: &Engine) -> Phase {
    for lease in engine.claim(None, 1).await.unwrap() {
        engine.work(lease).await.unwrap();
    }
    let newest = engine
        .journal
        .read(async |tx| rotations::newest(tx, ID, 1).await);
    newest.await.unwrap()[0].phase
}

/// Jumps by an hour the given way at every turn and comes back at the next.
async fn jumping(first_ms: i64) {
    let mut scene = Scene::with(
        "timing = { overlap = \"30m\", prove_within = \"1d\" }",
        &["--reload-delay", "3600s"],
    );
    let now = keywheel::clock::SystemClock.now_ms();
    let clock = Arc::new(ManualClock::starting_at(now));
    let engine = engine(&scene, &clock).await;
    ask(&engine).await;
    let mut jump = first_ms;
    for _ in 0..40 {
        let phase = turn(&engine).await;
        assert!(
            phase <= Phase::Verifying,
            "{phase}: the consumer was never proven"
        );
        clock.advance(jump + 500);
        jump = -jump;
    }
    assert_eq!(turn(&engine).await, Phase::Verifying);
    scene.both_work();
    scene.deploy();
    for turns in 0.. {
        if turn(&engine).await == Phase::Completed {
            break;
        }
        assert!(turns < 400, "it stands still");
        clock.advance(jump + 60_000);
        jump = -jump;
    }
    scene.only_new_works();
}

#[tokio::test]
async fn an_hour_forward_and_back() {
    jumping(HOUR_MS).await;
}

#[tokio::test]
async fn an_hour_back_and_forward() {
    jumping(-HOUR_MS).await;
}
