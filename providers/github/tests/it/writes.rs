//! What a write does, and what it does not.

use crate::rig::{
    ENVIRONMENT, ORGANIZATION, REPOSITORY, Rig, place, place_of, publish, publish_over, store, word,
};
use keywheel_contract::{Retired, SecretStore, VersionId};
use keywheel_test_servers::writes::prepare;
use serde_json::json;

#[tokio::test]
async fn each_kind_of_place_gets_the_value() {
    let rig = Rig::set().await;
    for (path, text) in [
        (REPOSITORY, "example \"a\" $5 é\n"),
        (ENVIRONMENT, "example-b"),
        (ORGANIZATION, "example-c"),
    ] {
        let place = place_of(path, &["TOKEN"]);
        assert_eq!(rig.store.inspect(&place).await.unwrap().current, None);
        let first = publish(&rig.store, &place, "example-first", 1)
            .await
            .unwrap();
        let second = publish(&rig.store, &place, text, 2).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(rig.github.value(path, "TOKEN").unwrap(), text);
        let seen = rig.store.inspect(&place).await.unwrap();
        let date = chrono::DateTime::parse_from_rfc3339(second.as_str()).unwrap();
        assert_eq!(seen.written_at_ms, Some(date.timestamp_millis()));
        assert_eq!(seen.current, Some(second));
        assert_eq!(rig.github.writes(path), 2);
    }
}

#[tokio::test]
async fn a_server_of_ones_own_is_called_below_its_path() {
    let rig = Rig::set().await;
    let address = format!("{}/api/v3", rig.github.address());
    let own = store(&address, &rig.token, json!({}));
    publish(&own, &place(), "example-1", 1).await.unwrap();
    assert_eq!(rig.value(), "example-1");
}

#[tokio::test]
async fn several_secrets_of_a_place_are_written_together() {
    let rig = Rig::set().await;
    let pair = place_of(REPOSITORY, &["KEY_ID", "KEY_SECRET"]);
    rig.github.put(REPOSITORY, "KEY_ID", "example-theirs");
    let seen = rig.store.inspect(&pair).await.unwrap().current.unwrap();
    assert!(seen.as_str().ends_with("(1/2)"), "{seen}");
    let version = publish(&rig.store, &pair, "example-1", 1).await.unwrap();
    assert!(!version.as_str().contains('('), "{version}");
    for name in ["KEY_ID", "KEY_SECRET"] {
        assert_eq!(rig.github.value(REPOSITORY, name).unwrap(), "example-1");
    }
    // Whoever writes one of them later is seen.
    rig.github.put(REPOSITORY, "KEY_ID", "example-theirs");
    let seen = rig.store.inspect(&pair).await.unwrap().current;
    assert!(seen.is_some_and(|seen| seen != version));
}

#[tokio::test]
async fn a_write_has_a_date_of_its_own_also_within_one_second() {
    let rig = Rig::set().await;
    rig.github.keeps_time();
    let mut versions = Vec::new();
    for number in 1..4 {
        versions.push(
            rig.publish(&format!("example-{number}"), number)
                .await
                .unwrap(),
        );
    }
    versions.dedup();
    assert_eq!((versions.len(), rig.github.writes(REPOSITORY)), (3, 3));
}

#[tokio::test]
async fn a_key_that_changes_between_our_look_and_our_write_is_taken_anew() {
    let rig = Rig::set().await;
    for path in [REPOSITORY, ORGANIZATION] {
        let place = place_of(path, &["TOKEN"]);
        rig.github.rekeys_before_the_next_write(path);
        publish(&rig.store, &place, "example-1", 1).await.unwrap();
        assert_eq!(rig.github.value(path, "TOKEN").unwrap(), "example-1");
        let refused = rig.github.exchanges();
        let refused = refused.iter().filter(|one| one.status == 422);
        assert!(refused.count() >= 1);
    }
}

#[tokio::test]
async fn an_organization_s_secret_keeps_whoever_may_use_it() {
    let rig = Rig::set().await;
    let place = place_of(ORGANIZATION, &["TOKEN"]);
    publish(&rig.store, &place, "example-1", 1).await.unwrap();
    let audience = || rig.github.audience(ORGANIZATION, "TOKEN");
    assert_eq!(audience(), (Some("private".into()), vec![]));
    let chosen: Vec<u64> = (1..=205).collect();
    rig.github.select(ORGANIZATION, "TOKEN", &chosen);
    publish(&rig.store, &place, "example-2", 2).await.unwrap();
    assert_eq!(audience(), (Some("selected".into()), chosen));
    let all = store(
        rig.github.address(),
        &rig.token,
        json!({ "visibility": "all" }),
    );
    let other = place_of(ORGANIZATION, &["OTHER"]);
    publish(&all, &other, "example-3", 3).await.unwrap();
    assert_eq!(
        rig.github.audience(ORGANIZATION, "OTHER"),
        (Some("all".into()), vec![])
    );
}

