//! The way back: the old value in every destination, every consumer proven back, the candidate gone.

use crate::project::Scene;
use crate::project::scene::ID;
use keywheel::journal::rotations;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, Wish};

async fn wish(scene: &Scene, wish: Wish) {
    let run = scene.project.newest(ID).await.unwrap();
    let journal = scene.project.journal().await;
    let written =
        journal.write(async move |tx| rotations::wish(tx, &run.id, wish, "example").await);
    written.await.unwrap();
}

#[tokio::test]
async fn rolled_back_is_proven_back() {
    // It reloads at once, so that it holds the candidate when the way back begins.
    let mut scene = Scene::with("timing = { overlap = \"1h\" }", &[]);
    let daemon = scene.project.daemon();
    scene.rotate();
    scene
        .project
        .until_waits(ID, Phase::Overlapping, "overlap")
        .await;
    let candidate = scene.published();
    scene.both_work();
    scene.app.kill();
    wish(&scene, Wish::Rollback).await;
    let waits = |run: &rotations::Run| run.phase == Phase::Restoring && !run.waiting.is_empty();
    let run = scene.project.until(ID, "restoring, waiting", waits).await;
    assert!(
        scene.tokens.accepts(&candidate),
        "ended before the consumer was seen"
    );
    assert!(!scene.project.has_intent(&run, Kind::DestroyCandidate).await);
    scene.app.start_again();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), scene.old);
    assert!(scene.tokens.accepts(&scene.old));
    assert!(
        !scene.tokens.accepts(&candidate),
        "the candidate still works"
    );
    assert_eq!(scene.tokens.count().1, 1);
    daemon.stop();
}

#[tokio::test]
async fn a_rollback_of_a_disabled_one_brings_it_back_first() {
    let scene = Scene::with("timing = { undo = \"1h\" }", &[]);
    let daemon = scene.project.daemon();
    scene.rotate();
    scene
        .project
        .until_waits(ID, Phase::Observing, "undo")
        .await;
    assert!(!scene.tokens.accepts(&scene.old));
    wish(&scene, Wish::Rollback).await;
    let run = scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), scene.old);
    assert!(scene.tokens.accepts(&scene.old));
    let effects = scene.project.effects(&run).await;
    let settled = |kind| effects.iter().find(|e| e.kind == kind).unwrap().settled_ms;
    assert!(settled(Kind::EnableCredential) <= settled(Kind::Republish));
    assert!(settled(Kind::Republish) <= settled(Kind::DestroyCandidate));
    daemon.stop();
}
