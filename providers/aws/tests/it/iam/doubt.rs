//! Lost answers, late lists and keys of other people: exactly what is ours is found, and nothing of anybody else's is
//! touched.

use super::rig::{NEXT, SETTLES, Scene, TAG, field, refused};
use keywheel_contract::{CredentialId, Issuer, Tag};
use keywheel_test_servers::faults::{Asked, Fault};
use serde_json::json;

/// A person makes a key for the user.
const MAKES: &str = "show(c.create_access_key(UserName=told)['AccessKey']['AccessKeyId'])";

fn is(operation: &'static str) -> impl Fn(&Asked<'_>) -> bool + Send + Sync {
    move |asked| asked.operation() == operation
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_answer_made_is_found_and_ended() {
    let Some(scene) = Scene::of("lost").await else {
        return;
    };
    scene
        .account
        .faults
        .next(1, Fault::LoseReply, is("CreateAccessKey"));
    let lost = refused(scene.mint(TAG).await);
    assert_eq!(lost.word(), "unknown_outcome", "{lost}");
    let found = scene.found(TAG).await;
    let [orphan] = &found[..] else {
        panic!("{found:?}");
    };
    assert_ne!(*orphan, scene.account.key.id);
    assert!(scene.found(NEXT).await.is_empty());
    let orphan = CredentialId::new(orphan);
    scene
        .account
        .faults
        .next(1, Fault::LoseReply, is("DeleteAccessKey"));
    let lost = refused(scene.issuer.revoke(&orphan).await);
    assert_eq!(lost.word(), "unknown_outcome", "{lost}");
    scene.issuer.revoke(&orphan).await.unwrap();
    let made = scene.mint(NEXT).await.unwrap();
    let mut keys: Vec<_> = scene.keys().into_iter().map(|(id, _)| id).collect();
    let mut wanted = vec![scene.account.key.id.clone(), field(&made, "access_key_id")];
    keys.sort();
    wanted.sort();
    assert_eq!(keys, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_made_is_not_found_and_one_is_made_after_it() {
    let Some(scene) = Scene::of("reset").await else {
        return;
    };
    scene
        .account
        .faults
        .next(1, Fault::Reset, is("CreateAccessKey"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    // How long that says nothing is known to whoever looks, also where another process called.
    assert_eq!(scene.issuer.capabilities().lists_after, SETTLES);
    assert!(scene.found(TAG).await.is_empty());
    assert_eq!(scene.keys().len(), 1);
    // A note whose answer is lost is looked for; without one nothing is made.
    scene
        .account
        .faults
        .next(1, Fault::LoseReply, is("TagUser"));
    let made = scene.mint(NEXT).await.unwrap();
    assert_eq!(scene.found(NEXT).await, [made.id.as_str()]);
    scene.issuer.revoke(&made.id).await.unwrap();
    scene.account.faults.next(1, Fault::Reset, is("TagUser"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    assert!(scene.found(TAG).await.is_empty());
    assert_eq!(scene.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_somebody_else_is_never_taken_for_ours() {
    let Some(scene) = Scene::of("foreign").await else {
        return;
    };
    scene
        .account
        .faults
        .next(1, Fault::Reset, is("CreateAccessKey"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    // A person makes one in the same second, and uses it: a key of ours whose answer was lost was used by nobody.
    let lines = "made = c.create_access_key(UserName=told)['AccessKey']\n\
                 tried(client('sts', {'id': made['AccessKeyId'], 'secret': made['SecretAccessKey']}).get_caller_identity)\n\
                 show(made['AccessKeyId'])";
    let theirs = scene.run(lines, json!("foreign"));
    assert!(scene.found(TAG).await.is_empty());
    let full = refused(scene.mint(NEXT).await);
    assert_eq!(full.word(), "invalid", "{full}");
    for said in [theirs.as_str().unwrap(), &scene.account.key.id, "no third"] {
        assert!(full.message.contains(said), "{full}");
    }
    let lines = "show(c.list_user_tags(UserName=told)['Tags'])";
    let tags = scene.run(lines, json!("foreign"));
    assert!(
        tags[0]["Value"].as_str().unwrap().starts_with(TAG),
        "{tags}"
    );
    assert_eq!(scene.keys().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_of_one_minute_are_asked_about() {
    let Some(scene) = Scene::of("two").await else {
        return;
    };
    let old = CredentialId::new(&scene.account.key.id);
    scene.issuer.revoke(&old).await.unwrap();
    scene
        .account
        .faults
        .next(1, Fault::LoseReply, is("CreateAccessKey"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    let theirs = scene.run(MAKES, json!("two"));
    let asked = refused(scene.issuer.find(&Tag::new(TAG)).await);
    assert_eq!(asked.word(), "invalid");
    assert!(asked.message.contains(theirs.as_str().unwrap()), "{asked}");
    assert_eq!(scene.keys().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_late_does_not_fill_the_slots() {
    let Some(scene) = Scene::of("late").await else {
        return;
    };
    let made = scene.mint(TAG).await.unwrap();
    let full = refused(scene.mint(NEXT).await);
    assert_eq!(full.word(), "invalid", "{full}");
    scene.issuer.revoke(&made.id).await.unwrap();
    // AWS still shows the key that was deleted.
    scene
        .account
        .faults
        .next(2, Fault::Stale, is("ListAccessKeys"));
    scene.mint(NEXT).await.unwrap();
    assert_eq!(scene.account.faults.met().len(), 2);
}
