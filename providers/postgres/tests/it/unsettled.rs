//! Roles that are not as keywheel left them, and an admin's session that somebody else would lead elsewhere.

use crate::rig::{OLD, Rig, servers, texts};
use keywheel_contract::{ErrorKind, Issuer as _, Tag};

/// Whoever may create functions where the admin's session would look first is not run by it.
#[tokio::test]
async fn a_function_planted_in_the_admins_path_is_not_run() {
    for server in servers() {
        let rig = Rig::new(server, "planted").await;
        // The schema of one's own name comes before all others, unless a session says otherwise.
        server
            .run(
                "CREATE SCHEMA planted_rotator; GRANT USAGE ON SCHEMA planted_rotator TO PUBLIC; \
                 CREATE FUNCTION planted_rotator.shobj_description(oid, text) RETURNS text LANGUAGE plpgsql \
                 AS $$ BEGIN RAISE 'the planted function ran'; END $$",
            )
            .await;
        let mut admin = server
            .connect("planted_rotator", "example-rotator-of-planted")
            .await
            .unwrap();
        let unguarded = sqlx::raw_sql("SELECT shobj_description(1, 'pg_authid')");
        let ran = unguarded.execute(&mut admin).await.unwrap_err();
        assert!(ran.to_string().contains("planted"), "{ran}");
        let new = rig.rotate(&rig.old().id, "keywheel-r1-1").await;
        assert!(rig.lets_in(&new).await);
    }
}

/// With nothing published, a role that lets somebody in is in use by whom nobody knows.
#[tokio::test]
async fn a_role_in_use_is_not_overwritten_where_nothing_is_published() {
    for server in servers() {
        let rig = Rig::new(server, "unknown").await;
        let refused = rig.issuer.propose(None).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Invalid);
        assert!(
            refused.message.contains("publish its value first"),
            "{refused}"
        );
        assert!(rig.lets_in(&rig.old()).await);
        server.run("ALTER ROLE unknown_a NOLOGIN").await;
        let first = rig.issuer.propose(None).await.unwrap();
        let tag = Tag::new("keywheel-r1-1");
        rig.issuer.apply(&tag, &first).await.unwrap();
        assert!(rig.lets_in(&first).await);
    }
}

/// Its end would be a no-op, told as done.
#[tokio::test]
async fn an_ended_value_that_somebody_revived_is_not_taken_for_ours() {
    for server in servers() {
        let rig = Rig::new(server, "revived").await;
        let old = rig.old();
        rig.rotate(&old.id, "keywheel-r1-1").await;
        rig.issuer.revoke(&old.id).await.unwrap();
        server
            .run(&format!("ALTER ROLE revived_a LOGIN PASSWORD '{OLD}'"))
            .await;
        let said = rig.issuer.identify(&old.fields).await.unwrap_err();
        assert_eq!(said.kind, ErrorKind::Invalid);
        assert!(said.message.contains("`revived_a`"), "{said}");
        // As it says: without the line it is a value from before keywheel, which can be ended.
        server.run("COMMENT ON ROLE revived_a IS NULL").await;
        let id = rig.issuer.identify(&old.fields).await.unwrap().unwrap();
        assert_eq!(id.as_str(), "revived_a/0");
        rig.issuer.revoke(&id).await.unwrap();
        assert!(!rig.lets_in(&old).await);
    }
}

#[tokio::test]
async fn two_roles_with_a_mapping_each_take_turns() {
    for server in servers() {
        let rig = Rig::new(server, "mapped").await;
        server
            .run(
                "CREATE FOREIGN DATA WRAPPER mapped_wrapper; CREATE SERVER mapped_far FOREIGN DATA WRAPPER mapped_wrapper; \
                 CREATE USER MAPPING FOR mapped_a SERVER mapped_far",
            )
            .await;
        let old = rig.old();
        let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert!(
            refused
                .message
                .contains("has: the user mapping for server mapped_far; nothing"),
            "{refused}"
        );
        server
            .run("CREATE USER MAPPING FOR mapped_b SERVER mapped_far")
            .await;
        rig.rotate(&old.id, "keywheel-r1-1").await;
    }
}

/// A role that ends next month is no place to move to from one that does not; one that is over has nothing to lose.
#[tokio::test]
async fn an_end_ahead_is_compared() {
    for server in servers() {
        let rig = Rig::new(server, "limited").await;
        let old = rig.old();
        let limit = async |role: &str, until: &str| {
            let sql = format!("ALTER ROLE limited_{role} VALID UNTIL '{until}'");
            server.run(&sql).await;
        };
        limit("b", "2099-01-01").await;
        let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Invalid);
        assert!(refused.message.contains("VALID UNTIL"), "{refused}");
        limit("a", "2099-01-01").await;
        rig.issuer.propose(Some(&old.id)).await.unwrap();
        limit("b", "infinity").await;
        limit("a", "2001-01-01").await;
        rig.issuer.propose(Some(&old.id)).await.unwrap();
    }
}

/// It would be taken for one of the new value.
#[tokio::test]
async fn a_session_that_outlived_its_value_is_seen_before_the_roles_turn() {
    for server in servers() {
        let rig = Rig::new(server, "outlived").await;
        let old = rig.old();
        let session = server.connect("outlived_a", OLD).await.unwrap();
        let new = rig.rotate(&old.id, "keywheel-r1-1").await;
        rig.issuer.revoke(&old.id).await.unwrap();
        let refused = rig.issuer.propose(Some(&new.id)).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("127.0.0.1"), "{refused}");
        sqlx::Connection::close(session).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let next = rig.rotate(&new.id, "keywheel-r2-1").await;
        assert_eq!(texts(&next).0, "outlived_a");
    }
}

/// As a standby that is about to be the primary.
#[tokio::test]
async fn a_server_that_takes_no_changes_now_is_tried_again() {
    for server in servers() {
        let rig = Rig::new(server, "standing_by").await;
        let made = rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
        server
            .run("ALTER ROLE standing_by_rotator SET default_transaction_read_only = on")
            .await;
        let elsewhere = rig.at(&format!("localhost:{}", server.port));
        let tag = Tag::new("keywheel-r1-1");
        let refused = elsewhere.apply(&tag, &made).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
        assert!(refused.message.contains("25006"), "{refused}");
    }
}

/// The end of a session may come after its transaction was committed, and before anybody was told.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_session_was_ended_is_in_doubt() {
    for server in servers() {
        let rig = Rig::new(server, "cut").await;
        let made = rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
        let mut holder = server.superuser().await;
        let begin = sqlx::raw_sql("BEGIN; ALTER ROLE cut_b CONNECTION LIMIT 3");
        begin.execute(&mut holder).await.unwrap();
        let other = rig.at(&server.address());
        let copy = made.duplicate();
        let applying =
            tokio::spawn(async move { other.apply(&Tag::new("keywheel-r1-1"), &copy).await });
        let waiting =
            "FROM pg_stat_activity WHERE usename = 'cut_rotator' AND wait_event_type = 'Lock'";
        while rig.ask::<i64>(&format!("SELECT count(*) {waiting}")).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        server
            .run(&format!("SELECT pg_terminate_backend(pid) {waiting}"))
            .await;
        let error = applying.await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnknownOutcome, "{error}");
        let back = sqlx::raw_sql("ROLLBACK");
        back.execute(&mut holder).await.unwrap();
        let tag = Tag::new("keywheel-r1-1");
        rig.issuer.apply(&tag, &made).await.unwrap();
        assert!(rig.lets_in(&made).await);
    }
}
