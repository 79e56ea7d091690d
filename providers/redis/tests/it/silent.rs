//! No password is in what the server is told, logs or writes, nor in what we log.

use crate::rig::{OLD, Rig, text};
use keywheel_contract::{Issuer as _, Liveness};
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::redis::Keeps;

#[tokio::test]
async fn no_password_is_in_any_log() {
    let log = Log::of_every_thread();
    for keeps in [Keeps::AclFile, Keeps::Configuration] {
        let Some(rig) = Rig::new(keeps).await else {
            return;
        };
        rig.server
            .root(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
        let watched = rig.server.watched();
        let (old, new) = (rig.old().await, rig.renewed().await);
        assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
        rig.issuer.disable(&old.id).await.unwrap();
        assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
        rig.issuer.revoke(&old.id).await.unwrap();
        let slow = rig.server.root(&["SLOWLOG", "GET", "-1"]);
        let seen = watched.text();
        // The watch worked; what administrates is not even shown.
        assert!(
            seen.contains("MULTI") && slow.contains("MULTI"),
            "{seen}{slow}"
        );
        let places = [seen, slow, rig.server.files(), log.text()];
        for password in [OLD, text(&new)] {
            let told = places.iter().filter(|place| place.contains(password));
            assert_eq!(told.count(), 0, "{keeps:?}");
        }
        assert!(!old.id.as_str().contains("example"));
    }
}
