//! What other people wrote: their keys work on, their lines stay, and the key of theirs that is to be replaced is ended.

use crate::rig::{Rig, generated, private_key};
use keywheel_contract::{Issuer as _, Liveness};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

const THEIRS: &str = "# keys of the team\n\nfrom=\"192.0.2.0/24\" ssh-ed25519 \
                      AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bob@example\n";

#[tokio::test]
async fn the_key_of_a_person_is_ended_and_the_lines_of_others_stay() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    rig.append(THEIRS);
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let old = rig
            .of_a_person(kind, "no-pty,command=\"echo let in\" ")
            .await;
        let (before, new) = (rig.server.keys(), rig.renewed().await);
        assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Alive), "{kind}");
        assert!(rig.accepts(&old));
        rig.issuer.disable(&old.id).await.unwrap();
        assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead), "{kind}");
        assert!(!rig.accepts(&old));
        rig.issuer.enable(&old).await.unwrap();
        assert!(rig.accepts(&old) && rig.server.keys().starts_with(&before));
        rig.issuer.revoke(&old.id).await.unwrap();
        rig.issuer.revoke(&new.id).await.unwrap();
        assert_eq!(rig.server.keys(), THEIRS, "{kind}");
    }
}

#[tokio::test]
async fn mode_and_owner_of_the_file_are_kept() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let file = rig.server.authorized_keys();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only a privileged test can give the file away; another one keeps its own owner.
    drop(std::os::unix::fs::chown(&file, None, Some(12346)));
    let rights = || {
        let seen = std::fs::metadata(&file).unwrap();
        (seen.uid(), seen.gid(), seen.mode())
    };
    let before = rights();
    rig.renewed().await;
    assert_eq!(rights(), before);
}

#[tokio::test]
async fn a_line_that_somebody_took_away_is_not_made_up() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let old = rig.of_a_person("ed25519", "restrict ").await;
    rig.issuer.disable(&old.id).await.unwrap();
    std::fs::write(rig.server.authorized_keys(), "").unwrap();
    let error = rig.issuer.enable(&old).await.unwrap_err();
    assert!(
        error.word() == "not_found" && error.message.contains("put it back"),
        "{error}"
    );
    assert_eq!(rig.server.keys(), "");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_nobodys() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (private, _) = generated(folder.path(), "ed25519");
    let identified = rig.issuer.identify(&private_key(&private)).await;
    assert_eq!(identified, Ok(None));
}
