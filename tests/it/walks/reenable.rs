//! A disabled credential is brought back by a person: also after the undo period, until the first end is decided.

use crate::project::scene::ID;
use crate::project::{PATIENCE, Scene};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Wish;

const REENABLE: [&str; 4] = ["reenable", ID, "--reason", "reports cannot log in"];

#[tokio::test]
async fn before_the_first_end_the_disabled_one_is_brought_back_and_nothing_is_ended() {
    let scene = Scene::with("timing = { undo = \"4s\" }", &[]);
    let daemon = scene.project.daemon();
    scene.rotate();
    let project = &scene.project;
    project.until_waits(ID, Phase::Observing, "undo").await;
    let pause = ["pause", ID, "--reason", "example"];
    project.run(&pause).succeeded();
    project.until_waits(ID, Phase::Revoking, "pause").await;
    assert!(!scene.tokens.accepts(&scene.old), "it is not disabled");
    project
        .run(&REENABLE)
        .succeeded()
        .says(&["the old credential is brought back and nothing is ended by itself"]);
    project.until_waits(ID, Phase::Verifying, "pause").await;
    scene.both_work();
    project.run(&["resume", ID]).succeeded();
    let run = project.until_blocked(ID).await;
    assert!(
        run.question.contains("re-enabled by a person"),
        "{}",
        run.question
    );
    scene.both_work();
    let effects = project.effects(&run).await;
    let ended = effects.iter().find(|effect| effect.kind.is_final());
    assert_eq!(ended, None);
    project.run(&["retry", ID]).succeeded();
    project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}

/// The process dies with the first intent committed and nothing sent: the old one may still live, and is not brought back.
#[tokio::test]
async fn once_an_end_is_decided_it_is_refused_and_says_what_to_do() {
    let scene = Scene::new();
    let dying = ["--lease-ms", "3000", "--die-at", "revoke:*:intended"];
    let mut daemon = scene.project.daemon_with(&dying);
    scene.rotate();
    daemon.ended_within(PATIENCE);
    scene.project.run(&REENABLE).ended(1).says(&[
        "test/token: the old credential is being ended for good",
        "is being ended since",
        "the working value is env:app.env",
        "reload: keywheel notify test/token --consumer app",
        "next: keywheel rotate-now test/token --mode cutover",
    ]);
    let run = scene.project.newest(ID).await.unwrap();
    assert_eq!((run.phase, run.wish), (Phase::Revoking, Wish::None));
    let daemon = scene.project.daemon();
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}
