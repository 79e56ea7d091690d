//! Seal keys that are missing, exposed, damaged or another journal's, in the middle of a rotation.

use crate::project::scene::ID;
use crate::project::{Project, Scene};
use keywheel::rotation::phase::Phase;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

type Spoil = fn(&Project);

fn key(project: &Project) -> std::path::PathBuf {
    project.path("seal.key")
}

const SPOILT: [(&str, Spoil, &[&str]); 6] = [
    (
        "missing",
        |p| fs::remove_file(key(p)).unwrap(),
        &["seal.key is missing", "put the copy back"],
    ),
    (
        "a folder",
        |p| {
            fs::remove_file(key(p)).unwrap();
            fs::create_dir(key(p)).unwrap();
            fs::set_permissions(key(p), Permissions::from_mode(0o700)).unwrap();
        },
        &["seal.key cannot be used"],
    ),
    (
        "readable by others",
        |p| fs::set_permissions(key(p), Permissions::from_mode(0o644)).unwrap(),
        &["readable by others (mode 0644)", "chmod 600"],
    ),
    (
        "another's",
        |p| {
            let other = Project::new();
            other.runs(&[&["init", "--bare"]]);
            fs::write(key(p), other.read("seal.key")).unwrap();
        },
        &[
            "does not belong to this journal",
            "point `seal.key_file` at the right file",
        ],
    ),
    (
        "empty",
        |p| fs::write(key(p), "").unwrap(),
        &["a seal key or the fingerprint key is missing"],
    ),
    (
        "cut short",
        |p| fs::write(key(p), "seal k1 ZXhhbXBsZQ==\n").unwrap(),
        &["line 1: the key is not 32 bytes"],
    ),
];

#[tokio::test]
async fn a_spoilt_seal_key_ends_nothing_and_the_right_one_goes_on() {
    let mut scene = Scene::late();
    let project = &scene.project;
    let daemon = project.daemon();
    scene.rotate();
    project.until_waits(ID, Phase::Verifying, "app").await;
    daemon.stop();
    let text = project.read("seal.key");
    for (name, spoil, words) in SPOILT {
        spoil(project);
        let ran = project.run(&["daemon"]).ended(78).says(words);
        let keys: Vec<&str> = text
            .split_whitespace()
            .filter(|word| word.len() > 40)
            .collect();
        assert!(
            keys.len() == 2 && keys.iter().all(|key| !ran.stderr.contains(key)),
            "{name}"
        );
        put_back(project, &text);
    }
    scene.both_work();
    let daemon = scene.project.daemon();
    scene.deploy();
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}

fn put_back(project: &Project, text: &str) {
    if key(project).is_dir() {
        fs::remove_dir(key(project)).unwrap();
    }
    fs::write(key(project), text).unwrap();
    fs::set_permissions(key(project), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn init_never_overwrites_a_key() {
    let project = Project::new();
    project.runs(&[&["init", "--bare"]]);
    let before = project.read("seal.key");
    project.run(&["init", "--bare"]);
    assert_eq!(before, project.read("seal.key"));
    let mode = fs::metadata(key(&project)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
