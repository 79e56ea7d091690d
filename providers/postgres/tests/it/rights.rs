//! What the admin may not do, and what the roles may do, told before anything changes.

use crate::rig::{OLD, Rig, servers};
use keywheel_contract::{ErrorKind, Issuer as _, Tag};

/// Each of these makes the two roles differ.
const DIFFERENCES: [(&str, &str); 10] = [
    (
        "CREATE TABLE diff_orders (id int); GRANT SELECT ON diff_orders TO diff_a",
        "SELECT on table public.diff_orders",
    ),
    (
        "GRANT UPDATE (id) ON diff_orders TO diff_a WITH GRANT OPTION",
        "UPDATE on column id of table public.diff_orders with grant option",
    ),
    (
        "CREATE ROLE diff_readers; GRANT diff_readers TO diff_a",
        "membership in diff_readers",
    ),
    (
        "ALTER ROLE diff_a SET search_path = 'shop'",
        "the setting search_path=shop",
    ),
    ("ALTER ROLE diff_a CREATEDB", "CREATEDB"),
    ("ALTER ROLE diff_a CONNECTION LIMIT 9", "CONNECTION LIMIT 9"),
    (
        "CREATE SCHEMA diff_own AUTHORIZATION diff_a",
        "ownership of schema diff_own",
    ),
    (
        "GRANT CREATE ON DATABASE postgres TO diff_a",
        "CREATE on database postgres",
    ),
    (
        "CREATE POLICY diff_own_rows ON diff_orders TO diff_a USING (id > 0)",
        "the row policy of policy diff_own_rows on table public.diff_orders",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA diff_own GRANT SELECT ON TABLES TO diff_a",
        "SELECT on default privileges",
    ),
];

#[tokio::test]
async fn what_the_next_role_lacks_is_named_and_nothing_is_changed() {
    for server in servers() {
        let rig = Rig::new(server, "diff").await;
        let old = rig.old();
        assert!(rig.issuer.propose(Some(&old.id)).await.is_ok());
        for (made, said) in DIFFERENCES {
            server.run(made).await;
            let error = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(
                error
                    .message
                    .starts_with("`diff_b` lacks what `diff_a` has: "),
                "{error}"
            );
            // Only the first few are named: this one is tried alone.
            let undone = "REASSIGN OWNED BY diff_a TO diff_owner; DROP OWNED BY diff_a; \
                ALTER ROLE diff_a RESET search_path; ALTER ROLE diff_a NOCREATEDB CONNECTION LIMIT -1";
            assert!(error.message.contains(said), "{made}: {error}");
            server.run(undone).await;
            if made.contains("diff_readers") {
                server.run("REVOKE diff_readers FROM diff_a").await;
            }
            assert!(
                rig.issuer.propose(Some(&old.id)).await.is_ok(),
                "after {made}"
            );
        }
        assert!(rig.lets_in(&old).await);
    }
}

#[tokio::test]
async fn a_right_that_the_admin_lacks_is_named() {
    for server in servers() {
        let rig = Rig::new(server, "less").await;
        let old = rig.old();
        let made = rig.issuer.propose(Some(&old.id)).await.unwrap();
        server.run("ALTER ROLE less_rotator NOCREATEROLE").await;
        let error = rig
            .issuer
            .apply(&Tag::new("keywheel-r1-1"), &made)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains("CREATEROLE"), "{error}");
        server.run("ALTER ROLE less_rotator CREATEROLE").await;
        rig.issuer
            .apply(&Tag::new("keywheel-r1-1"), &made)
            .await
            .unwrap();

        let _session = server.connect("less_a", OLD).await.unwrap();
        server
            .run("REVOKE pg_signal_backend FROM less_rotator")
            .await;
        let error = rig.issuer.end_sessions(&old.id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains("pg_signal_backend"), "{error}");
    }
}

#[tokio::test]
async fn other_roles_than_the_issuers_own_are_never_touched() {
    for server in servers() {
        let rig = Rig::new(server, "own").await;
        let mut foreign = rig.old();
        foreign.id = keywheel_contract::CredentialId::new("super/0");
        let refused = [
            rig.issuer
                .apply(&Tag::new("keywheel-r1-1"), &foreign)
                .await
                .unwrap_err(),
            rig.issuer.disable(&foreign.id).await.unwrap_err(),
            rig.issuer.enable(&foreign).await.unwrap_err(),
            rig.issuer.revoke(&foreign.id).await.unwrap_err(),
            rig.issuer.end_sessions(&foreign.id).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind == ErrorKind::Invalid));
        server.superuser().await;
    }
}
