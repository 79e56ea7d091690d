//! People who write, delete and disable at the same time: nothing of theirs is lost silently.

use crate::rig::{Scene, document, mark, place, publish, publish_over, word};
use keywheel_contract::{Base, Document, ErrorKind, Found, Place, SecretStore, SecretValue, Write};
use keywheel_test_servers::azure::{Moment, Right};
use serde_json::{Value, json};

fn by_hand(text: &str) -> Value {
    json!({ "value": json!({ "TOKEN": text }).to_string() })
}

#[tokio::test]
async fn a_base_that_is_not_newest_any_more_is_a_conflict_and_nothing_is_written() {
    let scene = Scene::set().await;
    let place = place("a");
    publish(&scene.store, &place, "example-1", 1).await.unwrap();
    let seen = scene.store.inspect(&place).await.unwrap();
    let theirs = scene.azure.write("a", &by_hand("example-theirs"));
    let refusal = publish_over(&scene.store, &place, "example-2", 2, &seen).await;
    let ErrorKind::Conflict { seen: Some(found) } = refusal.unwrap_err().kind else {
        panic!("not a conflict that says what stands there");
    };
    assert_eq!(found.as_str(), theirs);
    let payload = SecretValue::from("{\"TOKEN\":\"example-2\"}".to_owned());
    let blind = Write {
        place: &place,
        payload: &payload,
        base: &Base::default(),
        mark: &mark(3),
    };
    assert_eq!(word(scene.store.promote(&blind).await), "conflict");
    assert_eq!(scene.azure.versions("a").len(), 2);
}

