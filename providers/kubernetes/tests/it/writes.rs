//! What a write does, and to what: keys, marks, fences.

use crate::rig::{DB, Rig, find, place, place_of, publish, publish_over, word};
use keywheel_contract::{ErrorKind, Found, Retired, SecretStore as _, VersionId};
use serde_json::{Value, json};

#[tokio::test]
async fn a_secret_that_is_not_there_is_made_and_then_applied_to() {
    let rig = Rig::set().await;
    assert_eq!(rig.store.inspect(&place()).await.unwrap().current, None);
    let first = rig.publish("example-1", 1).await.unwrap();
    assert_eq!(rig.value("TOKEN"), "example-1");
    assert_eq!(rig.cluster.secret(DB)["type"], "Opaque");
    let second = rig.publish("example-2", 2).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(rig.cluster.owners(DB, "TOKEN"), ["keywheel Apply"]);
    let note = &rig.cluster.secret(DB)["metadata"]["annotations"]["keywheel/published"];
    let note: Value = serde_json::from_str(note.as_str().unwrap()).unwrap();
    assert_eq!(note["TOKEN"]["rotation"], "example-2");
    assert_eq!(note["TOKEN"]["version"], second.as_str());
    // The same again is no write.
    let writes = rig.cluster.writes(DB);
    assert_eq!(rig.publish("example-2", 3).await.unwrap(), second);
    assert_eq!(rig.cluster.writes(DB), writes);
    let asked = rig.cluster.asked();
    let applied = asked
        .iter()
        .any(|one| one.contains("fieldManager=keywheel&force=true"));
    assert!(applied, "{asked:?}");
}

#[tokio::test]
async fn a_value_that_people_made_is_taken_over_and_their_other_keys_stay_theirs() {
    let rig = Rig::set().await;
    for key in ["TOKEN", "HOST"] {
        rig.cluster
            .edit(DB, key, "example-by-hand", "kubectl-create");
    }
    let seen = rig.store.inspect(&place()).await.unwrap();
    assert!(seen.current.is_some() && seen.written_at_ms.is_some());
    rig.publish("example-1", 1).await.unwrap();
    assert_eq!(
        (rig.value("TOKEN"), rig.value("HOST")),
        ("example-1".into(), "example-by-hand".into())
    );
    assert_eq!(rig.cluster.owners(DB, "TOKEN"), ["keywheel Apply"]);
    assert_eq!(rig.cluster.owners(DB, "HOST"), ["kubectl-create Update"]);
}

#[tokio::test]
async fn the_old_value_is_gone_once_the_new_one_stands_there() {
    let rig = Rig::set().await;
    let old = rig.publish("example-1", 1).await.unwrap();
    let new = rig.publish("example-2", 2).await.unwrap();
    assert_eq!(word(rig.store.read(&place(), &old).await), "not_found");
    assert_eq!(
        rig.store.disable(&place(), &old).await,
        Ok(Retired::Impossible)
    );
    assert_eq!(
        rig.store.destroy(&place(), &old).await,
        Ok(Retired::Destroyed)
    );
    assert_eq!(word(rig.store.destroy(&place(), &new).await), "conflict");
    // Back again it has its old name.
    assert_eq!(rig.publish("example-1", 3).await.unwrap(), old);
}

#[tokio::test]
async fn a_copy_that_kubectl_keeps_is_told_and_never_called_destroyed() {
    let rig = Rig::set().await;
    let old = rig.publish("example-1", 1).await.unwrap();
    let copy = json!({ "data": { "TOKEN": "ZXhhbXBsZS0x" } }).to_string();
    let name = "kubectl.kubernetes.io/last-applied-configuration";
    rig.cluster.merge(
        DB,
        &json!({ "metadata": { "annotations": { name: copy } } }),
    );
    rig.publish("example-2", 2).await.unwrap();
    let warnings = rig.store.inspect(&place()).await.unwrap().warnings;
    assert!(warnings[0].contains("copy of an old value"), "{warnings:?}");
    assert_eq!(
        rig.store.destroy(&place(), &old).await,
        Ok(Retired::Impossible)
    );
}

#[tokio::test]
async fn a_stranger_s_write_in_between_is_a_conflict_that_names_them() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let seen = rig.store.inspect(&place()).await.unwrap();
    rig.cluster
        .edit(DB, "TOKEN", "example-theirs", "kubectl-edit");
    let theirs = rig.store.inspect(&place()).await.unwrap().current;
    let refused = publish_over(&rig.store, &place(), "example-2", 2, &seen)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict { seen: theirs });
    assert!(
        refused.message.contains("`kubectl-edit` at 20"),
        "{refused}"
    );
    assert_eq!(rig.value("TOKEN"), "example-theirs");
}

