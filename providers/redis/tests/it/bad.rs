//! Users that no password helps, admins that may not, servers that hang or are gone.

use crate::rig::Rig;
use keywheel_contract::{ErrorKind, Issuer as _, Liveness, Tag};
use keywheel_test_servers::redis::Keeps;
use keywheel_test_servers::relay::Relay;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_user_that_is_off_is_neither_alive_nor_dead() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let old = rig.old().await;
    let new = rig.renewed().await;
    rig.server.root(&["ACL", "SETUSER", "app", "off"]);
    for error in [
        rig.issuer.propose(None).await.err().unwrap(),
        rig.issuer.test(&old).await.unwrap_err(),
        rig.issuer.enable(&old).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("`app` is off"), "{error}");
    }
    // An ended one is dead all the same.
    rig.issuer.revoke(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    rig.server.root(&["ACL", "SETUSER", "app", "on"]);
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn a_user_that_takes_any_password_is_reported() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let old = rig.old().await;
    rig.server.root(&["ACL", "SETUSER", "app", "nopass"]);
    for error in [
        rig.issuer.propose(None).await.err().unwrap(),
        rig.issuer.test(&old).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("`nopass`"), "{error}");
    }
    // Adding a password would take `nopass` away, and with it everybody's access.
    let applied = rig.issuer.apply(&Tag::new("example"), &old).await;
    assert_eq!(applied.unwrap_err().kind, ErrorKind::Invalid);
    assert!(rig.server.accepts("app", "example-anything"));
}

#[tokio::test]
async fn nobody_is_made_by_the_way() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let old = rig.old().await;
    rig.server.root(&["ACL", "DELUSER", "app"]);
    assert_eq!(
        rig.issuer.propose(None).await.err().unwrap().kind,
        ErrorKind::NotFound
    );
    let applied = rig.issuer.apply(&Tag::new("example"), &old).await;
    assert_eq!(applied.unwrap_err().kind, ErrorKind::NotFound);
    rig.issuer.revoke(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert!(!rig.server.root(&["ACL", "LIST"]).contains("user app"));
}

#[tokio::test]
async fn an_admin_that_may_not_or_is_not_let_in_is_told_so() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let old = rig.old().await;
    rig.server
        .root(&["ACL", "SETUSER", "rotator", "-acl|setuser"]);
    let candidate = rig.issuer.propose(None).await.unwrap();
    let error = rig
        .issuer
        .apply(&Tag::new("example"), &candidate)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("docs/providers/redis.md"), "{error}");
    assert_eq!(rig.passwords(), 1);
    std::fs::write(rig.folder.path().join("admin"), "example-wrong").unwrap();
    let error = rig.issuer.revoke(&old.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(
        error.message.contains("password of `admin` is wrong"),
        "{error}"
    );
    assert!(rig.accepts(&old));
    // It is read at each use, so that a mended file is enough.
    std::fs::write(rig.folder.path().join("admin"), crate::rig::ADMIN).unwrap();
    rig.server
        .root(&["ACL", "SETUSER", "rotator", "+acl|setuser"]);
    rig.issuer
        .apply(&Tag::new("example"), &candidate)
        .await
        .unwrap();
}

#[tokio::test]
async fn replicas_that_would_refuse_the_password_are_told_of() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    rig.server.root(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("is a replica"), "{error}");
    let consented = rig.another(
        rig.server.address(),
        "one_node = 'the others are rotated apart'",
    );
    consented.propose(None).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_one_that_is_gone_is_unknown() {
    let Some(mut rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.another(relay.address, "");
    let new = rig.renewed().await;
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    relay.hang();
    let begun = Instant::now();
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
    let error = issuer.state(&new.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    relay.resume();
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    rig.server.kill();
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Unknown));
    let error = rig.issuer.revoke(&new.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}
