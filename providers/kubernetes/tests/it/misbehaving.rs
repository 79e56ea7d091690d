//! An API server on its bad days.

use crate::rig::{DB, Rig, find, place, publish_over, word};
use keywheel_contract::{ErrorKind, Found, SecretStore as _};
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::logs::Log;
use std::time::Duration;

fn writes(asked: &Asked<'_>) -> bool {
    asked.writes()
}

fn reads(asked: &Asked<'_>) -> bool {
    !asked.writes()
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_the_write_is_found_and_not_repeated() {
    for fault in [Fault::LoseReply, Fault::CutBody] {
        for existing in [false, true] {
            let rig = Rig::set().await;
            if existing {
                rig.publish("example-1", 1).await.unwrap();
            }
            let seen = rig.store.inspect(&place()).await.unwrap();
            let before = rig.cluster.writes(DB);
            rig.cluster.faults().next(1, fault.clone(), writes);
            let lost = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
            assert_eq!(word(lost), "unknown_outcome", "{fault:?}");
            let found = find(&rig.store, "example-2", 2).await.unwrap();
            let Found::Current(version) = found else {
                panic!("{fault:?}: {found:?}");
            };
            // The engine sends it once more where it cannot tell; that changes nothing.
            let again = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
            assert_eq!(again.unwrap(), version);
            assert_eq!(rig.cluster.writes(DB), before + 1, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_write_that_never_arrived_is_absent_and_can_be_sent_again() {
    let rig = Rig::set().await;
    for fault in [
        Fault::Reset,
        Fault::Refuse(503, None),
        Fault::Refuse(504, None),
    ] {
        rig.cluster.faults().next(1, fault, writes);
        assert_eq!(word(rig.publish("example-1", 1).await), "unknown_outcome");
        assert_eq!(find(&rig.store, "example-1", 1).await, Ok(Found::Absent));
    }
    rig.publish("example-1", 1).await.unwrap();
    assert_eq!(rig.cluster.writes(DB), 1);
}

#[tokio::test]
async fn a_read_that_failed_is_unavailable() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    for fault in [
        Fault::Reset,
        Fault::LoseReply,
        Fault::CutBody,
        Fault::Refuse(503, None),
        Fault::Refuse(302, None),
        // An answer of somebody else is not taken for a Secret.
        Fault::Refuse(200, None),
    ] {
        rig.cluster.faults().next(1, fault.clone(), reads);
        assert_eq!(
            word(rig.store.inspect(&place()).await),
            "unavailable",
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_server_says() {
    let rig = Rig::set().await;
    for (after, when) in [(Some(7), writes as fn(&Asked<'_>) -> bool), (None, reads)] {
        rig.cluster
            .faults()
            .next(1, Fault::Refuse(429, after), when);
        let refused = rig.publish("example-1", 1).await.unwrap_err();
        let after = after.map(|after: u32| Duration::from_secs(after.into()));
        assert_eq!(refused.kind, ErrorKind::Throttled { after });
    }
    assert_eq!(rig.cluster.writes(DB), 0);
}

#[tokio::test]
async fn a_stale_read_does_not_make_a_write_overwrite_anybody() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let seen = rig.store.inspect(&place()).await.unwrap();
    rig.cluster
        .edit(DB, "TOKEN", "example-theirs", "kubectl-edit");
    // Our look before the write still shows what was there.
    rig.cluster.faults().next(1, Fault::Stale, reads);
    let late = publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    assert_eq!(word(late), "conflict");
    assert_eq!(rig.value("TOKEN"), "example-theirs");
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value_or_a_token() {
    let log = Log::of_every_thread();
    let rig = Rig::set().await;
    let token = rig.cluster.administrator();
    rig.token.replace(&token);
    rig.publish("example-canary-1", 1).await.unwrap();
    let mut shown = String::new();
    for fault in [
        Fault::Refuse(400, None),
        Fault::Refuse(403, None),
        Fault::Refuse(422, None),
        Fault::Refuse(500, None),
        Fault::CutBody,
        Fault::Reset,
    ] {
        rig.cluster.faults().next(1, fault, writes);
        let refused = rig.publish("example-canary-2", 2).await.err();
        shown += &format!("{refused:?}");
        rig.publish("example-canary-1", 3).await.unwrap();
    }
    rig.cluster
        .meddle(DB, "TOKEN", "example-canary-3", "kubectl-edit");
    shown += &format!(
        "{:?}",
        rig.publish("example-canary-4", 4).await.unwrap_err()
    );
    shown += &log.text();
    assert!(shown.contains("hyper"), "nothing was logged");
    for hidden in ["example-canary", "ZXhhbXBsZS1jYW5hcnk", &token] {
        assert!(!shown.contains(hidden), "{hidden}: {shown}");
    }
}
