//! Journals that are newer, damaged, read-only, out of room, elsewhere, or shared by two daemons.

use crate::project::scene::ID;
use crate::project::{KEYWHEEL, Project, Scene};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use std::fs;
use std::process::Command;

/// A scene whose rotation waits for its consumer, with nobody at work.
async fn waiting() -> Scene {
    let scene = Scene::late();
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_waits(ID, Phase::Verifying, "app").await;
    daemon.stop();
    scene.project.close().await;
    scene
}

/// Nothing was lost: a daemon finishes it.
async fn finishes(mut scene: Scene) {
    scene.both_work();
    let daemon = scene.project.daemon();
    scene.deploy();
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_left_alone() {
    let scene = waiting().await;
    let journal = scene.project.journal().await;
    let set = |version: i64, known: i64| {
        let sql =
            format!("UPDATE _sqlx_migrations SET version = {version} WHERE version = {known}");
        journal.write(async move |tx| tx.run(sql.clone(), &[]).await)
    };
    set(999, 1).await.unwrap();
    for command in ["daemon", "status"] {
        let ran = scene.project.run(&[command]).ended(6);
        ran.says(&[
            "written by a newer keywheel",
            "migration 999",
            "nothing was changed",
        ]);
    }
    set(1, 999).await.unwrap();
    finishes(scene).await;
}

#[tokio::test]
async fn a_damaged_journal_is_said_and_a_copy_put_back_goes_on() {
    let scene = waiting().await;
    let file = scene.project.path("keywheel.db");
    let good = fs::read(&file).unwrap();
    let mut torn = good.clone();
    for page in torn.chunks_mut(4096).skip(1) {
        page.fill(0xA5);
    }
    for damaged in [
        torn,
        b"these are not the bytes of a database, whatever they are".repeat(100),
    ] {
        fs::write(&file, &damaged).unwrap();
        for command in ["daemon", "status"] {
            let ran = scene.project.run(&[command]).ended(6);
            ran.says(&["is damaged", "restore a backup"]);
        }
        assert_eq!(
            fs::read(&file).unwrap(),
            damaged,
            "the damaged file is kept as it is"
        );
        for beside in ["keywheel.db-wal", "keywheel.db-shm"] {
            drop(fs::remove_file(scene.project.path(beside)));
        }
    }
    fs::write(&file, good).unwrap();
    finishes(scene).await;
}

#[tokio::test]
async fn a_read_only_journal_is_said() {
    let scene = waiting().await;
    let project = &scene.project;
    let mut command = project.command(&["daemon"]);
    as_somebody_who_may_only_read(project, &mut command);
    let mut daemon = project.daemon_by(command);
    let status = daemon.ended_within(crate::project::PATIENCE);
    assert_eq!(status.code(), Some(6), "{}", daemon.log());
    assert!(
        daemon.log().contains("cannot be written"),
        "{}",
        daemon.log()
    );
    assert!(
        daemon.log().contains("every old credential still works"),
        "{}",
        daemon.log()
    );
    drop(daemon);
    let restored = Command::new("chmod")
        .arg("-R")
        .arg("u+w")
        .arg(project.folder())
        .status();
    assert!(restored.unwrap().success());
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(project.path("seal.key"), Some(0), Some(0)).unwrap();
    }
    finishes(scene).await;
}

/// Permissions do not bind root, who therefore lets nobody do it.
fn as_somebody_who_may_only_read(project: &Project, command: &mut Command) {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    if rustix::process::getuid().is_root() {
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(project.folder(), readable).unwrap();
        fs::set_permissions(
            project.path("keywheel.db"),
            fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        std::os::unix::fs::chown(project.path("seal.key"), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    } else {
        fs::set_permissions(
            project.path("keywheel.db"),
            fs::Permissions::from_mode(0o444),
        )
        .unwrap();
        fs::set_permissions(project.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    }
}

#[tokio::test]
async fn a_disk_without_room_stops_everything_and_room_goes_on() {
    let scene = waiting().await;
    let project = &scene.project;
    // No file may grow beyond the journal as it is: what a full disk does, without one.
    let blocks = fs::metadata(project.path("keywheel.db")).unwrap().len() / 512;
    let mut command = project.command(&[]);
    let limited = format!(
        "trap '' XFSZ; ulimit -f {}; exec {KEYWHEEL} daemon --lease-ms 3000",
        blocks.min(64)
    );
    command = {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &limited])
            .current_dir(project.folder())
            .env_clear();
        shell.envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        shell
    };
    let daemon = project.daemon_by(command);
    daemon.until_log("the journal");
    let log = daemon.log();
    daemon.kill();
    assert!(log.contains("every old credential still works"), "{log}");
    finishes(scene).await;
}

#[test]
fn the_wrong_folder_makes_nothing() {
    let project = Project::new();
    let empty = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], folder: &std::path::Path| {
        let mut command = Command::new(KEYWHEEL);
        command.args(arguments).current_dir(folder).env_clear();
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for command in ["status", "daemon"] {
        let (code, said) = run(&[command], empty.path());
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("keywheel.toml"), "{said}");
        let (code, said) = run(&[command], project.folder());
        assert_eq!(code, Some(6), "{said}");
        assert!(
            said.contains("there is no journal at") && said.contains("keywheel init"),
            "{said}"
        );
    }
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
    assert!(!project.path("keywheel.db").exists());
}

#[tokio::test]
async fn two_daemons_share_a_journal_and_one_may_die() {
    let mut scene = Scene::late();
    let first = scene.project.daemon();
    let second = scene.project.daemon();
    scene.rotate();
    scene.project.until_waits(ID, Phase::Verifying, "app").await;
    first.kill();
    scene.deploy();
    let run = scene.project.until_completed(ID).await;
    scene.only_new_works();
    let effects = scene.project.effects(&run).await;
    for kind in [
        Kind::Mint,
        Kind::Publish,
        Kind::DisableCredential,
        Kind::Revoke,
    ] {
        let count = effects.iter().filter(|effect| effect.kind == kind).count();
        assert_eq!(count, 1, "{}", kind.word());
    }
    assert_eq!(scene.tokens.count().0, 2);
    second.stop();
}
