//! A change outlives a restart of the server, or is not made.

use crate::rig::Rig;
use keywheel_contract::{CredentialState, ErrorKind, Issuer as _, Tag};
use keywheel_test_servers::redis::Keeps;
use keywheel_test_servers::relay::Relay;

#[tokio::test]
async fn both_ends_of_a_rotation_outlive_a_restart() {
    for keeps in [Keeps::AclFile, Keeps::Configuration] {
        let Some(mut rig) = Rig::new(keeps).await else {
            return;
        };
        let (old, new) = (rig.old().await, rig.renewed().await);
        rig.server.kill();
        rig.server.restart().await;
        assert!(rig.accepts(&old) && rig.accepts(&new), "{keeps:?}");
        rig.issuer.revoke(&old.id).await.unwrap();
        rig.server.kill();
        rig.server.restart().await;
        assert!(!rig.accepts(&old) && rig.accepts(&new), "{keeps:?}");
    }
}

#[tokio::test]
async fn what_a_restart_would_lose_is_not_begun() {
    let Some(rig) = Rig::new(Keeps::Nothing).await else {
        return;
    };
    let proposed = rig.issuer.propose(None).await.unwrap();
    let error = rig
        .issuer
        .apply(&Tag::new("example"), &proposed)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("`aclfile`"), "{error}");
    assert!(!rig.accepts(&proposed));
    assert_eq!(rig.passwords(), 1);
}

#[tokio::test]
async fn a_removal_by_somebody_else_is_saved_too() {
    let Some(mut rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let (old, new) = (rig.old().await, rig.renewed().await);
    rig.server
        .root(&["ACL", "SETUSER", "app", "<example-before-keywheel"]);
    rig.issuer.revoke(&old.id).await.unwrap();
    rig.server.kill();
    rig.server.restart().await;
    assert!(!rig.accepts(&old) && rig.accepts(&new));
}

/// Saving works just before the change, and no more within it.
#[tokio::test]
async fn a_change_that_cannot_be_saved_is_undone_in_either_direction() {
    let Some(mut rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.another(relay.address, "");
    let (old, new) = (rig.old().await, rig.renewed().await);
    let proposed = issuer.propose(None).await.unwrap();
    for adds in [true, false] {
        relay.hold_first(|message| message.windows(5).any(|word| word == b"MULTI"));
        let tag = Tag::new("example");
        let change = async {
            match adds {
                true => issuer.apply(&tag, &proposed).await,
                false => issuer.revoke(&old.id).await,
            }
        };
        let meanwhile = async {
            relay.holds().await;
            rig.server.refuse_to_save();
            relay.let_go();
        };
        let (changed, ()) = tokio::join!(change, meanwhile);
        rig.server.save_again();
        let error = changed.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        assert!(rig.accepts(&old) && rig.accepts(&new) && !rig.accepts(&proposed));
        assert_eq!(rig.passwords(), 2);
    }
    issuer.revoke(&old.id).await.unwrap();
    rig.server.kill();
    rig.server.restart().await;
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(issuer.state(&old.id).await, Ok(CredentialState::Absent));
}
