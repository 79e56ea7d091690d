//! No password is in a log of the server, with every statement logged, nor in ours.

use crate::accounts::{Accounts, field};
use crate::rig::{Rig, text};
use keywheel_contract::{Issuer as _, Liveness};
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::mariadb::MariaDb;

/// The life of a password of two accounts in turn, and that password.
async fn in_turn(server: &MariaDb) -> String {
    let rig = Accounts::on(server, "quiet");
    let old = rig.old();
    let new = rig.rotate(&old.id, "keywheel-r1-1").await;
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
    rig.issuer.disable(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    rig.issuer.revoke(&old.id).await.unwrap();
    field(&new, "password").to_owned()
}

#[tokio::test]
async fn no_password_is_in_any_log() {
    let log = Log::of_every_thread();
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rig = Rig::on(&server, "silent");
    let (old, new) = (rig.old().await, rig.renewed().await);
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
    rig.issuer.disable(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    rig.issuer.enable(&old).await.unwrap();
    rig.issuer.revoke(&old.id).await.unwrap();
    let turn = in_turn(&server).await;
    let told = server.logs();
    assert!(!told.contains(&turn) && !log.text().contains(&turn));
    // The log works: it has the changes, and the logins that were refused.
    assert!(told.contains("BEGIN NOT ATOMIC") && told.contains("Access denied for user 'silent'"));
    assert!(!told.contains(text(&new)) && !log.text().contains(text(&new)));
    // The old one was given by the test itself, in plain text, once to each account.
    let given = told.matches(crate::rig::OLD).count();
    assert_eq!(given, 2, "the test itself gives it");
    // Nor is a hash in our log: whoever has one can pretend to be a client.
    assert!(!log.text().contains("ALTER USER"));
}
