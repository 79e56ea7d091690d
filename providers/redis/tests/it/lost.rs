//! The answer to each change is lost once: nothing is half done, and doing it again is doing it once.

use crate::rig::Rig;
use keywheel_contract::{CredentialState, ErrorKind, Issuer as _, Liveness, Tag};
use keywheel_test_servers::redis::Keeps;
use keywheel_test_servers::relay::Relay;

/// The change that a message makes: the sign before the hash.
fn change(message: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let (_, rule) = text.split_once("SETUSER")?;
    ["#", "!"]
        .into_iter()
        .find(|sign| rule.contains(sign))
        .map(str::to_owned)
}

#[tokio::test]
async fn what_was_told_is_done_and_saved_whether_or_not_the_answer_came() {
    let Some(mut rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.another(relay.address, "");
    relay.lose_first_replies(change);
    let old = rig.old().await;
    let new = issuer.propose(None).await.unwrap();
    let tag = Tag::new("example");
    let error = issuer.apply(&tag, &new).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome);
    assert!(error.message.contains("may have happened"), "{error}");
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    issuer.apply(&tag, &new).await.unwrap();
    assert_eq!(rig.passwords(), 2);
    let error = issuer.revoke(&old.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome);
    assert_eq!(issuer.state(&old.id).await, Ok(CredentialState::Absent));
    assert_eq!(relay.lost().len(), 2);
    rig.server.kill();
    rig.server.restart().await;
    assert!(rig.accepts(&new) && !rig.accepts(&old));
    assert_eq!(rig.passwords(), 1);
}
