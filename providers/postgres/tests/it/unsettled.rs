//! Roles that are not as keywheel left them, and an admin's session that somebody else would lead elsewhere.

use crate::rig::{Rig, servers};

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
