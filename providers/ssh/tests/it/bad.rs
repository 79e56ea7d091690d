//! What goes wrong at the server or with the file, and what is said of it.

use crate::rig::{Rig, issuer, issuer_of};
use keywheel_contract::{Issuer as _, Liveness};
use keywheel_test_servers::sshd::Sshd;

#[tokio::test]
async fn nothing_is_sent_to_a_server_with_another_host_key() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let new = rig.renewed().await;
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let deceived = issuer(&rig.server, other, "");
    let error = deceived.test(&new).await.unwrap_err();
    assert_eq!(error.word(), "unavailable");
    assert!(error.message.contains("is it another server"), "{error}");
    assert!(
        !rig.server.log().contains("publickey"),
        "{}",
        rig.server.log()
    );
}

#[tokio::test]
async fn a_server_that_is_away_says_nothing_about_a_key() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let new = rig.renewed().await;
    let Rig { server, issuer } = rig;
    let keys = server.keys();
    drop(server);
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
    assert!(keys.contains("example-tag"));
}

#[tokio::test]
async fn a_server_that_reads_another_file_is_told() {
    let Some(server) = Sshd::start_with("AuthorizedKeysFile none").await else {
        return;
    };
    let rig = Rig::with(server, "");
    let new = rig.renewed().await;
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert_eq!(error.word(), "invalid");
    assert!(
        error.message.contains("is that the file it reads"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_takes_no_keys_is_told() {
    let more = "PubkeyAuthentication no\nPasswordAuthentication yes";
    let Some(server) = Sshd::start_with(more).await else {
        return;
    };
    let rig = Rig::with(server, "");
    let new = rig.renewed().await;
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert!(
        error.word() == "invalid" && error.message.contains("takes no keys"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_lets_anybody_in_is_told() {
    // A program that prints the very key that it is asked about.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("any-key");
    std::fs::write(&program, "#!/bin/sh\necho \"$1 $2\"\n").unwrap();
    let more = format!(
        "AuthorizedKeysCommand /bin/sh {} %t %k\nAuthorizedKeysCommandUser {}",
        program.display(),
        current_user()
    );
    let Some(server) = Sshd::start_with(&more).await else {
        return;
    };
    let rig = Rig::with(server, "");
    let new = rig.renewed().await;
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert!(error.message.contains("lets anybody in"), "{error}");
}

fn current_user() -> String {
    let told = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_file_that_cannot_be_kept_as_it_is_is_refused_before_anything_changes() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let file = rig.server.authorized_keys();
    let elsewhere = file.with_file_name("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert!(
        error.word() == "not_found" && error.message.contains("create it"),
        "{error}"
    );
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert_eq!(error.word(), "denied", "{error}");
}

#[tokio::test]
async fn a_folder_of_keys_that_is_a_link_is_not_written_into() {
    let home = tempfile::tempdir().unwrap();
    let (own, others) = (home.path().join(".ssh"), home.path().join("others"));
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join("authorized_keys"), "").unwrap();
    std::os::unix::fs::symlink("others", &own).unwrap();
    let issuer = issuer_of(&own.join("authorized_keys"));
    let error = issuer.propose(None).await.err().unwrap();
    assert_eq!(error.word(), "denied", "{error}");
    for words in ["`.ssh`", "symbolic link", "put a plain folder there"] {
        assert!(error.message.contains(words), "{words}: {error}");
    }
    // A plain folder below a home that is itself reached by a link.
    std::fs::remove_file(&own).unwrap();
    std::fs::rename(&others, &own).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("home");
    std::os::unix::fs::symlink(home.path(), &linked).unwrap();
    let issuer = issuer_of(&linked.join(".ssh/authorized_keys"));
    assert!(issuer.propose(None).await.is_ok());
}
