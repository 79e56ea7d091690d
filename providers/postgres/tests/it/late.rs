//! Statements that arrive when their time is over: each waits at the role's lock, is overtaken, and changes nothing.

use crate::rig::{Rig, servers, texts};
use keywheel_contract::{Credential, ErrorKind, Issuer as _, Tag};
use std::sync::Arc;
use std::time::Duration;

/// Has `apply` arrive behind what `meanwhile` does.
async fn late_apply(
    rig: &Rig,
    tag: &str,
    candidate: &Credential,
    meanwhile: impl AsyncFnOnce(),
) -> Result<(), keywheel_contract::Error> {
    // Another process, held up on its way: nothing of it has reached the server yet.
    let other = Arc::new(rig.at(&rig.server.address()));
    let (tag, copy) = (Tag::new(tag), candidate.duplicate());
    meanwhile().await;
    other.apply(&tag, &copy).await
}

#[tokio::test]
async fn a_try_that_was_given_up_changes_nothing_any_more() {
    for server in servers() {
        let rig = Rig::new(server, "late").await;
        let old = rig.old();
        let given_up = rig.issuer.propose(Some(&old.id)).await.unwrap();
        // The rotation goes back: its candidate is ended, though it never was set.
        let meanwhile = async || rig.issuer.revoke(&given_up.id).await.unwrap();
        let late = late_apply(&rig, "keywheel-r1-1", &given_up, meanwhile).await;
        assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
        assert!(!rig.lets_in(&given_up).await && rig.lets_in(&old).await);

        // The next rotation sets another value; the late one arrives once more.
        let new = rig.rotate(&old.id, "keywheel-r2-1").await;
        let late = late_apply(&rig, "keywheel-r1-1", &given_up, async || {}).await;
        assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
        assert!(!rig.lets_in(&given_up).await && rig.lets_in(&new).await);
        assert_eq!(
            rig.issuer.find(&Tag::new("keywheel-r2-1")).await.unwrap(),
            [new.id]
        );
        assert_eq!(
            rig.issuer.find(&Tag::new("keywheel-r1-1")).await.unwrap(),
            []
        );
    }
}

#[tokio::test]
async fn an_older_try_of_the_same_value_equals_the_newer_one() {
    for server in servers() {
        let rig = Rig::new(server, "again").await;
        let made = rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
        for attempt in [2, 1, 2] {
            let tag = Tag::new(format!("keywheel-r1-{attempt}"));
            rig.issuer.apply(&tag, &made).await.unwrap();
            assert!(rig.lets_in(&made).await);
        }
        rig.issuer.revoke(&made.id).await.unwrap();
        let late = rig.issuer.apply(&Tag::new("keywheel-r1-1"), &made).await;
        assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
        assert!(!rig.lets_in(&made).await);
    }
}

/// The transaction of the late one is begun before, and waits at the lock while another one commits.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_at_the_lock_sees_what_was_committed_meanwhile() {
    for server in servers() {
        let rig = Rig::new(server, "lock").await;
        let made = rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
        let mut holder = server.superuser().await;
        // Holds up whoever writes a comment, with the role's lock in hand.
        let begin = sqlx::raw_sql("BEGIN; LOCK TABLE pg_shdescription IN SHARE ROW EXCLUSIVE MODE");
        begin.execute(&mut holder).await.unwrap();
        let (first, second) = (rig.at(&server.address()), rig.at(&server.address()));
        let ended = made.id.clone();
        let revoking = tokio::spawn(async move { second.revoke(&ended).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let copy = made.duplicate();
        let applying =
            tokio::spawn(async move { first.apply(&Tag::new("keywheel-r1-1"), &copy).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        assert_eq!(rig.ask::<i64>(waiting).await, 1);
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
        revoking.await.unwrap().unwrap();
        let late = applying.await.unwrap().unwrap_err();
        assert_eq!(late.kind, ErrorKind::Conflict { seen: None });
        assert!(!rig.lets_in(&made).await, "{}", texts(&made).0);
    }
}
