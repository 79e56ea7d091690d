//! No password is in a log of the server, with every statement logged, nor in ours.

use crate::rig::{Rig, text};
use keywheel_contract::{Issuer as _, Liveness};
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::mariadb::MariaDb;

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
    let told = server.logs();
    // The log works: it has the changes, and the logins that were refused.
    assert!(told.contains("BEGIN NOT ATOMIC") && told.contains("Access denied for user 'silent'"));
    assert!(!told.contains(text(&new)) && !log.text().contains(text(&new)));
    // The old one was given by the test itself, in plain text, once.
    let given = told.matches(crate::rig::OLD).count();
    assert_eq!(given, 1, "the test itself gives it");
    // Nor is a hash in our log: whoever has one can pretend to be a client.
    assert!(!log.text().contains("ALTER USER"));
}
