//! One role in place: the old password dies at once, and the way back sets it again.

use crate::rig::{OLD, Rig, credential, servers};
use keywheel_contract::{CredentialState, ErrorKind, Issuer as _, Style, Tag};

#[tokio::test]
async fn the_old_password_dies_and_can_be_set_again() {
    for server in servers() {
        let rig = Rig::with(server, "sole", "role = 'sole_a'").await;
        assert_eq!(rig.issuer.capabilities().style, Style::InPlace);
        let old = rig.old();
        let new = rig.rotate(&old.id, "keywheel-r1-1").await;
        assert!(rig.lets_in(&new).await && !rig.lets_in(&old).await);
        assert_eq!(
            rig.issuer.state(&old.id).await.unwrap(),
            CredentialState::Absent
        );
        for attempt in 1..3 {
            let tag = Tag::new(format!("keywheel-r1-{attempt}"));
            rig.issuer.apply(&tag, &old).await.unwrap();
            assert!(rig.lets_in(&old).await && !rig.lets_in(&new).await);
        }
        let late = rig.issuer.apply(&Tag::new("keywheel-r1-3"), &new).await;
        assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
        assert!(rig.lets_in(&old).await);
        assert_eq!(
            rig.issuer.revoke(&old.id).await.unwrap_err().kind,
            ErrorKind::Invalid
        );
    }
}

/// Going back before the new value arrived shuts it out.
#[tokio::test]
async fn going_back_overtakes_a_late_value() {
    for server in servers() {
        let rig = Rig::with(server, "overtaken", "role = 'overtaken_a'").await;
        let old = rig.old();
        let late = rig.issuer.propose(Some(&old.id)).await.unwrap();
        rig.issuer
            .apply(&Tag::new("keywheel-r1-1"), &old)
            .await
            .unwrap();
        let arrived = rig.issuer.apply(&Tag::new("keywheel-r1-1"), &late).await;
        assert_eq!(
            arrived.unwrap_err().kind,
            ErrorKind::Conflict { seen: None }
        );
        assert!(rig.lets_in(&old).await);
    }
}

/// A password from before keywheel may be anything that a person can type.
#[tokio::test]
async fn a_password_beyond_ascii_is_set_again_as_clients_send_it() {
    for server in servers() {
        let rig = Rig::with(server, "typed", "role = 'typed_a'").await;
        let typed = "Beispiel-Ünïcode \u{212b}\u{2168} 'x' \\";
        let old = credential("typed_a/0", "typed_a", typed);
        let new = rig.rotate(&old.id, "keywheel-r1-1").await;
        rig.issuer
            .apply(&Tag::new("keywheel-r1-1"), &old)
            .await
            .unwrap();
        assert!(rig.lets_in(&old).await && !rig.lets_in(&new).await);
        assert!(!server.psql_lets_in("typed_a", OLD).await);
    }
}