/// The service knows no compare-and-set. Ours stands there and cannot be taken back: calling that a conflict would
/// say that it does not.
#[tokio::test]
async fn a_version_covered_in_the_same_moment_is_told_and_kept() {
    let scene = Scene::set().await;
    let place = place("a");
    let stopped = Some(1_700_000_000);
    publish(&scene.store, &place, "example-1", 1).await.unwrap();
    for stopped in [None, stopped] {
        scene.azure.stop_clock(stopped);
        let path = format!("covered-{}", stopped.is_some());
        let place = Place {
            path: path.clone(),
            ..place.clone()
        };
        publish(&scene.store, &place, "example-1", 1).await.unwrap();
        let seen = scene.store.inspect(&place).await.unwrap();
        scene
            .azure
            .write_at(Moment::BeforeNextWrite, &by_hand("example-theirs"));
        let told = publish_over(&scene.store, &place, "example-2", 2, &seen).await;
        let told = told.unwrap_err();
        assert_eq!(told.word(), "unknown_outcome");
        let versions = scene.azure.versions(&path);
        let id = |at: usize| {
            versions[at]["id"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
        };
        assert!(
            told.message.contains(id(1)) && told.message.contains(id(2)),
            "{told}"
        );
        let payload = scene
            .store
            .compose(&place, &document("example-2"), &seen)
            .await
            .unwrap();
        let found = scene.store.find(&place, &mark(2), &payload).await.unwrap();
        assert!(matches!(found, Found::Current(ours) if ours.as_str() == id(2)));
        assert_eq!(versions.len(), 3);
    }
}

#[tokio::test]
async fn a_covered_version_is_still_told_by_the_next_look() {
    let scene = Scene::set().await;
    let place = place("a");
    scene.azure.stop_clock(Some(1_700_000_000));
    publish(&scene.store, &place, "example-1", 1).await.unwrap();
    scene.azure.stop_clock(Some(1_700_000_010));
    scene
        .azure
        .write_at(Moment::BeforeNextWrite, &by_hand("example-theirs"));
    assert_eq!(
        word(publish(&scene.store, &place, "example-2", 2).await),
        "unknown_outcome"
    );
    let seen = scene.store.inspect(&place).await.unwrap();
    assert!(
        seen.warnings.iter().any(|told| told.contains("covers")),
        "{:?}",
        seen.warnings
    );
    publish(&scene.store, &place, "example-3", 3).await.unwrap();
    let seen = scene.store.inspect(&place).await.unwrap();
    assert_eq!(seen.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_version_written_right_after_ours_is_what_stands_there() {
    let scene = Scene::set().await;
    let place = place("a");
    publish(&scene.store, &place, "example-1", 1).await.unwrap();
    let seen = scene.store.inspect(&place).await.unwrap();
    scene.azure.stop_clock(Some(1_900_000_000));
    scene
        .azure
        .write_at(Moment::AfterNextWrite, &by_hand("example-theirs"));
    let ours = publish_over(&scene.store, &place, "example-2", 2, &seen)
        .await
        .unwrap();
    let now = scene.store.inspect(&place).await.unwrap().current.unwrap();
    assert_ne!(now, ours);
    let payload = scene
        .store
        .compose(&place, &document("example-2"), &seen)
        .await
        .unwrap();
    let found = scene.store.find(&place, &mark(2), &payload).await.unwrap();
    assert_eq!(found, Found::Superseded(ours));
}

#[tokio::test]
async fn a_copied_tag_does_not_make_a_version_ours() {
    let scene = Scene::set().await;
    let place = place("a");
    let seen = scene.store.inspect(&place).await.unwrap();
    let ours = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    let mut copy = by_hand("example-theirs");
    copy["tags"] = scene.azure.versions("a")[0]["tags"].clone();
    scene.azure.write("a", &copy);
    let payload = scene
        .store
        .compose(&place, &document("example-1"), &seen)
        .await
        .unwrap();
    let found = scene.store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Superseded(ours));
    let stranger = scene
        .store
        .compose(&place, &document("example-9"), &seen)
        .await
        .unwrap();
    let found = scene.store.find(&place, &mark(1), &stranger).await.unwrap();
    assert_eq!(found, Found::Absent);
}

#[tokio::test]
async fn a_disabled_newest_version_is_told_and_only_a_whole_value_goes_over_it() {
    let scene = Scene::set().await;
    let place = place("a");
    let first = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    let id = first.as_str();
    scene
        .azure
        .change("a", id, &json!({ "attributes": { "enabled": false } }));
    let seen = scene.store.inspect(&place).await.unwrap();
    assert_eq!(
        (seen.current.as_ref(), seen.token.as_deref()),
        (None, Some(id))
    );
    assert!(seen.warnings[0].contains("disabled"), "{:?}", seen.warnings);
    let refusal = scene
        .store
        .compose(&place, &document("example-2"), &seen)
        .await;
    let refusal = refusal.err().unwrap();
    assert_eq!(refusal.word(), "invalid");
    assert!(refusal.message.contains("enable it"), "{refusal}");
    let whole = Place {
        fields: Vec::new(),
        ..place.clone()
    };
    let value = Document::Whole(SecretValue::from("example-2".to_owned()));
    let payload = scene.store.compose(&whole, &value, &seen).await.unwrap();
    let write = Write {
        place: &whole,
        payload: &payload,
        base: &Base::from(&seen),
        mark: &mark(2),
    };
    let second = scene.store.promote(&write).await.unwrap();
    let now = scene.store.inspect(&whole).await.unwrap();
    assert_eq!(now.current, Some(second));
    // Disabled already, and older now.
    assert_eq!(word(scene.store.disable(&whole, &first).await), "done");
}

#[tokio::test]
async fn a_deleted_secret_is_told_with_the_way_back() {
    let scene = Scene::set().await;
    let place = place("a");
    let version = publish(&scene.store, &place, "example", 1).await.unwrap();
    let seen = scene.store.inspect(&place).await.unwrap();
    let payload = scene
        .store
        .compose(&place, &document("example-2"), &seen)
        .await
        .unwrap();
    scene.azure.delete("a");
    let refusal = scene.store.inspect(&place).await.unwrap_err();
    assert_eq!(refusal.word(), "invalid");
    assert!(
        refusal
            .message
            .contains("az keyvault secret recover --vault-name"),
        "{refusal}"
    );
    let base = Base::default();
    let write = Write {
        place: &place,
        payload: &payload,
        base: &base,
        mark: &mark(2),
    };
    assert_eq!(scene.store.promote(&write).await.unwrap_err(), refusal);
    let ended = scene.store.destroy(&place, &version).await;
    assert_eq!(ended.unwrap_err(), refusal, "it is not gone");
}

#[tokio::test]
async fn a_secret_of_a_certificate_is_left_to_key_vault() {
    let scene = Scene::set().await;
    scene.azure.write("a", &json!({ "value": "example" }));
    scene.azure.make_managed("a");
    let seen = scene.store.inspect(&place("a")).await.unwrap();
    assert!(seen.natively_managed_by.unwrap().contains("certificate"));
}

#[tokio::test]
async fn an_expired_version_is_refused_with_the_next_step_and_a_near_end_is_told() {
    let scene = Scene::set().await;
    let past = json!({ "value": "example", "attributes": { "exp": 1_700_000_000 } });
    scene.azure.write("past", &past);
    let refusal = scene.store.inspect(&place("past")).await.unwrap_err();
    assert_eq!(refusal.word(), "invalid");
    assert!(refusal.message.contains("--expires"), "{refusal}");
    let many: serde_json::Map<_, _> = (0..13).map(|n| (format!("t{n}"), json!("x"))).collect();
    scene
        .azure
        .write("many", &json!({ "value": "example", "tags": many }));
    let refusal = scene.store.inspect(&place("many")).await.unwrap_err();
    assert!(refusal.message.contains("tags"), "{refusal}");
}

#[tokio::test]
async fn without_the_right_it_is_denied() {
    let scene = Scene::set().await;
    let place = place("a");
    let old = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    publish(&scene.store, &place, "example-2", 2).await.unwrap();
    let seen = scene.store.inspect(&place).await.unwrap();
    scene.azure.allow(&[Right::Get, Right::List]);
    let refused = publish_over(&scene.store, &place, "example-3", 3, &seen).await;
    assert_eq!(word(refused), "denied");
    assert_eq!(word(scene.store.disable(&place, &old).await), "denied");
    scene.azure.allow(&[Right::Get, Right::Set]);
    assert_eq!(word(scene.store.list(&place).await), "denied");
    scene.azure.allow(&[Right::List, Right::Set]);
    assert_eq!(word(scene.store.read(&place, &old).await), "denied");
    assert_eq!(scene.azure.versions("a").len(), 2);
}
