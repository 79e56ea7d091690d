//! SIGTERM drains, `kill -9` anywhere loses nothing.

use crate::project::scene::ID;
use crate::project::{PATIENCE, Project, Scene, Tokens};
use keywheel::rotation::phase::Phase;
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

#[tokio::test]
async fn sigterm_lets_a_call_under_way_end_and_leaves_within_15_seconds() {
    let hangs = "#!/bin/sh\nread -r request\ncase $request in *describe*) exec \"$1\" <<E\n$request\nE\n;; *mint*) \
        touch minting; exec sleep 600;; *) exec \"$1\" <<E\n$request\nE\n;; esac\n";
    let issuer = crate::project::tokens_program();
    let project = Project::with_config(&format!(
        "programs.hangs = {{ path = \"hangs\", args = [\"{}\"], deadline = \"10m\" }}",
        issuer.display()
    ));
    project.write("hangs", hangs);
    std::fs::set_permissions(
        project.path("hangs"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    project.secrets(
        "[secrets.token]\nissuer = { kind = \"exec\", program = \"hangs\", config = { path = \"tokens.json\" } }\n\
         publish_to = [{ store = \"env\", path = \"app.env\", field = \"TOKEN\" }]\nno_consumers = \"example\"\n",
    );
    project.prepared();
    let mut daemon = project.daemon_with(&[]);
    project.run(&["rotate-now", ID]).succeeded();
    let end = Instant::now() + PATIENCE;
    while !project.path("minting").exists() {
        assert!(Instant::now() < end, "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    daemon.signal(Signal::TERM);
    let status = daemon.ended_within(Duration::from_secs(16));
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(daemon.log().contains("draining"), "{}", daemon.log());
    let run = project.newest(ID).await.unwrap();
    assert_eq!(run.phase, Phase::Minting, "it waits for the next start");
    // What hung is gone, and the next daemon makes a token after it has looked for the lost one.
    project.write("hangs", &format!("#!/bin/sh\nexec {}\n", issuer.display()));
    let daemon = project.daemon();
    project.until_completed(ID).await;
    assert_eq!(Tokens::of(&project).count(), (1, 1));
    daemon.stop();
}

#[tokio::test]
async fn killed_again_and_again_it_still_completes_once() {
    let scene = Scene::new();
    scene.queue();
    let mut kills = 0_u64;
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < end, "it makes no progress between kills");
        let mut daemon = scene.project.daemon_unchecked(&["--lease-ms", "600"]);
        // Each life is a little longer than the one before, so that every step is cut somewhere.
        std::thread::sleep(Duration::from_millis(60 + 15 * kills));
        daemon.signal(Signal::KILL);
        daemon.ended_within(Duration::from_secs(5));
        kills += 1;
        let run = scene.project.newest(ID).await;
        if run.is_some_and(|run| run.phase == Phase::Completed) {
            break;
        }
    }
    assert!(kills > 3, "only {kills} kills: nothing was tried");
    scene.only_new_works();
    let daemon = scene.project.daemon();
    let rows = scene.project.audit(ID).await;
    assert!(rows.iter().all(|row| row.expected_leaf() == row.leaf));
    assert!(rows.iter().all(|row| row.expected_hash() == row.hash));
    daemon.stop();
}
