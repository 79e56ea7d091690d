//! Consumers that behave: what their answers count for.

use super::{
    rig::{
        Asking, CONSUMER, DESTINATION, ID, NEW, OLD, ask_many, ask_one, credential, honest, reach,
        seen_at,
    },
    server::{Reply, serve},
};
use keywheel::consumers::build;
use keywheel::rotation::facts::Pace;
use keywheel_contract::{Holding, Strength};
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;

#[tokio::test]
async fn holding_the_new_or_the_old_value_is_proven() {
    for (value, name) in [(NEW, "new"), (OLD, "old")] {
        let url = serve(move |request| Reply::json(&honest(&request.json(), "one", value))).await;
        let seen = ask_one(&url).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].instance, "one");
        assert_eq!(seen[0].holding, credential(name));
        assert_eq!(seen[0].strength, Strength::Proven);
        assert_eq!(seen[0].started_at_ms, Some(1_767_323_045_678));
    }
}

#[tokio::test]
async fn holding_something_else_is_neither() {
    let url = serve(|request| Reply::json(&honest(&request.json(), "one", "example-third"))).await;
    let seen = ask_one(&url).await.unwrap();
    assert_eq!(seen[0].holding, Holding::Other);
}

#[tokio::test]
async fn a_proof_of_a_short_value_counts_as_a_claim() {
    let url = serve(|request| Reply::json(&honest(&request.json(), "one", NEW))).await;
    let consumer = build(&seen_at(&url, 1), &reach()).unwrap();
    let seen = Asking {
        strong: false,
        ..Asking::default()
    }
    .ask(consumer.as_ref())
    .await
    .unwrap();
    assert_eq!(seen[0].holding, credential("new"));
    assert_eq!(seen[0].strength, Strength::Claimed);
}

#[tokio::test]
async fn a_version_without_proof_is_a_claim() {
    for (version, holding) in [
        (json!("v2"), credential("new")),
        (json!("v1"), credential("old")),
        (json!("v7"), Holding::Other),
        (json!(null), Holding::Unknown),
    ] {
        let answer =
            json!({"id": ID, "destination": DESTINATION, "instance": "one", "version": version});
        let url = serve(move |_| Reply::json(&answer)).await;
        let seen = ask_one(&url).await.unwrap();
        assert_eq!(
            (&seen[0].holding, seen[0].strength),
            (&holding, Strength::Claimed),
            "{version}"
        );
    }
}

#[tokio::test]
async fn six_instances_behind_one_address_are_proven_as_six() {
    let url = serve(|request| {
        let instance = format!("pod-{}", request.connection % 6);
        Reply::json(&honest(&request.json(), &instance, NEW))
    })
    .await;
    let seen = ask_many(&url, 6).await.unwrap();
    let names: Vec<_> = seen.iter().map(|seen| seen.instance.as_str()).collect();
    assert_eq!(
        names,
        ["pod-0", "pod-1", "pod-2", "pod-3", "pod-4", "pod-5"]
    );
    assert!(seen.iter().all(|seen| seen.strength == Strength::Proven));
}

#[tokio::test]
async fn a_load_balancer_that_always_leads_to_the_same_instance_is_one() {
    let asked = Arc::new(Mutex::new(HashSet::new()));
    let challenges = Arc::clone(&asked);
    let url = serve(move |request| {
        let question = request.json();
        assert_eq!(question["consumer"], CONSUMER);
        let challenge = question["challenge"].as_str().unwrap().to_owned();
        assert!(challenge.len() == 64 && hex::decode(&challenge).is_ok());
        assert!(
            challenges.lock().unwrap().insert(challenge),
            "a challenge was used twice"
        );
        Reply::json(&honest(&question, "the-only-one", NEW))
    })
    .await;
    let seen = ask_many(&url, 6).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        asked.lock().unwrap().len(),
        28,
        "bounded: four per instance and four more"
    );
}

#[tokio::test]
async fn a_later_answer_of_an_instance_replaces_its_earlier_one() {
    let url = serve(|request| {
        let value = if request.connection == 0 { NEW } else { OLD };
        Reply::json(&honest(&request.json(), "one", value))
    })
    .await;
    let seen = ask_many(&url, 2).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].holding, credential("old"));
}

#[tokio::test]
async fn instances_that_answer_are_seen_though_another_fails() {
    let url = serve(|request| match request.connection % 3 {
        0 => Reply::status("503 Service Unavailable", "", "starting"),
        other => Reply::json(&honest(&request.json(), &format!("pod-{other}"), NEW)),
    })
    .await;
    let seen = ask_many(&url, 3).await.unwrap();
    assert_eq!(seen.len(), 2);
}

/// The engine forgets whatever a call has seen that takes longer.
fn cut() -> Duration {
    let call_ms = Pace::default().call_ms;
    Duration::from_millis(call_ms.try_into().unwrap())
}

#[tokio::test]
async fn many_slow_instances_are_seen_before_the_call_is_cut() {
    let url = serve(|request| {
        let instance = format!("pod-{}", request.connection % 40);
        let answer = Reply::json(&honest(&request.json(), &instance, NEW));
        answer.after(Duration::from_millis(600))
    })
    .await;
    let seen = timeout(cut(), ask_many(&url, 40)).await;
    assert_eq!(seen.expect("cut").unwrap().len(), 40);
}

#[tokio::test]
async fn a_round_ends_before_the_call_is_cut_with_what_it_saw() {
    let url = serve(|request| match request.connection % 3 {
        0 => Reply::Hang,
        other => Reply::json(&honest(&request.json(), &format!("pod-{other}"), NEW)),
    })
    .await;
    let patient = reach().with_patience(Duration::from_secs(60));
    let consumer = build(&seen_at(&url, 3), &patient).unwrap();
    let asking = Asking {
        instances: 3,
        ..Asking::default()
    };
    let hangs = serve(|_| Reply::Hang).await;
    let silent = build(&seen_at(&hangs, 1), &patient).unwrap();
    let alone = Asking::default();
    let (some, none) = tokio::join!(
        timeout(cut(), asking.ask(consumer.as_ref())),
        timeout(cut(), alone.ask(silent.as_ref()))
    );
    assert_eq!(some.expect("cut").unwrap().len(), 2);
    let error = none.expect("cut").unwrap_err();
    assert!(
        error.message.contains("did not answer within 8s"),
        "{error}"
    );
}
