//! Versions and aliases: what a person does in the middle, what is ended, what converges, what cannot work.

use crate::rig::{document, full, id, place, prepare, publish, scene, send, store, word};
use keywheel_contract::{
    Error, Found, Place, Result, Retired, SecretStore, SecretValue, Verb, Verdict, Write,
};
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::google::{Google, VersionState};
use serde_json::json;
use std::time::Duration;

fn message<T>(answer: Result<T>, word: &str) -> String {
    let error: Error = answer.err().unwrap();
    assert_eq!(error.word(), word, "{error}");
    error.message
}

#[tokio::test]
async fn what_was_staged_is_promoted_and_nothing_else() {
    let (google, store, place) = scene(true).await;
    let staged = prepare(&store, &place, "example-2", 1).await.unwrap();
    assert_eq!(store.stage(&staged.write()).await.unwrap(), id(2));
    assert_eq!(store.stage(&staged.write()).await.unwrap(), id(2));
    assert_eq!(
        google.secret(&full("chat"))["versionAliases"]["current"],
        "1"
    );
    // Another payload under the same mark.
    let other = SecretValue::from(r#"{"TOKEN":"example-other"}"#.to_owned());
    let write = Write {
        payload: &other,
        ..staged.write()
    };
    assert_eq!(word(store.promote(&write).await), "conflict");
    assert_eq!(store.promote(&staged.write()).await.unwrap(), id(2));
    assert_eq!(store.promote(&staged.write()).await.unwrap(), id(2));
    assert_eq!(
        google.secret(&full("chat"))["versionAliases"]["current"],
        "2"
    );
    let found = |place: Place| {
        let (store, staged) = (&store, &staged);
        async move {
            store
                .find(&place, &staged.mark, &staged.payload)
                .await
                .unwrap()
        }
    };
    assert_eq!(found(place.clone()).await, Found::Current(id(2)));
    publish(&store, &place, "example-3", 2).await.unwrap();
    assert_eq!(found(place.clone()).await, Found::Superseded(id(2)));
    assert_eq!(google.secret(&full("chat"))["labels"]["team"], "chat");
}

#[tokio::test]
async fn a_person_who_moves_the_alias_in_the_middle_is_not_overwritten() {
    let (google, store, place) = scene(true).await;
    let staged = prepare(&store, &place, "example-2", 1).await.unwrap();
    store.stage(&staged.write()).await.unwrap();
    google.add(&full("chat"), r#"{"TOKEN":"example-person"}"#);
    google.point(&full("chat"), "current", 3);
    assert_eq!(word(store.promote(&staged.write()).await), "conflict");
    // Also where the engine looks again before it promotes: the base is another one than that of the staging.
    let mut again = prepare(&store, &place, "example-2", 1).await.unwrap();
    again.payload = staged.payload.duplicate();
    assert_eq!(word(store.promote(&again.write()).await), "conflict");
    assert_eq!(
        google.secret(&full("chat"))["versionAliases"]["current"],
        "3"
    );
}

#[tokio::test]
async fn a_person_who_adds_a_version_in_the_middle_is_seen() {
    let (google, store, place) = scene(false).await;
    let prepared = prepare(&store, &place, "example-2", 1).await.unwrap();
    google.add(&full("chat"), r#"{"TOKEN":"example-person"}"#);
    assert_eq!(word(store.promote(&prepared.write()).await), "conflict");
    assert_eq!(google.versions(&full("chat")).len(), 2);
    // Somebody who does it between our announcement and our version is told from us by the content.
    let found = store.find(&place, &prepared.mark, &prepared.payload).await;
    assert_eq!(found.unwrap(), Found::Absent);
}

#[tokio::test]
async fn going_back_moves_the_alias_to_the_version_that_is_kept() {
    let (google, store, place) = scene(true).await;
    publish(&store, &place, "example-2", 1).await.unwrap();
    let back = prepare(&store, &place, "example-1", 2).await.unwrap();
    let payload = SecretValue::from(r#"{"TOKEN":"example-1","other":[1,2]}"#.to_owned());
    assert!(back.payload.matches(&payload));
    assert_eq!(store.promote(&back.write()).await.unwrap(), id(1));
    assert_eq!(google.versions(&full("chat")).len(), 2);
    let found = store.find(&place, &back.mark, &back.payload).await.unwrap();
    assert_eq!(found, Found::Current(id(1)));
    assert_eq!(
        store.destroy(&place, &id(2)).await.unwrap(),
        Retired::Destroyed
    );
    // Where it is gone it is added anew.
    publish(&store, &place, "example-3", 3).await.unwrap();
    google.set_state(&full("chat"), 1, VersionState::Destroyed);
    let back = prepare(&store, &place, "example-1", 4).await.unwrap();
    assert_eq!(store.promote(&back.write()).await.unwrap(), id(4));
}

#[tokio::test]
async fn with_latest_going_back_adds_the_old_content() {
    let (google, store, place) = scene(false).await;
    publish(&store, &place, "example-2", 1).await.unwrap();
    assert_eq!(
        publish(&store, &place, "example-1", 2).await.unwrap(),
        id(3)
    );
    assert_eq!(google.versions(&full("chat")).len(), 3);
    assert_eq!(word(store.disable(&place, &id(3)).await), "conflict");
}

#[tokio::test]
async fn a_version_that_is_destroyed_later_says_so() {
    let (google, store, place) = scene(true).await;
    google.set(&full("chat"), &json!({ "versionDestroyTtl": "86400s" }));
    publish(&store, &place, "example-2", 1).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            store.destroy(&place, &id(1)).await.unwrap(),
            Retired::Scheduled
        );
    }
    assert_eq!(word(store.read(&place, &id(1)).await), "invalid");
    store.enable(&place, &id(1)).await.unwrap();
    assert!(
        store
            .read(&place, &id(1))
            .await
            .unwrap()
            .matches(&document("example-1"))
    );
    store.destroy(&place, &id(1)).await.unwrap();
    google.advance(Duration::from_secs(86_400));
    assert_eq!(
        store.destroy(&place, &id(1)).await.unwrap(),
        Retired::Destroyed
    );
    assert_eq!(
        store.disable(&place, &id(1)).await.unwrap(),
        Retired::Destroyed
    );
    assert_eq!(word(store.enable(&place, &id(1)).await), "not_found");
    assert_eq!(word(store.destroy(&place, &id(9)).await), "not_found");
}

#[tokio::test]
async fn a_version_that_another_alias_names_is_not_ended() {
    let (google, store, place) = scene(true).await;
    google.point(&full("chat"), "stable", 1);
    let seen = store.inspect(&place).await.unwrap();
    assert!(
        seen.warnings.iter().any(|w| w.contains("`stable`")),
        "{seen:?}"
    );
    publish(&store, &place, "example-2", 1).await.unwrap();
    let said = message(store.disable(&place, &id(1)).await, "invalid");
    assert!(said.contains("`stable`"), "{said}");
    assert_eq!(google.versions(&full("chat"))[0].1, VersionState::Enabled);
}

#[tokio::test]
async fn readers_who_lag_behind_are_told_until_they_follow() {
    for alias in [true, false] {
        let (google, store, place) = scene(alias).await;
        google.lag(5);
        publish(&store, &place, "example-2", 1).await.unwrap();
        let mut looks = 0;
        loop {
            let seen = store.inspect(&place).await.unwrap();
            assert_eq!(seen.current, Some(id(2)));
            if seen.replicas_in_sync {
                break;
            }
            assert!(seen.warnings[0].contains("not every reader"), "{seen:?}");
            looks += 1;
        }
        assert_eq!(looks, 5);
    }
    let (google, _, place) = scene(false).await;
    google.lag(5);
    let pinned = store(&google, json!({ "selector": "pinned" }));
    publish(&pinned, &place, "example-2", 1).await.unwrap();
    assert!(pinned.inspect(&place).await.unwrap().replicas_in_sync);
}

#[tokio::test]
async fn a_disabled_newest_version_is_nobody_s_and_still_counts() {
    let (google, store, place) = scene(false).await;
    publish(&store, &place, "example-2", 1).await.unwrap();
    google.set_state(&full("chat"), 2, VersionState::Disabled);
    let seen = store.inspect(&place).await.unwrap();
    assert_eq!((seen.current, seen.token.as_deref()), (None, Some("2")));
    assert!(
        seen.warnings[0].contains("get an error"),
        "{:?}",
        seen.warnings
    );
    // What we wrote cannot be told apart any more, and is not guessed.
    let sent = SecretValue::from(r#"{"TOKEN":"example-2"}"#.to_owned());
    let doubtful = store.find(&place, &crate::rig::mark(1), &sent).await;
    assert_eq!(word(doubtful), "unknown_outcome");
    assert_eq!(
        publish(&store, &place, "example-3", 2).await.unwrap(),
        id(3)
    );
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_created_only_where_that_is_said() {
    let google = Google::start(None).await;
    let said = message(
        store(&google, json!({})).inspect(&place("new")).await,
        "not_found",
    );
    assert!(
        said.contains("gcloud secrets create new --project=example"),
        "{said}"
    );
    for (number, selector) in ["current", "latest"].into_iter().enumerate() {
        let place = place(&format!("new-{number}"));
        let options = json!({ "create": true, "selector": selector, "replicas": ["europe-west3"] });
        let creating = store(&google, options);
        let looked = creating.examine(std::slice::from_ref(&place)).await;
        let missing = looked
            .findings
            .iter()
            .find(|f| f.verdict == Verdict::Missing);
        assert_eq!(missing, None);
        let policy = looked.policy.unwrap();
        assert!(policy.contains("secretmanager.secrets.create"), "{policy}");
        let prepared = prepare(&creating, &place, "example-1", 1).await.unwrap();
        // Also where the answer to the creation is lost, which shows by the note in it.
        let lost = Fault::LoseReply;
        google.faults().next(1, lost, |asked| asked.writes());
        assert_eq!(send(&creating, &prepared).await.unwrap(), id(1));
        let seen = creating.inspect(&place).await.unwrap();
        assert_eq!(seen.current, Some(id(1)));
        let kept = google.secret(&full(&place.path));
        let replica = &kept["replication"]["userManaged"]["replicas"][0];
        assert_eq!(replica["location"], "europe-west3");
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anything_starts() {
    let (google, store, place) = scene(true).await;
    let with = async |more: serde_json::Value| {
        google.set(&full("chat"), &more);
        store.inspect(&place).await
    };
    let said = with(json!({ "expireTime": "2030-01-01T00:00:00Z" })).await;
    assert!(message(said, "invalid").contains("expires at 2030-01-01"));
    let big = "x".repeat(15_000);
    let said = with(json!({ "expireTime": null, "annotations": { "big": big } })).await;
    assert!(message(said, "invalid").contains("annotations"));
    let said = with(json!({ "annotations": {}, "versionAliases": { "stable": "1" } })).await;
    assert!(message(said, "invalid").contains("--update-version-aliases=current=1"));
    let aliases: serde_json::Map<_, _> = (0..50).map(|n| (format!("a{n}"), json!("1"))).collect();
    let said = with(json!({ "versionAliases": aliases })).await;
    assert!(message(said, "invalid").contains("50 aliases"));
    let rotation = json!({ "nextRotationTime": "2030-01-01T00:00:00Z" });
    let seen = with(json!({ "versionAliases": { "current": "1" }, "rotation": rotation })).await;
    assert!(seen.unwrap().warnings[0].contains("rotation schedule"));
    let other = Place {
        selector: Some("latest".into()),
        ..place.clone()
    };
    assert!(message(store.inspect(&other).await, "invalid").contains("`current`"));
}

#[tokio::test]
async fn a_secret_that_google_rotates_is_left_to_it() {
    let (google, store, place) = scene(true).await;
    for (status, native) in [
        (Some("ACTIVE"), true),
        (Some("INACTIVE"), false),
        (None, true),
    ] {
        let rotation = status.map(|state| json!({ "managedRotationStatus": { "state": state } }));
        let kind = "CLOUD_SQL_DB_CREDENTIALS";
        google.set(
            &full("chat"),
            &json!({ "secretType": kind, "rotation": rotation }),
        );
        let seen = store.inspect(&place).await.unwrap();
        assert_eq!(seen.natively_managed_by.is_some(), native, "{status:?}");
        let page = store.discover(None).await.unwrap();
        assert_eq!(
            page.entries[0].natively_managed_by,
            seen.natively_managed_by
        );
    }
}

#[tokio::test]
async fn notes_do_not_pile_up() {
    let (google, store, place) = scene(true).await;
    google.set(
        &full("chat"),
        &json!({ "annotations": { "team": "by hand" } }),
    );
    for number in 1..=20 {
        publish(&store, &place, &format!("example-{number}"), number)
            .await
            .unwrap();
    }
    let kept = google.secret(&full("chat"));
    let notes = kept["annotations"].as_object().unwrap();
    assert!(notes.len() <= 18, "{notes:?}");
    assert_eq!(notes["team"], "by hand");
}

#[tokio::test]
async fn each_verb_draws_on_the_quotas_of_its_project_and_region() {
    let google = Google::start(None).await;
    let options = json!({ "location": "europe-west3" });
    let draws = store(&google, options).draws(Verb::Stage);
    let names: Vec<&str> = draws.iter().map(|draw| draw.quota.name.as_str()).collect();
    let of = |what: &str| format!("google-secret-manager/example/europe-west3/{what}");
    assert_eq!(names, [of("access"), of("read"), of("write")]);
    assert!(
        draws
            .iter()
            .all(|draw| draw.calls > 0 && draw.quota.burst >= draw.calls)
    );
}
