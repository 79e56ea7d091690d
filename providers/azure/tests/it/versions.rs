//! Versions: their order, how they end, and what the vault takes.

use crate::rig::{Scene, document, mark, place, publish, word};
use keywheel_contract::{Document, Found, Place, Retired, SecretStore, SecretValue, VersionId};
use serde_json::json;

#[tokio::test]
async fn versions_of_one_second_are_in_the_order_in_which_they_were_written() {
    let scene = Scene::set().await;
    let place = place("a");
    scene.azure.stop_clock(Some(1_700_000_000));
    let mut ids = Vec::new();
    for number in 1..=4 {
        let text = format!("example-{number}");
        ids.push(publish(&scene.store, &place, &text, number).await.unwrap());
    }
    ids.reverse();
    let listed = scene.store.list(&place).await.unwrap();
    let order: Vec<_> = listed.iter().map(|version| version.id.clone()).collect();
    assert_eq!(order, ids);
    let current: Vec<_> = listed.iter().map(|version| version.current).collect();
    assert_eq!(current, [true, false, false, false]);
}

#[tokio::test]
async fn a_mark_is_found_on_any_page() {
    let scene = Scene::set().await;
    let place = place("a");
    let seen = scene.store.inspect(&place).await.unwrap();
    let ours = publish(&scene.store, &place, "example-1", 1).await.unwrap();
    for number in 0..60 {
        scene
            .azure
            .write("a", &json!({ "value": format!("{{\"n\":{number}}}") }));
    }
    assert_eq!(scene.store.list(&place).await.unwrap().len(), 61);
    let payload = scene
        .store
        .compose(&place, &document("example-1"), &seen)
        .await
        .unwrap();
    let found = scene.store.find(&place, &mark(1), &payload).await.unwrap();
    assert_eq!(found, Found::Superseded(ours));
}

#[tokio::test]
async fn the_newest_version_is_neither_disabled_nor_destroyed() {
    let scene = Scene::set().await;
    let place = place("a");
    let newest = publish(&scene.store, &place, "example", 1).await.unwrap();
    assert_eq!(word(scene.store.disable(&place, &newest).await), "conflict");
    assert_eq!(word(scene.store.destroy(&place, &newest).await), "conflict");
    assert_eq!(scene.azure.versions("a")[0]["attributes"]["enabled"], true);
}

/// Reports say what was done, and nothing of Key Vault destroys one version.
#[tokio::test]
async fn an_older_version_ends_disabled_with_its_dates_and_tags() {
    let scene = Scene::set().await;
    let place = place("a");
    let planted = json!({
        "value": "{}", "tags": { "team": "example" }, "attributes": { "exp": 4_100_000_000_i64 },
    });
    let old = VersionId::new(scene.azure.write("a", &planted));
    publish(&scene.store, &place, "example", 1).await.unwrap();
    assert_eq!(
        scene.store.destroy(&place, &old).await.unwrap(),
        Retired::Disabled
    );
    let shown = &scene.azure.versions("a")[0];
    assert_eq!(shown["attributes"]["enabled"], false);
    assert_eq!(shown["attributes"]["exp"], 4_100_000_000_i64);
    assert_eq!(shown["tags"], json!({ "team": "example" }));
    assert_eq!(word(scene.store.read(&place, &old).await), "not_found");
    scene.store.enable(&place, &old).await.unwrap();
    assert_eq!(scene.azure.versions("a")[0]["attributes"]["enabled"], true);
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_not_found() {
    let scene = Scene::set().await;
    let place = place("a");
    publish(&scene.store, &place, "example", 1).await.unwrap();
    for id in ["0123", "../b", "", "versions"] {
        let id = VersionId::new(id);
        assert_eq!(
            word(scene.store.read(&place, &id).await),
            "not_found",
            "{id}"
        );
        assert_eq!(
            word(scene.store.disable(&place, &id).await),
            "not_found",
            "{id}"
        );
        assert_eq!(
            word(scene.store.enable(&place, &id).await),
            "not_found",
            "{id}"
        );
    }
    assert_eq!(scene.store.list(&self::place("none")).await.unwrap(), []);
}

#[tokio::test]
async fn what_the_vault_cannot_hold_is_refused_before_it_is_sent() {
    let scene = Scene::set().await;
    let whole = Place {
        fields: Vec::new(),
        ..place("a")
    };
    let seen = scene.store.inspect(&whole).await.unwrap();
    for bytes in [Vec::new(), vec![0, 255], vec![b'x'; 25 * 1024 + 1]] {
        let value = Document::Whole(SecretValue::new(bytes));
        let composed = scene.store.compose(&whole, &value, &seen).await;
        assert_eq!(word(composed), "invalid");
    }
    let selected = Place {
        selector: Some("latest".to_owned()),
        ..whole.clone()
    };
    assert_eq!(word(scene.store.inspect(&selected).await), "invalid");
    assert_eq!(word(scene.store.inspect(&place("a/b")).await), "invalid");
}
