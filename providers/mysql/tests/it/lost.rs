//! The answer to each change is lost once, and changes arrive late: nothing is half done, and what was read before
//! another change changes nothing.

use crate::rig::Rig;
use keywheel_contract::{CredentialState, ErrorKind, Issuer as _, Liveness, Tag};
use keywheel_test_servers::relay::Relay;

/// The methods that a statement gives to the account.
fn change(message: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let (_, change) = text.split_once("ALTER USER")?;
    Some(change.to_owned())
}

#[tokio::test]
async fn what_was_told_is_done_whether_or_not_the_answer_came() {
    let Some(rig) = Rig::new("lossy") else {
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
    assert!(rig.accepts(&new) && !rig.accepts(&old));
    assert_eq!(rig.passwords(), 1);
}

#[tokio::test]
async fn a_change_that_comes_after_another_one_changes_nothing() {
    let Some(rig) = Rig::new("late") else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.another(relay.address, "");
    let (old, new) = (rig.old().await, rig.issuer.propose(None).await.unwrap());
    // It was read and is on its way: another change overtakes it.
    relay.hold_first(|message| change(message).is_some());
    let tag = Tag::new("example");
    let late = issuer.apply(&tag, &new);
    let meanwhile = async {
        relay.holds().await;
        let other = rig.renewed().await;
        rig.issuer.revoke(&old.id).await.unwrap();
        relay.let_go();
        other
    };
    let (late, other) = tokio::join!(late, meanwhile);
    assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
    assert!(rig.accepts(&other) && !rig.accepts(&old) && !rig.accepts(&new));
    assert_eq!(rig.passwords(), 1);
}
