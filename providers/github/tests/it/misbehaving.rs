//! A service on its bad days.

use crate::rig::{Kept, REPOSITORY, Rig, place, place_of, publish, publish_over, store, word};
use keywheel_contract::{ErrorKind, Inspection, SecretStore};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::github::Github;
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::python::free_port;
use serde_json::json;
use std::time::Duration;

fn writes(asked: &Asked<'_>) -> bool {
    asked.writes()
}

fn reads(asked: &Asked<'_>) -> bool {
    !asked.writes()
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_the_date_alone_tells_that_something_was_written() {
    for (fault, written) in [
        (Fault::LoseReply, true),
        (Fault::Reset, false),
        (Fault::Refuse(502, None), false),
    ] {
        let rig = Rig::set().await;
        let before = rig.publish("example-1", 1).await.unwrap();
        rig.github.faults().next(1, fault.clone(), writes);
        assert_eq!(
            word(rig.publish("example-2", 2).await),
            "unknown_outcome",
            "{fault:?}"
        );
        let now = rig.current().await.unwrap();
        assert_eq!(
            (now != before, rig.value() == "example-2"),
            (written, written),
            "{fault:?}"
        );
        // The engine sends it once more where it cannot tell.
        rig.publish("example-2", 2).await.unwrap();
        assert_eq!(rig.value(), "example-2");
    }
}

#[tokio::test]
async fn a_write_of_which_only_a_part_arrived_is_in_doubt() {
    let pair = place_of(REPOSITORY, &["KEY_ID", "KEY_SECRET"]);
    for fault in [
        Fault::Refuse(403, None),
        Fault::Refuse(429, Some(7)),
        Fault::Reset,
    ] {
        let rig = Rig::set().await;
        let second = |asked: &Asked<'_>| asked.writes() && asked.path().ends_with("KEY_SECRET");
        rig.github.faults().next(1, fault.clone(), second);
        let refused = publish(&rig.store, &pair, "example-1", 1)
            .await
            .unwrap_err();
        assert_eq!(refused.word(), "unknown_outcome", "{fault:?}");
        assert!(
            refused.message.contains("1 of 2 secrets were written"),
            "{refused}"
        );
        publish(&rig.store, &pair, "example-1", 1).await.unwrap();
        assert_eq!(
            rig.github.value(REPOSITORY, "KEY_SECRET").unwrap(),
            "example-1"
        );
    }
}

#[tokio::test]
async fn a_write_that_is_not_shown_at_once_is_looked_for_again() {
    let rig = Rig::set().await;
    let before = rig.publish("example-1", 1).await.unwrap();
    rig.github.lags(2);
    let seen = rig.store.inspect(&place()).await.unwrap();
    let new = publish_over(&rig.store, &place(), "example-2", 2, &seen)
        .await
        .unwrap();
    assert_ne!(new, before);
    rig.github.lags(9);
    let seen = rig.store.inspect(&place()).await.unwrap();
    let late = publish_over(&rig.store, &place(), "example-3", 3, &seen)
        .await
        .unwrap_err();
    assert_eq!(late.word(), "unknown_outcome");
    assert!(late.message.contains("does not show"), "{late}");
    assert_eq!(rig.value(), "example-3");
}

#[tokio::test]
async fn a_look_after_a_write_that_fails_leaves_it_in_doubt() {
    let rig = Rig::set().await;
    let seen = rig.store.inspect(&place()).await.unwrap();
    let look = |asked: &Asked<'_>| asked.path().ends_with("/TOKEN") && !asked.writes();
    rig.github.faults().next(1, Fault::Reset, look);
    let late = publish_over(&rig.store, &place(), "example-1", 1, &seen).await;
    assert_eq!(word(late), "unknown_outcome");
    assert_eq!(rig.value(), "example-1");
}

#[tokio::test]
async fn a_read_that_failed_is_unavailable() {
    for fault in [
        Fault::Reset,
        Fault::LoseReply,
        Fault::CutBody,
        Fault::Refuse(503, None),
        Fault::Refuse(301, None),
        Fault::Refuse(200, None),
    ] {
        let rig = Rig::set().await;
        rig.publish("example-1", 1).await.unwrap();
        rig.github.faults().next(1, fault.clone(), reads);
        let read = rig.store.inspect(&place()).await;
        assert_eq!(word(read), "unavailable", "{fault:?}");
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_service_says() {
    let rig = Rig::set().await;
    for status in [403, 429] {
        for when in [writes, reads] {
            rig.github
                .faults()
                .next(1, Fault::Refuse(status, Some(7)), when);
            let refused = rig.publish("example-1", 1).await.unwrap_err();
            let after = Some(Duration::from_secs(7));
            assert_eq!(refused.kind, ErrorKind::Throttled { after });
        }
    }
    rig.github.uses_up_its_calls(true);
    let refused = rig.publish("example-1", 1).await.unwrap_err();
    let after = Some(Duration::from_secs(60));
    assert_eq!(refused.kind, ErrorKind::Throttled { after });
    assert_eq!(rig.github.writes(REPOSITORY), 0);
    rig.github.uses_up_its_calls(false);
    rig.publish("example-1", 1).await.unwrap();
}

#[tokio::test]
async fn only_a_server_that_proves_who_it_is_gets_our_token() {
    let authority = Authority::make();
    let github = Github::start(Some(&authority)).await;
    github.place(REPOSITORY);
    let token = Kept::new(&github.token(&[REPOSITORY], true));
    let trusting = json!({ "ca_file": authority.ca_file() });
    let known = store(github.address(), &token, trusting);
    publish(&known, &place(), "example-1", 1).await.unwrap();
    let asked = github.exchanges().len();
    let unknown = store(github.address(), &token, json!({}));
    assert_eq!(word(unknown.inspect(&place()).await), "unavailable");
    assert_eq!(github.exchanges().len(), asked);
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable_for_reads_and_writes() {
    let token = Kept::new("github_pat_example");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let store = store(&nobody, &token, json!({}));
    assert_eq!(word(store.inspect(&place()).await), "unavailable");
    let nothing = Inspection::default();
    let late = publish_over(&store, &place(), "example-1", 1, &nothing).await;
    assert_eq!(word(late), "unavailable");
}

#[tokio::test]
async fn neither_errors_nor_logs_nor_requests_show_a_value_or_a_token() {
    let log = Log::of_every_thread();
    let rig = Rig::set().await;
    let token = rig.github.token(&[REPOSITORY], true);
    rig.token.replace(&token);
    rig.publish("example-canary-1", 1).await.unwrap();
    let mut shown = String::new();
    for fault in [
        Fault::Refuse(400, None),
        Fault::Refuse(422, None),
        Fault::Refuse(403, None),
        Fault::Refuse(500, None),
        Fault::CutBody,
        Fault::Reset,
    ] {
        rig.github.faults().next(1, fault, writes);
        let refused = rig.publish("example-canary-2", 2).await.err();
        shown += &format!("{refused:?}");
    }
    shown += &log.text();
    assert!(shown.contains("hyper"), "nothing was logged");
    shown += &format!("{:?}", rig.github.exchanges());
    assert!(!shown.contains("example-canary"), "{shown}");
    assert!(!shown.contains(&token), "{shown}");
}
