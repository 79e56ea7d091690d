//! What a key is told to be: new, alive, refused, somebody else's, ours; and what is said where AWS does not answer.

use super::rig::{Scene, TAG, credential, refused};
use keywheel_contract::{CredentialId, CredentialState, Issuer, Liveness};
use keywheel_test_servers::aws::iam::{Account, Pair};
use keywheel_test_servers::faults::Fault;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_that_is_not_known_yet_is_not_dead() {
    let Some(scene) = Scene::of("new").await else {
        return;
    };
    scene.account.refuse_new_for(Duration::from_secs(1));
    let made = scene.mint(TAG).await.unwrap();
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Unknown);
    // Nor is one that no list shows yet.
    scene.account.faults.next(1, Fault::Stale, |asked| {
        asked.operation() == "ListAccessKeys"
    });
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Unknown);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Alive);
}

/// AWS refuses it for a while, and tells nobody since when it is active.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_that_was_made_active_again_is_not_dead() {
    let Some(scene) = Scene::of("again").await else {
        return;
    };
    let made = scene.mint(TAG).await.unwrap();
    scene.issuer.disable(&made.id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Dead);
    scene.issuer.enable(&made).await.unwrap();
    scene.account.refuse_new_for(Duration::from_secs(600));
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Unknown);
    scene.account.refuse_new_for(Duration::ZERO);
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Alive);
    scene.issuer.revoke(&made.id).await.unwrap();
    assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_key_is_told_as_the_witness_sees_it() {
    let Some(scene) = Scene::of("life").await else {
        return;
    };
    let (issuer, made) = (&scene.issuer, scene.mint(TAG).await.unwrap());
    assert_eq!(issuer.last_used(&made.id).await.unwrap().at_ms, None);
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    assert_eq!(scene.logs_in(&made), json!("done"));
    let used = issuer.last_used(&made.id).await.unwrap();
    assert!(used.at_ms.unwrap() > used.as_of_ms && used.granularity.as_secs() == 900);
    let identified = issuer.identify(&made.fields).await.unwrap();
    assert_eq!(identified.as_ref(), Some(&made.id));
    // AWS goes on for a moment: that is told, not covered up.
    scene.account.inactive_lives_for(Duration::from_secs(3));
    issuer.disable(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    scene.account.inactive_lives_for(Duration::ZERO);
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    assert_eq!(scene.logs_in(&made), json!("InvalidClientTokenId"));
    assert_eq!(
        issuer.state(&made.id).await.unwrap(),
        CredentialState::Disabled
    );
    issuer.enable(&made).await.unwrap();
    assert_eq!(scene.logs_in(&made), json!("done"));
    issuer.revoke(&made.id).await.unwrap();
    assert_eq!(
        issuer.state(&made.id).await.unwrap(),
        CredentialState::Absent
    );
    assert_eq!(scene.logs_in(&made), json!("InvalidClientTokenId"));
    assert_eq!(scene.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_user_is_neither_tested_nor_ended() {
    let Some(scene) = Scene::of("mine").await else {
        return;
    };
    let other = Account::with("theirs").await.unwrap();
    let theirs = credential(&other.key);
    let said = [
        refused(scene.issuer.test(&theirs).await),
        refused(scene.issuer.disable(&theirs.id).await),
        refused(scene.issuer.revoke(&theirs.id).await),
        refused(scene.issuer.state(&theirs.id).await),
    ];
    for said in said {
        assert_eq!(said.word(), "invalid", "{said}");
        assert!(said.message.contains("theirs"), "{said}");
    }
    assert_eq!(scene.issuer.identify(&theirs.fields).await.unwrap(), None);
    assert_eq!(scene.logs_in(&theirs), json!("done"));
    let nobody = CredentialId::new("AKIAEXAMPLEEXAMPLE00");
    scene.issuer.revoke(&nobody).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keywheel_does_not_saw_off_its_own_branch() {
    let Some(scene) = Scene::of("own").await else {
        return;
    };
    // The user may rotate its own keys, and keywheel signs with the one in use.
    let lines = "c.put_user_policy(UserName=told, PolicyName='rotate', PolicyDocument=json.dumps({
        'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'iam:*', 'Resource': '*'}]}))";
    scene.run(lines, json!("own"));
    scene.become_key(&scene.account.key);
    let own = CredentialId::new(&scene.account.key.id);
    for said in [
        refused(scene.mint(TAG).await),
        refused(scene.issuer.disable(&own).await),
        refused(scene.issuer.revoke(&own).await),
    ] {
        assert_eq!(said.word(), "invalid", "{said}");
        assert!(said.message.contains("signs with"), "{said}");
    }
    assert_eq!(
        scene.keys(),
        [(scene.account.key.id.clone(), "Active".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_us_is_said_as_such() {
    let Some(scene) = Scene::of("wrong").await else {
        return;
    };
    let key = credential(&scene.account.key);
    // Our clock.
    scene.account.clock_ahead(3_600);
    for said in [
        refused(scene.issuer.test(&key).await),
        refused(scene.mint(TAG).await),
    ] {
        assert_eq!(said.word(), "denied");
        assert!(said.message.contains("our clock, -3"), "{said}");
    }
    scene.account.clock_ahead(0);
    // A wrong secret is refused by the same word, and is dead.
    let wrong = credential(&Pair {
        secret: "example".repeat(6)[..40].to_owned(),
        ..scene.account.key.clone()
    });
    assert_eq!(scene.issuer.test(&wrong).await.unwrap(), Liveness::Dead);
    // Trouble on the way.
    for fault in [
        Fault::Refuse(500, None),
        Fault::Refuse(429, Some(1)),
        Fault::Reset,
    ] {
        scene.account.faults.next(1, fault, |_| true);
        assert_eq!(scene.issuer.test(&key).await.unwrap(), Liveness::Unknown);
    }
    // Somebody who may do nothing.
    scene.become_key(&scene.account.key);
    let denied = refused(scene.mint(TAG).await);
    assert_eq!(denied.word(), "denied", "{denied}");
    let unknown = Pair {
        id: "AKIAEXAMPLEEXAMPLE00".to_owned(),
        ..scene.account.key.clone()
    };
    scene.become_key(&unknown);
    assert_eq!(refused(scene.mint(TAG).await).word(), "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_is_not_there_is_told() {
    let Some(scene) = Scene::of("there").await else {
        return;
    };
    let lines = "for k in c.list_access_keys(UserName=told)['AccessKeyMetadata']:\n    \
                 c.delete_access_key(UserName=told, AccessKeyId=k['AccessKeyId'])\nc.delete_user(UserName=told)";
    scene.run(lines, json!("there"));
    let said = refused(scene.mint(TAG).await);
    assert_eq!(said.word(), "invalid");
    assert!(said.message.contains("no IAM user `there`"), "{said}");
}
