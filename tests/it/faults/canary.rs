//! A value planted before and the value made after are looked for everywhere, in every spelling.

use crate::project::Scene;
use crate::project::canary::{ChildWatch, found_in, spellings};
use crate::project::scene::ID;

#[test]
fn every_spelling_is_found() {
    let value = "example/+canary \"ü\\x:1f9";
    for (name, spelling) in spellings(value) {
        let around = [b"before ", &spelling[..], b" after"].concat();
        assert!(found_in(&around, value).contains(&name), "{name}");
    }
    use base64::Engine as _;
    for before in ["", "a", "ab", "abc"] {
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(format!("{before}{value}behind"));
        assert!(
            !found_in(encoded.as_bytes(), value).is_empty(),
            "behind {before:?}"
        );
    }
    assert!(found_in(b"an example canary that is another value", value).is_empty());
}

#[tokio::test]
async fn no_value_leaves_the_stores() {
    let mut scene = Scene::late();
    let daemon = scene.project.daemon_with(&["--lease-ms", "3000"]);
    let watch = ChildWatch::of(&daemon);
    scene.rotate();
    scene
        .project
        .until_waits(ID, keywheel::rotation::phase::Phase::Verifying, "app")
        .await;
    let (old, new) = (scene.old.clone(), scene.published());
    let values = [old.as_str(), new.as_str()];
    scene.project.run(&["status"]).succeeded();
    // In the middle: sealed values lie in the journal and its log.
    assert!(scene.project.path("keywheel.db-wal").exists());
    assert_eq!(scene.project.leaks(&values), Vec::<String>::new());
    scene.deploy();
    scene.project.until_completed(ID).await;
    for command in [&["status"][..], &["audit", "list"], &["inventory", "diff"]] {
        scene.project.run(command);
    }
    let (seen, leaks) = watch.leaks(&values);
    assert!(seen > 2, "no child was seen");
    assert_eq!(leaks, Vec::<String>::new());
    assert_eq!(scene.project.leaks(&values), Vec::<String>::new());
    daemon.stop();
    scene.project.close().await;
    assert_eq!(scene.project.leaks(&values), Vec::<String>::new());
    nothing_sealed(&scene).await;
}

/// What was sealed for the rotation is gone, and so is its key.
async fn nothing_sealed(scene: &Scene) {
    let journal = scene.project.journal().await;
    for table in ["sealed", "data_key"] {
        let count = format!("SELECT COUNT(*) AS n FROM {table}");
        let rows = journal
            .read(async move |tx| tx.row(count.clone(), &[]).await)
            .await
            .unwrap();
        assert_eq!(rows.unwrap().int("n").unwrap(), 0, "{table}");
    }
}
