//! The life of a key: beside the old one, alone, gone; with `ssh` and `git` as witnesses.

use crate::rig::{Rig, text};
use keywheel_contract::{CredentialState, Issuer as _, Liveness, Tag};
use keywheel_test_servers::sshd::Sshd;
use std::path::Path;
use std::process::Command;

#[tokio::test]
async fn old_and_new_work_side_by_side_until_the_old_one_is_ended() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let (old, new) = (rig.renewed_as("one").await, rig.renewed_as("two").await);
    assert!(rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Alive));
    let before = rig.server.keys();
    rig.issuer.disable(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert_eq!(
        rig.issuer.state(&old.id).await,
        Ok(CredentialState::Disabled)
    );
    rig.issuer.enable(&old).await.unwrap();
    assert_eq!(rig.server.keys(), before);
    assert!(rig.accepts(&old));
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.find(&Tag::new("one")).await, Ok(Vec::new()));
    assert_eq!(rig.issuer.find(&Tag::new("two")).await, Ok(vec![new.id]));
}

#[tokio::test]
async fn git_clones_with_the_new_key_and_not_with_the_old_one() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(folder.path());
    let (old, new) = (rig.renewed().await, rig.renewed().await);
    rig.issuer.disable(&old.id).await.unwrap();
    let clone = rig.server.cloned(&repository, text(&new)).unwrap();
    assert_eq!(
        std::fs::read_to_string(clone.join("file")).unwrap(),
        "example\n"
    );
    let refused = rig.server.cloned(&repository, text(&old)).unwrap_err();
    assert!(
        refused.contains("Permission denied (publickey)"),
        "{refused}"
    );
}

fn repository(folder: &Path) -> std::path::PathBuf {
    std::fs::write(folder.join("file"), "example\n").unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "file"],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example",
            "commit",
            "--quiet",
            "-m",
            "a",
        ],
    ] {
        let git = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(git.unwrap().success());
    }
    folder.to_owned()
}

#[tokio::test]
async fn a_new_line_has_the_options_that_were_asked_for() {
    let Some(server) = Sshd::start().await else {
        return;
    };
    let options = "restrict,command=\"echo let in\"";
    let rig = Rig::with(server, &format!("line_options = '{options}'"));
    let new = rig.renewed_as("example-tag").await;
    let line = rig.server.keys();
    assert!(
        line.starts_with(&format!("{options} ssh-ed25519 ")) && line.ends_with(" example-tag\n")
    );
    assert!(rig.accepts(&new));
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn two_who_change_the_file_at_once_lose_nothing() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let rig = std::sync::Arc::new(rig);
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..12 {
        let rig = std::sync::Arc::clone(&rig);
        writers.spawn(async move { rig.renewed_as(&format!("tag-{number}")).await.id });
    }
    let made = writers.join_all().await;
    assert_eq!(rig.server.keys().lines().count(), made.len());
    for id in made {
        assert_eq!(rig.issuer.state(&id).await, Ok(CredentialState::Active));
    }
}
