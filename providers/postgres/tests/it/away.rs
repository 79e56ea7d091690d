//! Servers that hang, die or let nobody in, and an admin whose credential is wrong or was replaced.

use crate::rig::{Rig, issuer, servers};
use keywheel_contract::{CredentialId, ErrorKind, Issuer as _, Liveness, Tag};
use keywheel_test_servers::postgres::Postgres;
use keywheel_test_servers::wire;
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_admin_that_is_refused_is_told_and_a_replaced_password_is_picked_up() {
    for server in servers() {
        let rig = Rig::new(server, "refused").await;
        let old = rig.old();
        server
            .run("ALTER ROLE refused_rotator PASSWORD 'example-replaced'")
            .await;
        let error = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains("`refused_rotator`"), "{error}");
        std::fs::write(rig.admin_file(), "example-replaced\n").unwrap();
        assert!(rig.issuer.propose(Some(&old.id)).await.is_ok());
        server
            .run("ALTER ROLE refused_rotator VALID UNTIL '2001-01-01'")
            .await;
        // A connection that is kept goes on; a new one is refused.
        end_sessions_of(server, "refused_rotator").await;
        let error = rig
            .at(&server.address())
            .propose(Some(&old.id))
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Denied);
        std::fs::remove_file(rig.admin_file()).unwrap();
        end_sessions_of(server, "refused_rotator").await;
        let error = rig
            .at(&server.address())
            .propose(Some(&old.id))
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}

async fn end_sessions_of(server: &Postgres, user: &str) {
    let all = format!("FROM pg_stat_activity WHERE usename = '{user}'");
    let ended = format!("SELECT pg_terminate_backend(pid, 5000) {all}");
    server.run(&ended).await;
}

/// However many secrets there are, and however many of them are busy at once.
#[tokio::test(flavor = "multi_thread")]
async fn issuers_of_one_server_share_a_few_connections() {
    for server in servers() {
        let rig = Rig::new(server, "many").await;
        let issuers: Vec<_> = (0..12).map(|_| rig.at(&server.address())).collect();
        let old = rig.old();
        let busy = issuers.iter().flat_map(|issuer| [issuer, issuer]);
        let asked = futures_util::future::join_all(busy.map(|one| one.propose(Some(&old.id))));
        assert!(asked.await.iter().all(Result::is_ok));
        let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'many_rotator'";
        assert!(rig.ask::<i64>(open).await <= 4);
    }
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    for server in servers().into_iter().take(1) {
        let rig = Rig::new(server, "unused").await;
        rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
        let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'unused_rotator'";
        assert_eq!(rig.ask::<i64>(open).await, 1);
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(rig.ask::<i64>(open).await, 0);
    }
}

/// Whatever databases and admins they name.
#[tokio::test]
async fn calls_to_one_server_wait_for_each_other_whatever_their_settings() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin"), "example").unwrap();
    let settings = |number: usize| {
        let (name, database) = (number / 6, number % 2);
        let more = format!("database = 'd{database}'\nroles = ['a', 'b']");
        issuer(&address, &format!("n{name}"), &more, &folder)
    };
    let issuers: Vec<_> = (0..12).map(settings).collect();
    let id = CredentialId::new("a/0");
    let calls = futures_util::future::join_all(issuers.iter().map(|issuer| issuer.state(&id)));
    let mut called = Vec::new();
    let accept = async {
        loop {
            called.push(silent.accept().await.unwrap());
        }
    };
    let a_while = tokio::time::sleep(Duration::from_secs(1));
    tokio::select! {
        _ = calls => panic!("nobody answered"),
        () = accept => {}
        () = a_while => {}
    }
    assert_eq!(called.len(), 4);
}

#[tokio::test]
async fn a_connection_that_broke_while_it_was_kept_is_replaced() {
    for server in servers() {
        let rig = Rig::new(server, "broken").await;
        let old = rig.old();
        rig.issuer.propose(Some(&old.id)).await.unwrap();
        end_sessions_of(server, "broken_rotator").await;
        rig.rotate(&old.id, "keywheel-r1-1").await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_says_neither_dead_nor_alive() {
    for server in servers().into_iter().take(1) {
        let rig = Rig::new(server, "hangs").await;
        let wire = wire::in_front_of(server.port).await;
        let issuer = rig.at(&wire.address());
        wire.stall();
        let began = Instant::now();
        let old = rig.old();
        let (tested, looked) = tokio::join!(issuer.test(&old), issuer.state(&old.id));
        assert_eq!(tested.unwrap(), Liveness::Unknown);
        assert_eq!(looked.unwrap_err().kind, ErrorKind::Unavailable);
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn nobody_listens() {
    for server in servers().into_iter().take(1) {
        let rig = Rig::new(server, "nobody").await;
        let issuer = rig.at("127.0.0.1:1");
        let old = rig.old();
        assert_eq!(issuer.test(&old).await.unwrap(), Liveness::Unknown);
        let error = issuer
            .apply(&Tag::new("keywheel-r1-1"), &old)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_role_without_a_connection_left_is_unknown() {
    for server in servers() {
        let rig = Rig::new(server, "full").await;
        server.run("ALTER ROLE full_a CONNECTION LIMIT 0").await;
        assert_eq!(
            rig.issuer.test(&rig.old()).await.unwrap(),
            Liveness::Unknown
        );
    }
}

/// Every change once with its answer lost: what was asked for has happened, and asking again changes nothing more.
#[tokio::test]
async fn a_change_whose_answer_is_lost_has_happened_once() {
    for server in servers() {
        let rig = Rig::new(server, "lossy").await;
        let wire = wire::in_front_of(server.port).await;
        let issuer = rig.at(&wire.address());
        let old = rig.old();
        let new = issuer.propose(Some(&old.id)).await.unwrap();
        let tag = Tag::new("keywheel-r1-1");
        let doubt = |answer: Result<(), keywheel_contract::Error>| {
            assert_eq!(answer.unwrap_err().kind, ErrorKind::UnknownOutcome);
        };
        for again in [false, true] {
            if !again {
                wire.lose_answer_to("ALTER ROLE");
                doubt(issuer.apply(&tag, &new).await);
            } else {
                issuer.apply(&tag, &new).await.unwrap();
            }
            assert!(rig.lets_in(&new).await);
        }
        wire.lose_answer_to("NOLOGIN");
        doubt(issuer.disable(&old.id).await);
        assert!(!rig.lets_in(&old).await);
        wire.lose_answer_to(" LOGIN");
        doubt(issuer.enable(&old).await);
        assert!(rig.lets_in(&old).await);
        wire.lose_answer_to("PASSWORD NULL");
        doubt(issuer.revoke(&old.id).await);
        issuer.revoke(&old.id).await.unwrap();
        assert!(!rig.lets_in(&old).await && rig.lets_in(&new).await);
        assert_eq!(wire.lost(), 4);
    }
}
