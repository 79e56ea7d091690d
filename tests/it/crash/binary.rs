//! The real program, killed by SIGKILL once at every seam that a rotation passes, and started again: with a real
//! store, a real issuer process and a consumer process; the issuer's own list is held against the journal.

use crate::project::scene::{FILE, ID};
use crate::project::{Scene, show};
use keywheel::journal::ledger;
use keywheel::rotation::facts::Effect;
use keywheel::rotation::words::{Kind, Status};
use keywheel::seam::{Seam, WINDOWS};
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Projects side by side: each mostly waits for processes.
const SIDE_BY_SIDE: usize = 4;
/// Leases as short as the issuer's program allows.
const SHORT: [&str; 2] = ["--lease-ms", "3000"];

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_anywhere_completes_after_a_restart() {
    let started = Instant::now();
    let names = rehearse().await;
    let (count, queue) = (names.len(), Mutex::new(names));
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(name) = queue.lock().unwrap().pop() else {
                        break;
                    };
                    runtime.block_on(killed_at(&name));
                }
            });
        }
    });
    show(format!(
        "crash sweep of the program: {count} kills, {} s, every rotation completed",
        started.elapsed().as_secs()
    ));
}

/// One rotation without a death; the seams around its effects, and the others.
async fn rehearse() -> Vec<String> {
    let scene = Scene::new();
    let daemon = scene.project.daemon_with(&SHORT);
    scene.rotate();
    let run = scene.project.until_completed(ID).await;
    let kinds: BTreeSet<Kind> = scene
        .project
        .effects(&run)
        .await
        .iter()
        .map(|effect| effect.kind)
        .collect();
    daemon.stop();
    let wanted = [Kind::Mint, Kind::Publish, Kind::Notify, Kind::Revoke];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    let around = kinds.into_iter().flat_map(|kind| {
        WINDOWS.map(|window| {
            let target = "*".to_owned();
            Seam::Effect {
                kind,
                target,
                window,
            }
            .name()
        })
    });
    let others = [
        Seam::Leased,
        Seam::Claiming,
        Seam::Claimed,
        Seam::Sequencing,
        Seam::Sequenced,
    ];
    around.chain(others.map(|seam| seam.name())).collect()
}

async fn killed_at(name: &str) {
    let scene = Scene::new();
    let mut arguments = SHORT.to_vec();
    arguments.extend(["--die-at", name]);
    // Queued, as there is no daemon yet.
    let asked = ["rotate-now", ID, "--reason", "example"];
    scene.project.run(&asked).ended(3);
    let mut daemon = scene.project.daemon_unchecked(&arguments);
    let status = daemon.ended_within(Duration::from_secs(40));
    assert_eq!(status.signal(), Some(9), "{name}: {}", daemon.log());
    let daemon = scene.project.daemon_with(&SHORT);
    let run = scene.project.until_completed(ID).await;
    let effects = scene.project.effects(&run).await;
    daemon.stop();
    scene.only_new_works();
    agree(name, &scene, &effects);
    assert_recorded(name, &scene).await;
    scene.project.run(&["audit", "verify"]).succeeded();
}

/// As many tokens were made as the journal knows of, and no effect is left open.
fn agree(name: &str, scene: &Scene, effects: &[Effect]) {
    let made = |effect: &&Effect| {
        effect.kind == Kind::Mint && matches!(effect.status, Status::Applied | Status::Orphaned)
    };
    let (tokens, _) = scene.tokens.count();
    assert_eq!(tokens, 1 + effects.iter().filter(made).count(), "{name}");
    for effect in effects {
        let open = matches!(effect.status, Status::Intent | Status::Pending);
        assert!(!open, "{name}: {} has no outcome", effect.kind.word());
    }
}

/// The credential in use by the journal is the one that the issuer honours.
async fn assert_recorded(name: &str, scene: &Scene) {
    let journal = scene.project.journal().await;
    let read = journal.read(async |tx| ledger::credentials(tx, ID).await);
    let known = read.await.unwrap();
    let current: Vec<&str> = known
        .iter()
        .filter(|row| row.state == "current")
        .filter_map(|row| row.issuer_ref.as_deref())
        .collect();
    let text = scene.project.read("tokens.json");
    let tokens: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let active: Vec<&str> = tokens
        .iter()
        .filter(|token| token["state"] == "active")
        .filter_map(|token| token["id"].as_str())
        .collect();
    assert_eq!(current, active, "{name}: {FILE}");
}
