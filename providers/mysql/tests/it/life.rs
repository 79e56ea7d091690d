//! The life of a password: beside the old one, alone, gone.

use crate::rig::{OLD, Rig, busy, password, text};
use keywheel_contract::{CredentialState, Issuer as _, Liveness};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::mariadb::MariaDb;

#[tokio::test]
async fn old_and_new_work_side_by_side_until_the_old_one_is_ended() {
    let Some(rig) = Rig::new("beside") else {
        return;
    };
    let old = rig.old().await;
    let new = rig.renewed().await;
    assert!(rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Alive));
    rig.issuer.disable(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert_eq!(rig.issuer.state(&old.id).await, Ok(CredentialState::Absent));
    rig.issuer.enable(&old).await.unwrap();
    assert!(rig.accepts(&old) && rig.accepts(&new));
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.passwords(), 1);
}

#[tokio::test]
async fn other_ways_in_and_everything_else_of_the_account_stay() {
    let Some(rig) = Rig::new("others") else {
        return;
    };
    let user = &rig.user;
    rig.server.root(&format!(
        "INSTALL SONAME 'auth_ed25519'; GRANT SELECT ON mysql.help_topic TO '{user}'@'%'; \
         ALTER USER '{user}'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('example-of-somebody-else') \
         OR mysql_native_password USING PASSWORD('{OLD}') WITH MAX_USER_CONNECTIONS 30"
    ));
    let grants = rig.server.root(&format!("SHOW GRANTS FOR '{user}'@'%'"));
    let (old, before) = (rig.old().await, rig.shown());
    let new = rig.renewed().await;
    assert!(rig.accepts(&old) && rig.accepts(&new));
    rig.issuer.revoke(&new.id).await.unwrap();
    assert!(rig.accepts(&old) && !rig.accepts(&new));
    assert_eq!(rig.shown(), before);
    let after = rig.server.root(&format!("SHOW GRANTS FOR '{user}'@'%'"));
    assert_eq!(after.lines().count(), grants.lines().count());
}

#[tokio::test]
async fn the_last_password_can_be_ended_and_a_new_one_be_given() {
    let Some(rig) = Rig::new("last") else {
        return;
    };
    let old = rig.old().await;
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && !rig.server.accepts(&rig.user, ""));
    let new = rig.renewed().await;
    assert!(rig.accepts(&new) && !rig.accepts(&old));
    assert!(!rig.shown().contains("invalid"), "{}", rig.shown());
}

/// A connection that is busy, as the account; it has begun.
pub(crate) fn session(rig: &Rig<'_>, password: &str) -> std::process::Child {
    busy(rig.server, &rig.user, password)
}

#[tokio::test]
async fn connections_that_may_be_of_the_old_password_are_closed_with_it_if_asked() {
    let Some(rig) = Rig::new("sessions") else {
        return;
    };
    let issuer = rig.another(rig.server.address(), "end_sessions = true");
    let (old, new) = (rig.old().await, rig.renewed().await);
    let mut before = session(&rig, OLD);
    issuer.disable(&old.id).await.unwrap();
    assert!(!before.wait().unwrap().success(), "it was closed");
    let mut after = session(&rig, text(&new));
    issuer.revoke(&old.id).await.unwrap();
    assert!(
        after.try_wait().unwrap().is_none(),
        "it came after the end of the old one"
    );
    after.kill().unwrap();
    after.wait().unwrap();
}

#[tokio::test]
async fn connections_to_an_account_with_a_pattern_of_hosts_are_closed_too() {
    let Some(rig) = Rig::new("patterned") else {
        return;
    };
    for host in ["127.0.%", "127.0.0.0/255.255.255.0"] {
        rig.server.root(&format!(
            "CREATE USER patterned@'{host}' IDENTIFIED BY '{OLD}'"
        ));
        let more = format!("user_host = '{host}'\nend_sessions = true");
        let issuer = rig.another(rig.server.address(), &more);
        let fields = password(OLD);
        let id = issuer.identify(&fields).await.unwrap().unwrap();
        let mut before = session(&rig, OLD);
        issuer.disable(&id).await.unwrap();
        assert!(!before.wait().unwrap().success(), "it was closed: {host}");
        rig.server.root(&format!("DROP USER patterned@'{host}'"));
    }
}

#[tokio::test]
async fn connections_are_left_open_otherwise() {
    let Some(rig) = Rig::new("left") else {
        return;
    };
    let (old, _new) = (rig.old().await, rig.renewed().await);
    let mut before = session(&rig, OLD);
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old));
    assert!(before.try_wait().unwrap().is_none());
    before.kill().unwrap();
    before.wait().unwrap();
}

#[tokio::test]
async fn over_tls_only_who_is_trusted_gets_to_see_a_password() {
    let authority = Authority::make();
    let Some(server) = MariaDb::encrypted(&authority) else {
        return;
    };
    let rig = Rig::on(&server, "encrypted");
    let trusting = format!("ca_file = '{}'", authority.ca_file().display());
    let issuer = rig.another(server.address(), &trusting);
    server.root("ALTER USER encrypted@'%' REQUIRE SSL; ALTER USER admin_encrypted@'%' REQUIRE SSL");
    let new = issuer.propose(None).await.unwrap();
    issuer
        .apply(&keywheel_contract::Tag::new("example"), &new)
        .await
        .unwrap();
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    let other = Authority::make();
    let stranger = format!("ca_file = '{}'", other.ca_file().display());
    let issuer = rig.another(server.address(), &stranger);
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
    let error = issuer.state(&new.id).await.unwrap_err();
    assert!(error.message.contains("did not answer"), "{error}");
}