#[tokio::test]
async fn a_stranger_between_our_look_and_our_write_loses_nothing() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    // Theirs is another key: we look again and write.
    rig.cluster
        .meddle(DB, "HOST", "example-host", "kubectl-edit");
    rig.publish("example-2", 2).await.unwrap();
    assert_eq!(
        (rig.value("TOKEN"), rig.value("HOST")),
        ("example-2".into(), "example-host".into())
    );
    // Theirs is our key: a conflict.
    rig.cluster
        .meddle(DB, "TOKEN", "example-theirs", "kubectl-edit");
    let refused = rig.publish("example-3", 3).await.unwrap_err();
    assert!(refused.message.contains("kubectl-edit"), "{refused}");
    assert_eq!(rig.value("TOKEN"), "example-theirs");
    // Whose key changes each time waits for a quieter moment.
    for number in 0..9 {
        rig.cluster
            .meddle(DB, "HOST", &format!("example-{number}"), "noise");
    }
    assert_eq!(word(rig.publish("example-4", 4).await), "conflict");
}

#[tokio::test]
async fn who_makes_the_secret_first_is_not_overwritten() {
    let rig = Rig::set().await;
    let nothing = rig.store.inspect(&place()).await.unwrap();
    rig.cluster
        .meddle(DB, "TOKEN", "example-theirs", "kubectl-create");
    let late = publish_over(&rig.store, &place(), "example-1", 1, &nothing).await;
    assert_eq!(word(late), "conflict");
    assert_eq!(rig.value("TOKEN"), "example-theirs");
    // A Secret of theirs without our key is no obstacle.
    rig.cluster.remove(DB);
    rig.cluster
        .meddle(DB, "HOST", "example-host", "kubectl-create");
    publish_over(&rig.store, &place(), "example-1", 1, &nothing)
        .await
        .unwrap();
    assert_eq!(
        (rig.value("TOKEN"), rig.value("HOST")),
        ("example-1".into(), "example-host".into())
    );
}

#[tokio::test]
async fn a_secret_that_was_taken_away_is_not_made_again_unasked() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let seen = rig.store.inspect(&place()).await.unwrap();
    rig.cluster.remove(DB);
    let late = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    assert_eq!(word(late), "conflict");
    assert_eq!(rig.cluster.value(DB, "TOKEN"), None);
}

#[tokio::test]
async fn a_write_is_found_by_what_stands_there_and_by_its_mark() {
    let rig = Rig::set().await;
    assert_eq!(find(&rig.store, "example-1", 1).await, Ok(Found::Absent));
    let version = rig.publish("example-1", 1).await.unwrap();
    assert_eq!(
        find(&rig.store, "example-1", 1).await,
        Ok(Found::Current(version.clone()))
    );
    assert_eq!(find(&rig.store, "example-2", 2).await, Ok(Found::Absent));
    // Edited by hand, the mark still says that our write was there.
    rig.cluster
        .edit(DB, "TOKEN", "example-theirs", "kubectl-edit");
    assert_eq!(
        find(&rig.store, "example-1", 1).await,
        Ok(Found::Superseded(version))
    );
    assert_eq!(find(&rig.store, "example-1", 9).await, Ok(Found::Absent));
}

#[tokio::test]
async fn two_sets_of_keys_in_one_secret_keep_their_own_marks() {
    let rig = Rig::set().await;
    let other = place_of(DB, &["USER", "PASSWORD"]);
    let first = rig.publish("example-1", 1).await.unwrap();
    publish(&rig.store, &other, "example-2", 2).await.unwrap();
    rig.publish("example-3", 3).await.unwrap();
    assert_eq!(
        (rig.value("USER"), rig.value("TOKEN")),
        ("example-2".into(), "example-3".into())
    );
    assert_eq!(word(rig.store.read(&place(), &first).await), "not_found");
    let note = &rig.cluster.secret(DB)["metadata"]["annotations"]["keywheel/published"];
    let note: Value = serde_json::from_str(note.as_str().unwrap()).unwrap();
    assert_eq!(
        (
            &note["PASSWORD,USER"]["rotation"],
            &note["TOKEN"]["rotation"]
        ),
        (&json!("example-2"), &json!("example-3"))
    );
}

#[tokio::test]
async fn what_is_binary_is_read_and_replaced() {
    let rig = Rig::set().await;
    rig.cluster.edit(DB, "TOKEN", "x", "kubectl-create");
    rig.cluster
        .merge(DB, &json!({ "data": { "TOKEN": "AP8=" } }));
    let seen = rig.store.inspect(&place()).await.unwrap();
    assert!(
        rig.store
            .read(&place(), &seen.current.unwrap())
            .await
            .is_ok()
    );
    rig.publish("example-1", 1).await.unwrap();
    assert_eq!(rig.value("TOKEN"), "example-1");
}

#[tokio::test]
async fn what_does_not_fit_beside_what_is_there_is_refused_before_it_is_sent() {
    let rig = Rig::set().await;
    rig.cluster
        .edit(DB, "HOST", &"x".repeat(700_000), "kubectl-create");
    let writes = rig.cluster.writes(DB);
    let refused = rig.publish(&"y".repeat(400_000), 1).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(refused.message.contains("1100000 bytes"), "{refused}");
    assert_eq!(rig.cluster.writes(DB), writes);
    assert_eq!(
        word(rig.store.read(&place(), &VersionId::new("fp-0")).await),
        "not_found"
    );
}