#[tokio::test]
async fn whoever_may_use_an_organization_s_secret_is_known_in_full_or_nothing_is_written() {
    let rig = Rig::set().await;
    let place = place_of(ORGANIZATION, &["TOKEN"]);
    publish(&rig.store, &place, "example-1", 1).await.unwrap();
    let chosen: Vec<u64> = (1..=65).collect();
    let kept = (Some("selected".into()), chosen.clone());
    rig.github.select(ORGANIZATION, "TOKEN", &chosen);
    rig.github.lists_at_most(30);
    publish(&rig.store, &place, "example-2", 2).await.unwrap();
    assert_eq!(rig.github.audience(ORGANIZATION, "TOKEN"), kept);
    let seen = rig.store.inspect(&place).await.unwrap();
    rig.github.hides(1);
    assert_eq!(word(rig.store.inspect(&place).await), "invalid");
    let refused = publish_over(&rig.store, &place, "example-3", 3, &seen).await;
    assert_eq!(word(refused), "invalid");
    assert_eq!(rig.github.audience(ORGANIZATION, "TOKEN"), kept);
    assert_eq!(rig.github.writes(ORGANIZATION), 2);
}

#[tokio::test]
async fn the_same_write_twice_leaves_the_same_value() {
    let rig = Rig::set().await;
    let prepared = prepare(&rig.store, &place(), "example-1", 1).await.unwrap();
    let first = rig.store.promote(&prepared.write()).await.unwrap();
    let again = rig.store.promote(&prepared.write()).await.unwrap();
    assert_ne!(first, again);
    assert_eq!(
        (rig.value().as_str(), rig.github.writes(REPOSITORY)),
        ("example-1", 2)
    );
    // No box is sent twice, for the same value looks different each time.
    let boxes = rig.github.exchanges();
    let mut boxes: Vec<_> = boxes
        .iter()
        .filter_map(|one| one.body["encrypted_value"].as_str())
        .collect();
    boxes.dedup();
    assert_eq!(boxes.len(), 2);
}

#[tokio::test]
async fn nothing_is_read_found_or_brought_back_and_what_was_written_over_is_gone() {
    let rig = Rig::set().await;
    let old = rig.publish("example-1", 1).await.unwrap();
    let new = rig.publish("example-2", 2).await.unwrap();
    assert_eq!(word(rig.store.read(&place(), &new).await), "invalid");
    let prepared = prepare(&rig.store, &place(), "example-2", 2).await.unwrap();
    let found = rig
        .store
        .find(&place(), &prepared.mark, &prepared.payload)
        .await;
    assert_eq!(word(found), "invalid");
    assert_eq!(
        rig.store.disable(&place(), &old).await.unwrap(),
        Retired::Impossible
    );
    assert_eq!(word(rig.store.enable(&place(), &old).await), "invalid");
    assert_eq!(
        rig.store.destroy(&place(), &old).await.unwrap(),
        Retired::Destroyed
    );
    assert_eq!(word(rig.store.destroy(&place(), &new).await), "conflict");
    assert_eq!(word(rig.store.discover(None).await), "invalid");
    let listed = rig.store.list(&place()).await.unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|one| &one.id)
            .collect::<Vec<&VersionId>>(),
        [&new]
    );
}

#[tokio::test]
async fn what_cannot_be_a_secret_is_refused_before_anything_is_sent() {
    let rig = Rig::set().await;
    for bad in [
        place_of("octo-org", &["TOKEN"]),
        place_of(REPOSITORY, &[]),
        place_of(REPOSITORY, &["token"]),
        place_of(REPOSITORY, &["GITHUB_TOKEN"]),
    ] {
        assert_eq!(
            word(publish(&rig.store, &bad, "example", 1).await),
            "invalid",
            "{bad:?}"
        );
    }
    assert!(rig.github.exchanges().is_empty());
    for text in [String::new(), "x".repeat(48 * 1024 + 1)] {
        assert_eq!(word(rig.publish(&text, 1).await), "invalid");
    }
    assert_eq!(rig.github.writes(REPOSITORY), 0);
}

#[tokio::test]
async fn each_refused_token_and_place_says_what_to_do() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.token.replace(&rig.github.token(&[REPOSITORY], false));
    assert_eq!(word(rig.store.inspect(&place()).await), "done");
    let refused = rig.publish("example-2", 2).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
    assert!(refused.message.contains("may not do this"), "{refused}");
    let missing = place_of("octo-org/nothing", &["TOKEN"]);
    let refused = rig.store.inspect(&missing).await.unwrap_err();
    assert_eq!(refused.word(), "not_found");
    assert!(refused.message.contains("not for our token"), "{refused}");
    let token = rig.github.token(&[REPOSITORY], true);
    rig.token.replace(&token);
    rig.github.revoke(&token);
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
    assert!(refused.message.contains("expired or revoked"), "{refused}");
    rig.token.replace("");
    assert_eq!(word(rig.store.inspect(&place()).await), "invalid");
    assert_eq!(rig.value(), "example-1");
}
