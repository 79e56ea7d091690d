//! A service on its bad days.

use crate::rig::{CONFIG, Kept, Rig, find, place, publish, publish_over, store, word};
use keywheel_contract::{ErrorKind, Found, Inspection, SecretStore};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::doppler::Doppler;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::python::free_port;
use serde_json::json;
use std::time::Duration;

fn saves(asked: &Asked<'_>) -> bool {
    asked.writes()
}

fn reads(asked: &Asked<'_>) -> bool {
    !asked.writes()
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_the_save_is_found_and_not_repeated() {
    for fault in [Fault::LoseReply, Fault::CutBody] {
        let rig = Rig::set().await;
        rig.publish("example-1", 1).await.unwrap();
        let seen = rig.store.inspect(&place()).await.unwrap();
        rig.doppler.faults().next(1, fault.clone(), saves);
        let lost = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
        assert_eq!(word(lost), "unknown_outcome", "{fault:?}");
        let found = find(&rig.store, "example-2", 2).await.unwrap();
        let Found::Current(version) = found else {
            panic!("{fault:?}: {found:?}");
        };
        // The engine sends it once more where it cannot tell; that changes nothing.
        let again = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
        assert_eq!(again.unwrap(), version);
        assert_eq!(rig.doppler.saves(CONFIG), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_save_that_never_arrived_is_absent_and_can_be_sent_again() {
    let rig = Rig::set().await;
    rig.doppler.faults().next(1, Fault::Reset, saves);
    assert_eq!(word(rig.publish("example-1", 1).await), "unknown_outcome");
    assert_eq!(
        find(&rig.store, "example-1", 1).await.unwrap(),
        Found::Absent
    );
    rig.publish("example-1", 1).await.unwrap();
    assert_eq!(rig.doppler.saves(CONFIG), 1);
}

#[tokio::test]
async fn a_balancer_s_page_leaves_a_save_in_doubt() {
    let rig = Rig::set().await;
    for (number, after, found) in [(1, false, false), (2, true, true)] {
        rig.doppler.breaks_down(502, after);
        let text = format!("example-{number}");
        assert_eq!(word(rig.publish(&text, number).await), "unknown_outcome");
        let is_current = matches!(find(&rig.store, &text, number).await, Ok(Found::Current(_)));
        assert_eq!(is_current, found);
    }
}

#[tokio::test]
async fn a_read_that_failed_is_unavailable() {
    for fault in [
        Fault::Reset,
        Fault::LoseReply,
        Fault::CutBody,
        Fault::Refuse(503, None),
        Fault::Refuse(302, None),
    ] {
        let rig = Rig::set().await;
        rig.publish("example-1", 1).await.unwrap();
        rig.doppler.faults().next(1, fault.clone(), reads);
        let read = rig.store.inspect(&place()).await;
        assert_eq!(word(read), "unavailable", "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_not_taken_for_an_empty_config() {
    let rig = Rig::set().await;
    rig.doppler
        .faults()
        .next(1, Fault::Refuse(200, None), reads);
    assert_eq!(word(rig.store.inspect(&place()).await), "unavailable");
    rig.doppler
        .faults()
        .next(1, Fault::Refuse(200, None), saves);
    assert_eq!(word(rig.publish("example-1", 1).await), "unknown_outcome");
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_service_says() {
    let rig = Rig::set().await;
    for after in [Some(7), None] {
        for when in [saves, reads] {
            rig.doppler
                .faults()
                .next(1, Fault::Refuse(429, after), when);
            let refused = rig.publish("example-1", 1).await.unwrap_err();
            let after = after.map(|after: u32| Duration::from_secs(after.into()));
            assert_eq!(refused.kind, ErrorKind::Throttled { after });
        }
    }
    assert_eq!(rig.doppler.saves(CONFIG), 0);
}

#[tokio::test]
async fn a_stale_read_does_not_make_a_save_overwrite_anybody() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let seen = rig.store.inspect(&place()).await.unwrap();
    rig.doppler.put(CONFIG, "TOKEN", "example-theirs");
    // Our look before the save still shows what was there.
    rig.doppler.faults().next(1, Fault::Stale, reads);
    let late = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    assert_eq!(word(late), "conflict");
    assert_eq!(rig.doppler.raw(CONFIG, "TOKEN").unwrap(), "example-theirs");
}

#[tokio::test]
async fn only_a_server_that_proves_who_it_is_gets_our_token() {
    let authority = Authority::make();
    let doppler = Doppler::start(Some(&authority)).await;
    doppler.config(CONFIG, "prd", None);
    let token = Kept::new(&doppler.service_token(CONFIG, "read/write"));
    let trusting = json!({ "ca_file": authority.ca_file() });
    let known = store(doppler.address(), &token, trusting);
    publish(&known, &place(), "example-1", 1).await.unwrap();
    let asked = doppler.exchanges().len();
    let unknown = store(doppler.address(), &token, json!({}));
    assert_eq!(word(unknown.inspect(&place()).await), "unavailable");
    assert_eq!(doppler.exchanges().len(), asked);
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable_for_reads_and_saves() {
    let token = Kept::new("dp.st.prd.example");
    let store = store(
        &format!("http://127.0.0.1:{}", free_port()),
        &token,
        json!({}),
    );
    assert_eq!(word(store.inspect(&place()).await), "unavailable");
    let nothing = Inspection::default();
    let late = publish_over(&store, &place(), "example-1", 1, &nothing).await;
    assert_eq!(word(late), "unavailable");
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value_or_a_token() {
    let log = Log::of_every_thread();
    let rig = Rig::set().await;
    let token = rig.doppler.service_token(CONFIG, "read/write");
    rig.token.replace(&token);
    rig.publish("example-canary-1", 1).await.unwrap();
    let mut shown = String::new();
    for fault in [
        Fault::Refuse(400, None),
        Fault::Refuse(403, None),
        Fault::Refuse(500, None),
        Fault::CutBody,
        Fault::Reset,
    ] {
        rig.doppler.faults().next(1, fault, saves);
        let refused = rig.publish("example-canary-2", 2).await.err();
        shown += &format!("{refused:?}");
        rig.publish("example-canary-1", 3).await.unwrap();
    }
    rig.doppler.meddle(CONFIG, "TOKEN", "example-canary-3");
    shown += &format!(
        "{:?}",
        rig.publish("example-canary-4", 4).await.unwrap_err()
    );
    shown += &log.text();
    assert!(shown.contains("hyper"), "nothing was logged");
    assert!(!shown.contains("example-canary"), "{shown}");
    assert!(!shown.contains(&token), "{shown}");
}
