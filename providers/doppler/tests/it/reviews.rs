//! Configs whose policy demands a change request.

use crate::rig::{CONFIG, Kept, Rig, find, place, publish, publish_over, store, word};
use keywheel_contract::{ErrorKind, Found, Result, SecretStore, VersionId};
use keywheel_test_servers::faults::Fault;
use serde_json::json;

/// A config under a policy, with a value in use and a token that may file.
async fn reviewed() -> Rig {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.doppler.demand_review(CONFIG);
    rig.token.replace(&rig.doppler.service_account());
    rig
}

fn waits_at(answer: Result<VersionId>) -> String {
    let error = answer.unwrap_err();
    let ErrorKind::NeedsApproval { url } = error.kind else {
        panic!("{error:?}");
    };
    assert!(error.message.contains(&url), "{}", error.message);
    url
}

#[tokio::test]
async fn a_write_waits_for_a_person_and_is_found_once_it_is_applied() {
    let rig = reviewed().await;
    let url = waits_at(rig.publish("example-2", 2).await);
    let waiting = rig.doppler.waiting();
    assert_eq!(
        url,
        format!(
            "https://dashboard.doppler.com/workplace/example-workplace/change-requests/{}",
            waiting[0]
        )
    );
    let pending = find(&rig.store, "example-2", 2).await.unwrap();
    assert_eq!(pending, Found::Pending { url: url.clone() });
    // Sent again, it is not filed again.
    assert_eq!(waits_at(rig.publish("example-2", 2).await), url);
    assert_eq!(rig.doppler.waiting().len(), 1);
    assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "example-1");
    rig.doppler.approve(&waiting[0]);
    let found = find(&rig.store, "example-2", 2).await.unwrap();
    let current = rig.store.inspect(&place()).await.unwrap().current.unwrap();
    assert_eq!(found, Found::Current(current.clone()));
    // Somebody's later change does not make it unwritten.
    rig.doppler.put(CONFIG, "TOKEN", "example-theirs");
    let found = find(&rig.store, "example-2", 2).await.unwrap();
    assert_eq!(found, Found::Superseded(current));
}

#[tokio::test]
async fn one_that_is_closed_there_was_never_written_and_another_try_files_anew() {
    let rig = reviewed().await;
    waits_at(rig.publish("example-2", 2).await);
    let first = rig.doppler.waiting().remove(0);
    rig.doppler.close(&first);
    assert_eq!(
        find(&rig.store, "example-2", 2).await.unwrap(),
        Found::Absent
    );
    waits_at(rig.publish("example-2", 3).await);
    assert_eq!(
        find(&rig.store, "example-2", 2).await.unwrap(),
        Found::Absent
    );
    assert_eq!(rig.doppler.waiting().len(), 1);
}

#[tokio::test]
async fn a_filing_whose_answer_was_lost_is_found() {
    let rig = reviewed().await;
    let filing = |asked: &keywheel_test_servers::faults::Asked<'_>| {
        asked.writes() && asked.path().contains("change_requests")
    };
    rig.doppler.faults().next(1, Fault::LoseReply, filing);
    assert_eq!(word(rig.publish("example-2", 2).await), "unknown_outcome");
    let found = find(&rig.store, "example-2", 2).await.unwrap();
    assert!(matches!(found, Found::Pending { .. }), "{found:?}");
    waits_at(rig.publish("example-2", 2).await);
    assert_eq!(rig.doppler.waiting().len(), 1);
}

#[tokio::test]
async fn with_the_option_nothing_is_saved_without_a_person() {
    let rig = Rig::set().await;
    let token = Kept::new(&rig.doppler.service_account());
    let careful = store(rig.doppler.address(), &token, json!({ "review": true }));
    waits_at(publish(&careful, &place(), "example-1", 1).await);
    assert_eq!(rig.doppler.saves(CONFIG), 0);
    let posts = rig.doppler.exchanges();
    let mut posts = posts.iter().filter(|one| one.method == "POST");
    assert!(posts.all(|one| one.path.ends_with("change_requests")));
}

#[tokio::test]
async fn a_base_that_changed_is_a_conflict_before_anybody_is_asked() {
    let rig = reviewed().await;
    let seen = rig.store.inspect(&place()).await.unwrap();
    rig.doppler.put(CONFIG, "TOKEN", "example-theirs");
    let late = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    assert_eq!(word(late), "conflict");
    assert!(rig.doppler.waiting().is_empty());
}

#[tokio::test]
async fn a_token_that_cannot_file_says_so() {
    let rig = reviewed().await;
    rig.token
        .replace(&rig.doppler.service_token(CONFIG, "read/write"));
    let refused = rig.publish("example-2", 2).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
    assert!(refused.message.contains("service account"), "{refused}");
}
