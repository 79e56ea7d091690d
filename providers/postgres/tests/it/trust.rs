//! A server that lets anybody in proves nothing.

use crate::rig::{Rig, servers};
use keywheel_contract::{ErrorKind, Issuer as _, Liveness};

#[tokio::test]
async fn a_trust_line_is_reported_and_not_passed() {
    for server in servers() {
        let rig = Rig::new(server, "open_door").await;
        let (old, new) = (rig.old(), rig.rotate(&rig.old().id, "keywheel-r1-1").await);
        assert_eq!(rig.issuer.test(&new).await.unwrap(), Liveness::Alive);
        server
            .let_in("host all open_door_b 127.0.0.1/32 trust")
            .await;
        let said = rig.issuer.test(&new).await.unwrap_err();
        assert_eq!(said.kind, ErrorKind::Invalid);
        assert!(said.message.contains("`trust`"), "{said}");
        assert!(rig.issuer.identify(&new.fields).await.is_err());
        assert_eq!(rig.issuer.test(&old).await.unwrap(), Liveness::Alive);
    }
}

/// Refused for want of a line is not refused for the password: it proves nothing either.
#[tokio::test]
async fn a_role_that_no_line_is_about_is_unknown_and_not_dead() {
    for server in servers() {
        let rig = Rig::new(server, "no_line").await;
        server
            .let_in("host all no_line_a 127.0.0.1/32 reject")
            .await;
        let old = rig.old();
        assert_eq!(rig.issuer.test(&old).await.unwrap(), Liveness::Unknown);
        rig.issuer.disable(&old.id).await.unwrap();
        assert_eq!(rig.issuer.test(&old).await.unwrap(), Liveness::Dead);
    }
}
