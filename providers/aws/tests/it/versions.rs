//! Versions and labels: what AWS's own client sees of a rotation, of going back, and of a person in between.

use crate::rig::{
    Ours, Prepared, Witness, document_of, mark, place, prepare, publish, whole, word,
};
use keywheel_contract::{Document, Found, Retired, SecretStore, SecretValue, VersionId};
use keywheel_test_servers::aws::Emulator;
use serde_json::json;

struct Scene {
    emulator: Emulator,
    ours: Ours,
    witness: Witness,
}

async fn set() -> Option<Scene> {
    let emulator = Emulator::roto().await?;
    Some(Scene {
        ours: Ours::at(&emulator.address, json!({})),
        witness: Witness::of(&emulator.address)?,
        emulator,
    })
}

fn id(number: u8) -> VersionId {
    VersionId::new(mark(number).token)
}

#[tokio::test]
async fn the_witness_sees_a_rotation_and_its_way_back() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    let (store, place) = (&ours.store, place("prod/chat"));
    witness.creates("prod/chat", r#"{"TOKEN":"example-0","user":"app"}"#);
    let old = store.inspect(&place).await.unwrap();
    assert!(old.written_at_ms.is_some() && old.warnings.is_empty());
    let prepared = prepare(store, &place, "example-1", 1).await.unwrap();
    store.stage(&prepared.write()).await.unwrap();
    let before = witness.value("prod/chat", "AWSCURRENT");
    assert_eq!(before, json!(r#"{"TOKEN":"example-0","user":"app"}"#));
    let staged = witness.value("prod/chat", "KEYWHEEL_PENDING");
    assert_eq!(staged, json!(r#"{"TOKEN":"example-1","user":"app"}"#));
    let warned = store.inspect(&place).await.unwrap().warnings;
    assert!(warned[0].contains("KEYWHEEL_PENDING"), "{warned:?}");
    assert_eq!(store.promote(&prepared.write()).await.unwrap(), id(1));
    assert_eq!(witness.value("prod/chat", "AWSCURRENT"), staged);
    assert_eq!(witness.value("prod/chat", "AWSPREVIOUS"), before);
    // Going back: the old document as a new version, in one effect.
    let back = prepare(store, &place, "example-0", 2).await.unwrap();
    assert_eq!(store.promote(&back.write()).await.unwrap(), id(2));
    assert_eq!(witness.value("prod/chat", "AWSCURRENT"), before);
    let how = store.destroy(&place, &id(1)).await.unwrap();
    assert_eq!(how, Retired::Unlabelled);
    let labels = witness.describe("prod/chat")["VersionIdsToStages"].clone();
    assert_eq!(labels, json!({ mark(2).token: ["AWSCURRENT"] }));
    // Nothing is destroyed: whoever knows the version still reads it.
    let read = store.read(&place, &id(1)).await.unwrap();
    assert!(read.matches(&document_of(&place, "example-1")));
    assert_eq!(witness.versions("prod/chat").len(), 3);
}

#[tokio::test]
async fn a_person_in_the_middle_is_never_overwritten() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    let (store, place) = (&ours.store, place("a"));
    publish(store, &place, "example-1", 1).await.unwrap();
    let prepared = prepare(store, &place, "example-2", 2).await.unwrap();
    witness.writes("a", r#"{"TOKEN":"example-theirs"}"#);
    assert_eq!(word(store.stage(&prepared.write()).await), "conflict");
    let late = prepare(store, &place, "example-3", 3).await.unwrap();
    store.stage(&late.write()).await.unwrap();
    witness.writes("a", r#"{"TOKEN":"example-again"}"#);
    let refused = store.promote(&late.write()).await.unwrap_err();
    assert_eq!(refused.word(), "conflict");
    let seen = store.inspect(&place).await.unwrap().current;
    assert!(
        refused.message.contains(seen.unwrap().as_str()),
        "{refused}"
    );
    let shown = witness.value("a", "AWSCURRENT");
    assert_eq!(shown, json!(r#"{"TOKEN":"example-again"}"#));
    let found = store.find(&place, &late.mark, &late.payload).await;
    assert_eq!(found.unwrap(), Found::Staged(id(3)));
}

#[tokio::test]
async fn a_staged_payload_is_the_one_that_is_promoted() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        ..
    }) = set().await
    else {
        return;
    };
    let (store, place) = (&ours.store, place("a"));
    publish(store, &place, "example-1", 1).await.unwrap();
    let prepared = prepare(store, &place, "example-2", 2).await.unwrap();
    store.stage(&prepared.write()).await.unwrap();
    let other = Prepared {
        payload: SecretValue::from(r#"{"TOKEN":"example-3"}"#.to_owned()),
        place: place.clone(),
        base: prepared.base.clone(),
        mark: prepared.mark.clone(),
    };
    assert_eq!(word(store.stage(&other.write()).await), "conflict");
    assert_eq!(word(store.promote(&other.write()).await), "conflict");
    assert_eq!(word(store.promote(&prepared.write()).await), "done");
    assert_eq!(word(store.promote(&other.write()).await), "conflict");
}

#[tokio::test]
async fn sixteen_that_promote_at_once_are_one() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    let (store, place) = (&ours.store, place("a"));
    publish(store, &place, "example-0", 100).await.unwrap();
    let mut racers = Vec::new();
    for number in 1..=16 {
        let text = format!("example-{number}");
        racers.push(prepare(store, &place, &text, number).await.unwrap());
    }
    let writes: Vec<_> = racers.iter().map(Prepared::write).collect();
    let racing = writes.iter().map(async |write| {
        let answer = store.promote(write).await;
        (word(answer), write.mark.token.clone())
    });
    let done = futures_util::future::join_all(racing).await;
    let won: Vec<_> = done.iter().filter(|(word, _)| *word == "done").collect();
    let lost = done.iter().filter(|(word, _)| *word == "conflict").count();
    assert_eq!((won.len(), lost), (1, 15), "{done:?}");
    let shown = store.inspect(&place).await.unwrap().current.unwrap();
    assert_eq!(shown.as_str(), won[0].1);
    let labels = &witness.describe("a")["VersionIdsToStages"];
    assert_eq!(labels[&won[0].1], json!(["AWSCURRENT"]), "{labels}");
}

#[tokio::test]
async fn a_first_value_is_staged_as_a_name_alone() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    let (store, place) = (&ours.store, whole("new"));
    let prepared = prepare(store, &place, "example", 1).await.unwrap();
    assert_eq!(store.stage(&prepared.write()).await.unwrap(), id(1));
    assert_eq!(store.stage(&prepared.write()).await.unwrap(), id(1));
    assert!(witness.versions("new").is_empty());
    assert!(store.inspect(&place).await.unwrap().current.is_none());
    let found = store.find(&place, &prepared.mark, &prepared.payload).await;
    assert_eq!(found.unwrap(), Found::Absent);
    // Somebody else fills it first.
    witness.writes("new", "example-theirs");
    assert_eq!(word(store.promote(&prepared.write()).await), "conflict");
    assert_eq!(witness.value("new", "AWSCURRENT"), "example-theirs");
    // Going straight to the end needs no stage.
    let second = prepare(store, &whole("second"), "example", 2)
        .await
        .unwrap();
    assert_eq!(store.promote(&second.write()).await.unwrap(), id(2));
    let labels = witness.describe("second")["VersionIdsToStages"].clone();
    assert_eq!(labels, json!({ mark(2).token: ["AWSCURRENT"] }));
}

#[tokio::test]
async fn a_binary_secret_stays_binary_and_has_no_fields() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    let store = &ours.store;
    let lines = "c.create_secret(Name=told, SecretBinary=b'\\x00\\xff')";
    witness.run(lines, json!("bin"));
    let place_with_field = place("bin");
    let seen = store.inspect(&place_with_field).await.unwrap();
    let document = document_of(&place_with_field, "example");
    let refused = store.compose(&place_with_field, &document, &seen).await;
    let refused = refused.err().unwrap();
    assert!(refused.message.contains("binary"), "{refused}");
    let read = store.read(&whole("bin"), &seen.current.unwrap()).await;
    let kept = Document::Whole(SecretValue::new(vec![0, 255]));
    assert!(read.unwrap().matches(&kept));
    publish(store, &whole("bin"), "example-text", 1)
        .await
        .unwrap();
    let lines = "show(c.get_secret_value(SecretId=told)['SecretBinary'].decode())";
    let lines = lines.replace("show", "print(json.dumps") + ")";
    assert_eq!(witness.run(&lines, json!("bin")), "example-text");
    // What is not text can only be binary, also in a secret that was text.
    publish(store, &whole("mixed"), "example-1", 2)
        .await
        .unwrap();
    let mut bytes = prepare(store, &whole("mixed"), "x", 3).await.unwrap();
    bytes.payload = SecretValue::new(vec![1, 254]);
    store.promote(&bytes.write()).await.unwrap();
    let lines = "print(json.dumps(list(c.get_secret_value(SecretId=told)['SecretBinary'])))";
    assert_eq!(witness.run(lines, json!("mixed")), json!([1, 254]));
}

#[tokio::test]
async fn what_is_not_text_of_fields_is_refused_without_its_value() {
    let Some(Scene {
        emulator: _emulator,
        ours,
        witness,
    }) = set().await
    else {
        return;
    };
    witness.creates("plain", "example-canary");
    let prepared = prepare(&ours.store, &place("plain"), "example", 1).await;
    let refused = prepared.err().unwrap();
    assert_eq!(refused.word(), "invalid");
    assert!(!refused.message.contains("canary"), "{refused}");
}
