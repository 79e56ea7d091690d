//! A pause stops new forward effects, and nothing else.

use crate::project::Scene;
use crate::project::scene::ID;
use keywheel::journal::{rotations, secrets};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;

async fn pause(scene: &Scene, by: Option<&'static str>) {
    let journal = scene.project.journal().await;
    let paused = async move |tx: &mut keywheel::journal::Tx| {
        secrets::pause(tx, ID, by, "example", None).await?;
        rotations::stir(tx, &[ID]).await
    };
    journal.write(paused).await.unwrap();
}

#[tokio::test]
async fn paused_it_makes_and_ends_nothing_until_it_is_resumed() {
    let mut scene = Scene::late();
    // Asked for first: a paused secret is not begun by hand.
    scene.queue();
    pause(&scene, Some("example")).await;
    let daemon = scene.project.daemon();
    let run = scene
        .project
        .until(ID, "paused", |run| !run.waiting.is_empty())
        .await;
    assert_eq!(run.waiting[0].kind, "pause");
    assert_eq!(run.waiting[0].next_command, format!("keywheel resume {ID}"));
    assert_eq!(scene.tokens.count(), (1, 1), "a token was made");
    pause(&scene, None).await;
    scene
        .project
        .until_waits(ID, Phase::Verifying, "app 0/1")
        .await;
    pause(&scene, Some("example")).await;
    scene
        .project
        .until_waits(ID, Phase::Verifying, "pause")
        .await;
    scene.deploy();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let run = scene
        .project
        .until_waits(ID, Phase::Verifying, "pause")
        .await;
    assert!(
        !scene
            .project
            .has_intent(&run, Kind::DisableCredential)
            .await
    );
    scene.both_work();
    pause(&scene, None).await;
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}
