//! Two roles in turn: who is let in at each step, who is logged in, and what must fit before anything changes.

use crate::rig::{OLD, Rig, servers, texts};
use keywheel_contract::{CredentialState, ErrorKind, Issuer as _, Liveness};

#[tokio::test]
async fn both_are_let_in_until_the_old_one_is_ended() {
    for server in servers() {
        let rig = Rig::new(server, "both").await;
        let old = rig.old();
        assert_eq!(
            rig.issuer.identify(&old.fields).await.unwrap(),
            Some(old.id.clone())
        );
        let new = rig.rotate(&old.id, "keywheel-r1-1").await;
        assert!(rig.lets_in(&old).await && rig.lets_in(&new).await);
        assert_eq!(texts(&new).0, "both_b");

        rig.issuer.disable(&old.id).await.unwrap();
        assert!(!rig.lets_in(&old).await && rig.lets_in(&new).await);
        let state = rig.issuer.state(&old.id).await.unwrap();
        assert_eq!(state, CredentialState::Disabled);
        rig.issuer.enable(&old).await.unwrap();
        assert!(rig.lets_in(&old).await);

        rig.issuer.revoke(&old.id).await.unwrap();
        assert!(!rig.lets_in(&old).await && rig.lets_in(&new).await);
        let back = rig.issuer.enable(&old).await.unwrap_err();
        assert_eq!(back.kind, ErrorKind::Invalid);

        // The role stays, and its turn comes again.
        let next = rig.rotate(&new.id, "keywheel-r2-1").await;
        assert_eq!(texts(&next).0, "both_a");
        assert!(rig.lets_in(&next).await && !rig.lets_in(&old).await);
        assert_eq!(
            rig.issuer.state(&old.id).await.unwrap(),
            CredentialState::Absent
        );
        // A duty to end the first one, still kept by somebody, harms nobody.
        rig.issuer.disable(&old.id).await.unwrap();
        rig.issuer.revoke(&old.id).await.unwrap();
        assert!(rig.lets_in(&next).await);
    }
}

#[tokio::test]
async fn sessions_are_told_with_address_and_name_and_ended() {
    for server in servers() {
        let rig = Rig::new(server, "open").await;
        let old = rig.old();
        let mut session = server.connect("open_a", OLD).await.unwrap();
        let named = sqlx::raw_sql("SET application_name = 'reports'");
        named.execute(&mut session).await.unwrap();
        let new = rig.rotate(&old.id, "keywheel-r1-1").await;
        let open = rig.issuer.sessions(&old.id).await.unwrap();
        let from: Vec<&str> = open.iter().map(|session| session.from.as_str()).collect();
        assert_eq!(from, ["127.0.0.1 (reports)"]);
        assert_eq!(open[0].address.as_deref(), Some("127.0.0.1"));
        assert_eq!(open[0].application.as_deref(), Some("reports"));

        // It outlives its password.
        rig.issuer.revoke(&old.id).await.unwrap();
        assert!(
            sqlx::raw_sql("SELECT 1")
                .execute(&mut session)
                .await
                .is_ok()
        );
        assert_eq!(rig.issuer.end_sessions(&new.id).await.unwrap(), 0);
        assert_eq!(rig.issuer.end_sessions(&old.id).await.unwrap(), 1);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert!(
            sqlx::raw_sql("SELECT 1")
                .execute(&mut session)
                .await
                .is_err()
        );

        // Sessions of the role's next value are none of the old one's.
        let next = rig.rotate(&new.id, "keywheel-r2-1").await;
        let (user, password) = texts(&next);
        let mut session = server.connect(&user, &password).await.unwrap();
        assert_eq!(rig.issuer.sessions(&old.id).await.unwrap(), []);
        assert_eq!(rig.issuer.end_sessions(&old.id).await.unwrap(), 0);
        assert!(
            sqlx::raw_sql("SELECT 1")
                .execute(&mut session)
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn a_role_whose_turn_it_is_not_is_left_alone() {
    for server in servers() {
        let rig = Rig::new(server, "busy").await;
        let old = rig.old();
        server
            .run("ALTER ROLE busy_b LOGIN PASSWORD 'example-of-somebody-else'")
            .await;
        let session = server.connect("busy_b", "example-of-somebody-else").await;
        let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("127.0.0.1"), "{refused}");
        drop(session);
        server
            .run("ALTER ROLE busy_b VALID UNTIL '2001-01-01'")
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert!(refused.message.contains("VALID UNTIL"), "{refused}");
        assert_eq!(rig.issuer.test(&old).await.unwrap(), Liveness::Alive);
    }
}

#[tokio::test]
async fn a_line_of_the_comment_that_somebody_changed_stops_everything() {
    for server in servers() {
        let rig = Rig::new(server, "spoilt").await;
        server
            .run("COMMENT ON ROLE spoilt_b IS 'ask ml@example.com'")
            .await;
        let new = rig.rotate(&rig.old().id, "keywheel-r1-1").await;
        let asked =
            "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'spoilt_b'";
        let comment: String = rig.ask(asked).await;
        assert!(
            comment.starts_with("ask ml@example.com\nkeywheel: fence=1 "),
            "{comment}"
        );
        assert!(
            comment.ends_with(" state=live tag=keywheel-r1-1"),
            "{comment}"
        );
        server
            .run("COMMENT ON ROLE spoilt_b IS 'keywheel: no more'")
            .await;
        let error = rig.issuer.revoke(&new.id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("spoilt_b"), "{error}");
        assert!(rig.lets_in(&new).await);
    }
}
