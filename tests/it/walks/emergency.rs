//! Leaks: `cutover` skips the waits and keeps the proof, `contain` ends the old one first, and both take over
//! a rotation that is blocked.

use crate::project::Scene;
use crate::project::scene::ID;
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, Mode};

fn leak(scene: &Scene, mode: &str) {
    let arguments = ["rotate-now", ID, "--mode", mode, "--reason", "example leak"];
    scene.project.run(&arguments).succeeded();
}

#[tokio::test]
async fn cutover_skips_the_waits_and_not_the_proof() {
    let mut scene = Scene::with(
        "timing = { overlap = \"7d\", quiet = \"1d\", undo = \"7d\" }",
        &["--reload-delay", "3600s"],
    );
    let daemon = scene.project.daemon();
    leak(&scene, "cutover");
    scene
        .project
        .until_waits(ID, Phase::Verifying, "app 0/1")
        .await;
    scene.both_work();
    scene.deploy();
    let run = scene.project.until_completed(ID).await;
    scene.only_new_works();
    assert!(run.reported_ms.is_some() && run.refused_ms >= run.reported_ms);
    daemon.stop();
}

#[tokio::test]
async fn contain_ends_the_leaked_one_before_anything_is_made() {
    let mut scene = Scene::late();
    let daemon = scene.project.daemon();
    leak(&scene, "contain");
    scene
        .project
        .until_waits(ID, Phase::Verifying, "app 0/1")
        .await;
    assert!(
        !scene.tokens.accepts(&scene.old),
        "the leaked token still works"
    );
    assert!(scene.tokens.accepts(&scene.published()));
    scene.deploy();
    let run = scene.project.until_completed(ID).await;
    scene.only_new_works();
    let effects = scene.project.effects(&run).await;
    let first = |kind| effects.iter().find(|e| e.kind == kind).unwrap().settled_ms;
    assert!(first(Kind::DisableCredential) <= first(Kind::Mint));
    daemon.stop();
}

#[tokio::test]
async fn an_emergency_takes_over_a_blocked_rotation() {
    let mut scene = Scene::with(
        "timing = { prove_within = \"1s\" }",
        &["--reload-delay", "3600s"],
    );
    let daemon = scene.project.daemon();
    scene.rotate();
    let blocked = scene.project.until_blocked(ID).await;
    assert!(
        blocked.question.contains("is app still in use?"),
        "{}",
        blocked.question
    );
    assert!(
        blocked.question.contains("keywheel retry test/token"),
        "{}",
        blocked.question
    );
    scene.both_work();
    leak(&scene, "contain");
    let run = scene
        .project
        .until(ID, "taken over", |run| run.mode == Mode::Contain)
        .await;
    assert_eq!(run.id, blocked.id, "it is the same rotation");
    scene
        .project
        .until(ID, "refused", |run| run.refused_ms.is_some())
        .await;
    assert!(
        !scene.tokens.accepts(&scene.old),
        "the leaked token still works"
    );
    scene.deploy();
    scene.project.retry(ID).await;
    // The candidate was out when the leak was reported, so that it counts as leaked too.
    let next = |run: &Run| run.id != blocked.id && run.phase == Phase::Verifying;
    scene.project.until(ID, "a rotation of its own", next).await;
    scene.deploy();
    scene.project.retry(ID).await;
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    assert_eq!(scene.tokens.count(), (3, 1));
    daemon.stop();
}
