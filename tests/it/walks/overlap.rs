//! An issuer that keeps old and new side by side: the normal way, and a consumer that goes back.

use crate::project::Scene;
use crate::project::scene::{FILE, ID, KEY};
use keywheel::journal::audit::AuditRow;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;

/// The place of the first row with this action and outcome.
fn seq(rows: &[AuditRow], action: &str, outcome: &str) -> i64 {
    let row = rows
        .iter()
        .find(|row| row.entry.action == action && row.entry.outcome == outcome);
    row.unwrap_or_else(|| panic!("no row {action} {outcome}"))
        .seq
        .unwrap()
}

#[tokio::test]
async fn normal_ends_the_old_one_after_the_proof() {
    let mut scene = Scene::late();
    let daemon = scene.project.daemon();
    scene.rotate();
    scene
        .project
        .until_waits(ID, Phase::Verifying, "app 0/1")
        .await;
    scene.both_work();
    scene.deploy();
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    let rows = scene.project.audit(ID).await;
    assert!(seq(&rows, "mint", "applied") < seq(&rows, "publish", "intent"));
    assert!(seq(&rows, "evidence", "new") < seq(&rows, "disable_credential", "intent"));
    assert!(seq(&rows, "disable_credential", "applied") < seq(&rows, "revoke", "intent"));
    let secret = scene.project.secret(ID).await;
    assert!(secret.last_rotated_ms.is_some() && secret.next_rotation_ms > secret.last_rotated_ms);
    daemon.stop();
}

#[tokio::test]
async fn a_consumer_that_goes_back_in_the_undo_period_brings_the_old_one_back() {
    let mut scene = Scene::with("timing = { undo = \"1h\" }", &[]);
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_phase(ID, Phase::Observing).await;
    assert!(!scene.tokens.accepts(&scene.old), "disabled");
    let published = std::fs::read(scene.project.path(&format!("app/{FILE}"))).unwrap();
    // A deployment rolled back: the consumer starts with the old token.
    scene
        .project
        .write(&format!("app/{FILE}"), &format!("{KEY}={}\n", scene.old));
    scene.deploy();
    std::fs::write(scene.project.path(&format!("app/{FILE}")), &published).unwrap();
    let run = scene
        .project
        .until_waits(ID, Phase::Verifying, "app 0/1")
        .await;
    scene.both_work();
    assert!(!scene.project.has_intent(&run, Kind::Revoke).await);
    scene.deploy();
    scene.project.until_phase(ID, Phase::Observing).await;
    assert!(!scene.tokens.accepts(&scene.old), "disabled again");
    daemon.stop();
}
