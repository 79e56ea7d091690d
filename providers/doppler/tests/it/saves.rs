//! Saves: under which condition, what is compared, what is refused.

use crate::rig::{
    CONFIG, Kept, Rig, document_of, find, payload, place, place_of, publish, publish_over, store,
    word,
};
use keywheel_contract::{Found, Inspection, Retired, SecretStore, VersionId};
use serde_json::json;

#[tokio::test]
async fn all_our_secrets_are_one_save_and_the_others_stay() {
    let rig = Rig::set().await;
    rig.doppler.put(CONFIG, "OTHER", "example-theirs");
    rig.doppler.put(CONFIG, "USER", "example-before");
    let before = rig.doppler.saves(CONFIG);
    let both = place_of(CONFIG, &["USER", "TOKEN"]);
    let version = publish(&rig.store, &both, "example-new", 1).await.unwrap();
    assert_eq!(rig.doppler.saves(CONFIG), before + 1);
    let read = rig.store.read(&both, &version).await.unwrap();
    assert!(read.matches(&document_of(&both, "example-new")));
    assert_eq!(rig.doppler.raw(CONFIG, "OTHER").unwrap(), "example-theirs");
    let sent = rig.doppler.exchanges();
    let save = sent.iter().find(|one| one.method == "POST").unwrap();
    let changes = json!([
        { "name": "TOKEN", "originalName": null, "value": "example-new", "originalValue": null },
        { "name": "USER", "originalName": "USER", "value": "example-new", "originalValue": "example-before" },
    ]);
    assert_eq!(save.body["change_requests"], changes);
}

#[tokio::test]
async fn other_people_s_saves_do_not_change_our_version() {
    let rig = Rig::set().await;
    let ours = rig.publish("example-1", 1).await.unwrap();
    rig.doppler.put(CONFIG, "OTHER", "example-theirs");
    let seen = rig.store.inspect(&place()).await.unwrap();
    assert_eq!(seen.current, Some(ours.clone()));
    assert_eq!(
        find(&rig.store, "example-1", 1).await.unwrap(),
        Found::Current(ours)
    );
}

#[tokio::test]
async fn a_person_in_the_middle_is_never_overwritten() {
    for status in [400, 409, 412, 422] {
        let rig = Rig::set().await;
        rig.doppler.refuses_mismatch_with(status);
        rig.publish("example-1", 1).await.unwrap();
        // Between our look and our save.
        rig.doppler.meddle(CONFIG, "TOKEN", "example-theirs");
        let refused = rig.publish("example-2", 2).await.unwrap_err();
        assert_eq!(refused.word(), "conflict", "{status}: {refused}");
        assert!(
            refused.message.contains("saved by Example Person at 2026"),
            "{refused}"
        );
        assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "example-theirs");
        assert_eq!(
            find(&rig.store, "example-2", 2).await.unwrap(),
            Found::Absent
        );
        // And between the inspection and the write.
        let seen = rig.store.inspect(&place()).await.unwrap();
        rig.doppler.put(CONFIG, "TOKEN", "example-again");
        let late = publish_over(&rig.store, &place(), "example-3", 3, &seen).await;
        assert_eq!(word(late), "conflict");
        assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "example-again");
    }
}

#[tokio::test]
async fn a_person_s_change_of_another_secret_in_the_middle_is_no_conflict() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.doppler.meddle(CONFIG, "OTHER", "example-theirs");
    rig.publish("example-2", 2).await.unwrap();
    assert_eq!(rig.doppler.raw(CONFIG, "OTHER").unwrap(), "example-theirs");
}

#[tokio::test]
async fn a_refused_save_without_a_stranger_is_invalid_and_not_a_conflict() {
    let rig = Rig::set().await;
    let faults = rig.doppler.faults();
    let refuse = keywheel_test_servers::faults::Fault::Refuse(400, None);
    faults.next(1, refuse, |asked| asked.writes());
    assert_eq!(word(rig.publish("example-1", 1).await), "invalid");
}

#[tokio::test]
async fn a_value_that_would_be_replaced_is_not_sent() {
    let rig = Rig::set().await;
    rig.doppler.put(CONFIG, "HOST", "example-host");
    let refused = payload(&rig.store, &place(), "exa-${HOST}-mple")
        .await
        .err()
        .unwrap();
    assert_eq!(refused.word(), "invalid");
    assert!(!refused.message.contains("exa-"), "{refused}");
    // What names nothing arrives as it is.
    rig.publish("$HOST ${host} $$ ${ }", 1).await.unwrap();
    let computed = rig.doppler.computed(CONFIG, "TOKEN").unwrap();
    assert_eq!(computed, "$HOST ${host} $$ ${ }");
}

