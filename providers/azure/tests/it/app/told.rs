//! What a secret is told to be: new, alive, refused, expired; whose it is; and what is said of us.

use super::rig::{Scene, TAG, credential, field, refused};
use keywheel_contract::{CredentialState, Fields, Issuer, Liveness, SecretValue};
use keywheel_test_servers::azure::directory::APPLICATION;
use keywheel_test_servers::faults::{Asked, Fault};
use serde_json::json;
use std::time::Duration;

/// The witness agrees, where it is there.
async fn agrees(scene: &Scene, value: &str, said: &str) {
    let seen = scene.logs_in(value.to_owned()).await;
    assert!(seen.is_none_or(|seen| seen == said), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_secret_is_told_as_the_witness_sees_it() {
    let scene = Scene::set().await;
    let (issuer, made) = (&scene.issuer, scene.mint(TAG).await.unwrap());
    assert_eq!(field(&made, "client_id"), APPLICATION);
    assert_eq!(field(&made, "key_id"), made.id.as_str());
    let value = field(&made, "client_secret");
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    agrees(&scene, &value, "in").await;
    // By its id, and by its value alone.
    for fields in [&made.fields, &credential("", &value).fields] {
        assert_eq!(
            issuer.identify(fields).await.unwrap().as_ref(),
            Some(&made.id)
        );
    }
    let stranger = format!("{}xample-value-of-somebody", &value[..3]);
    let fields = credential("", &stranger).fields;
    assert_eq!(issuer.identify(&fields).await.unwrap(), None);
    assert_eq!(issuer.identify(&Fields::new()).await.unwrap(), None);
    issuer.revoke(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    agrees(&scene, &value, "AADSTS7000215").await;
    assert_eq!(
        issuer.state(&made.id).await.unwrap(),
        CredentialState::Absent
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_known_everywhere_yet_is_not_taken_for_more() {
    let scene = Scene::set().await;
    let (issuer, second) = (&scene.issuer, Duration::from_secs(1));
    scene.directory.lag(second / 2, second / 2);
    let made = scene.mint(TAG).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Unknown);
    tokio::time::sleep(second / 2).await;
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    issuer.revoke(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    tokio::time::sleep(second / 2).await;
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    // For ever is not new.
    scene.directory.lag(second * 600, second);
    let made = scene.mint(TAG).await.unwrap();
    tokio::time::sleep(second * 2).await;
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_that_no_list_shows_yet_is_not_dead() {
    let scene = Scene::set().await;
    let (issuer, second) = (&scene.issuer, Duration::from_secs(1));
    scene.directory.lag(second / 2, second / 2);
    let unlisted = || {
        let lists = |asked: &Asked<'_>| asked.path().contains("passwordCredentials");
        scene.directory.faults.next(1, Fault::Stale, lists);
    };
    Scene::settle().await;
    assert!(scene.found(TAG).await.is_empty());
    let made = scene.mint(TAG).await.unwrap();
    unlisted();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Unknown);
    assert_eq!(scene.directory.faults.met().len(), 1);
    // Nobody else's secret profits from it, nor one that was taken away.
    let other = credential("example-other", &field(&made, "client_secret"));
    assert_eq!(issuer.test(&other).await.unwrap(), Liveness::Dead);
    issuer.revoke(&made.id).await.unwrap();
    tokio::time::sleep(second / 2).await;
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_secret_is_dead() {
    let scene = Scene::set().await;
    let (id, value) = scene.directory.make("by hand");
    let old = credential(&id, &value);
    scene.directory.expire(&id);
    assert_eq!(scene.issuer.test(&old).await.unwrap(), Liveness::Dead);
    assert_eq!(
        scene.issuer.state(&old.id).await.unwrap(),
        CredentialState::Disabled
    );
    agrees(&scene, &value, "AADSTS7000222").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_us_is_said_as_such() {
    let scene = Scene::set().await;
    let made = scene.mint(TAG).await.unwrap();
    for fault in [
        Fault::Refuse(500, None),
        Fault::Refuse(429, Some(1)),
        Fault::Reset,
    ] {
        scene.directory.faults.next(1, fault, |_| true);
        assert_eq!(scene.issuer.test(&made).await.unwrap(), Liveness::Unknown);
    }
    scene.directory.own(false);
    let said = refused(scene.mint(TAG).await);
    assert_eq!(said.word(), "denied", "{said}");
    assert!(said.message.contains("OwnedBy"), "{said}");
    let nobody = scene.about("99999999-aaaa-4bbb-8ccc-000000000000");
    let said = refused(nobody.test(&made).await);
    assert_eq!(said.word(), "invalid", "{said}");
    assert!(said.message.contains("no application"), "{said}");
    let said = refused(nobody.mint(&keywheel_contract::Tag::new(TAG)).await);
    assert_eq!(said.word(), "invalid", "{said}");
    scene.secret.replace("example-wrong");
    let said = refused(scene.about(APPLICATION).state(&made.id).await);
    assert_eq!(said.word(), "denied", "{said}");
    assert!(said.message.contains("AADSTS7000215"), "{said}");
}

/// Something on the way says 200 for everything.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_somebody_else_says_nothing() {
    let scene = Scene::set().await;
    let (issuer, faults) = (&scene.issuer, &scene.directory.faults);
    let made = scene.mint(TAG).await.unwrap();
    let alone = credential("", &field(&made, "client_secret")).fields;
    let logs_in = |asked: &Asked<'_>| asked.path().ends_with("/token");
    for fault in [Fault::Refuse(200, None), Fault::Refuse(503, None)] {
        faults.next(2, fault, logs_in);
        assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Unknown);
        let said = refused(issuer.identify(&alone).await);
        assert_eq!(said.word(), "unavailable", "{said}");
    }
    let lists = |asked: &Asked<'_>| asked.path().contains("passwordCredentials");
    faults.next(3, Fault::Refuse(200, None), lists);
    for said in [
        refused(issuer.state(&made.id).await),
        refused(issuer.find(&keywheel_contract::Tag::new(TAG)).await),
        refused(issuer.identify(&alone).await),
    ] {
        assert_eq!(said.word(), "unavailable", "{said}");
    }
    assert_eq!(issuer.identify(&alone).await.unwrap(), Some(made.id));
}

#[tokio::test]
async fn only_a_secret_of_an_application_is_taken_for_one() {
    let scene = Scene::set().await;
    let made = scene.mint(TAG).await.unwrap();
    assert!(scene.issuer.check_format(&made.fields, None).await.is_ok());
    for wrong in [
        "",
        "short",
        "example with a space",
        "exa\u{e9}example-example",
    ] {
        let fields = credential("", wrong).fields;
        assert!(
            scene.issuer.check_format(&fields, None).await.is_err(),
            "{wrong}"
        );
    }
    let mut same = credential("", &field(&made, "client_secret")).fields;
    same.insert("key_id", SecretValue::from("another".to_owned()));
    assert!(
        scene
            .issuer
            .check_format(&same, Some(&made.fields))
            .await
            .is_err()
    );
    assert_eq!(json!(scene.directory.secrets().len()), json!(1));
}