#[tokio::test]
async fn stored_texts_are_compared_and_not_what_consumers_get() {
    let rig = Rig::set().await;
    rig.doppler.put(CONFIG, "HOST", "example-1");
    let version = rig.publish("example-1", 1).await.unwrap();
    // Consumers get the same; what is stored is another text.
    rig.doppler.put(CONFIG, "TOKEN", "${HOST}");
    assert_eq!(rig.doppler.computed(CONFIG, "TOKEN").unwrap(), "example-1");
    assert_eq!(
        find(&rig.store, "example-1", 1).await.unwrap(),
        Found::Absent
    );
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(
        refused.message.contains("refers to other secrets"),
        "{refused}"
    );
    let seen = Inspection {
        current: Some(version),
        ..Inspection::default()
    };
    let late = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    assert_eq!(word(late), "conflict");
    assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "${HOST}");
}

#[tokio::test]
async fn a_branch_gets_its_own_value_and_its_root_keeps_its() {
    let rig = Rig::set().await;
    rig.doppler.put(CONFIG, "TOKEN", "example-root");
    rig.doppler.config("backend/prd_eu", "prd", Some("prd"));
    let token = Kept::new(&rig.doppler.service_token("backend/prd_eu", "read/write"));
    let branch = store(rig.doppler.address(), &token, json!({}));
    let place = place_of("backend/prd_eu", &["TOKEN"]);
    publish(&branch, &place, "example-new", 1).await.unwrap();
    assert_eq!(
        rig.doppler.raw("backend/prd_eu", "TOKEN").unwrap(),
        "example-new"
    );
    assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "example-root");
}

#[tokio::test]
async fn nothing_is_ended_here() {
    let rig = Rig::set().await;
    let old = rig.publish("example-1", 1).await.unwrap();
    let new = rig.publish("example-2", 2).await.unwrap();
    assert_eq!(
        rig.store.disable(&place(), &old).await.unwrap(),
        Retired::Impossible
    );
    assert_eq!(
        rig.store.destroy(&place(), &old).await.unwrap(),
        Retired::Impossible
    );
    assert_eq!(word(rig.store.destroy(&place(), &new).await), "conflict");
    assert_eq!(word(rig.store.enable(&place(), &old).await), "invalid");
    let list = rig.store.list(&place()).await.unwrap();
    assert_eq!(list.iter().map(|one| &one.id).collect::<Vec<_>>(), [&new]);
    rig.doppler.remove(CONFIG, "TOKEN");
    assert_eq!(rig.store.inspect(&place()).await.unwrap().current, None);
    assert_eq!(word(rig.store.read(&place(), &new).await), "not_found");
    assert!(rig.store.list(&place()).await.unwrap().is_empty());
}

#[tokio::test]
async fn going_back_writes_the_old_value_again_under_its_old_name() {
    let rig = Rig::set().await;
    let old = rig.publish("example-1", 1).await.unwrap();
    rig.publish("example-2", 2).await.unwrap();
    assert_eq!(rig.publish("example-1", 3).await.unwrap(), old);
    // The same again changes nothing.
    let saves = rig.doppler.saves(CONFIG);
    assert_eq!(rig.publish("example-1", 3).await.unwrap(), old);
    assert_eq!(rig.doppler.saves(CONFIG), saves);
}

#[tokio::test]
async fn a_restricted_secret_is_shown_to_a_service_token_and_not_taken_for_absent() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.doppler.restrict(CONFIG, "TOKEN");
    rig.publish("example-2", 2).await.unwrap();
    rig.token.replace(&rig.doppler.person());
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(refused.message.contains("service token"), "{refused}");
}

#[tokio::test]
async fn each_refused_token_says_what_to_do() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let reads = rig.doppler.service_token(CONFIG, "read");
    rig.token.replace(&reads);
    assert_eq!(word(rig.store.inspect(&place()).await), "done");
    assert_eq!(word(rig.publish("example-2", 2).await), "denied");
    rig.doppler.revoke(&reads);
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
    assert!(refused.message.contains("expired or revoked"), "{refused}");
    rig.doppler.config("other/prd", "prd", None);
    rig.token
        .replace(&rig.doppler.service_token("other/prd", "read/write"));
    assert_eq!(word(rig.store.inspect(&place()).await), "denied");
    rig.token.replace(&rig.doppler.service_account());
    let missing = place_of("backend/nothing", &["TOKEN"]);
    assert_eq!(word(rig.store.inspect(&missing).await), "not_found");
    rig.token.replace("");
    assert_eq!(word(rig.store.inspect(&place()).await), "invalid");
    let missing = VersionId::new("fp-000000000000");
    rig.token.replace(&rig.doppler.service_account());
    assert_eq!(word(rig.store.read(&place(), &missing).await), "not_found");
}
