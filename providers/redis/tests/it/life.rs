//! The life of a password: beside the old one, alone, gone; and who used it.

use crate::rig::{OLD, Rig, nobody, text};
use keywheel_contract::{CredentialState, Issuer as _, Liveness};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::redis::{Keeps, Redis};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn old_and_new_work_side_by_side_until_the_old_one_is_ended() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let old = rig.old().await;
    let new = rig.renewed().await;
    assert!(rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Alive));
    rig.issuer.disable(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert_eq!(rig.issuer.state(&old.id).await, Ok(CredentialState::Absent));
    rig.issuer.enable(&old).await.unwrap();
    assert!(rig.accepts(&old) && rig.accepts(&new));
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && rig.accepts(&new));
    assert_eq!(rig.passwords(), 1);
}

#[tokio::test]
async fn a_password_of_somebody_else_is_left_alone() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    rig.server
        .root(&["ACL", "SETUSER", "app", ">example-of-somebody-else"]);
    let new = rig.renewed().await;
    let old = rig.old().await;
    rig.issuer.revoke(&old.id).await.unwrap();
    rig.issuer.revoke(&nobody()).await.unwrap();
    assert!(rig.server.accepts("app", "example-of-somebody-else"));
    assert!(rig.accepts(&new) && !rig.accepts(&old));
    assert_eq!(rig.passwords(), 2);
}

/// A connection logged in as `app`.
async fn session(rig: &Rig, password: &str) -> TcpStream {
    let mut stream = TcpStream::connect(rig.server.address()).await.unwrap();
    let login = format!("AUTH app {password}\r\nCLIENT SETNAME worker\r\n");
    // `CLIENT SETNAME` is not among its rights, and says so; the login holds.
    stream.write_all(login.as_bytes()).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r");
    stream
}

async fn is_open(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 512];
    drop(stream.write_all(b"PING\r\n").await);
    let wait = Duration::from_secs(5);
    loop {
        match tokio::time::timeout(wait, stream.read(&mut answer)).await {
            Ok(Ok(length @ 1..)) if answer[..length].ends_with(b"+PONG\r\n") => return true,
            Ok(Ok(1..)) => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn connections_that_may_be_of_the_old_password_are_closed_with_it_if_asked() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let issuer = rig.another(rig.server.address(), "end_sessions = true");
    let (old, new) = (rig.old().await, rig.renewed().await);
    let mut before = session(&rig, OLD).await;
    assert!(is_open(&mut before).await);
    issuer.disable(&old.id).await.unwrap();
    assert!(!is_open(&mut before).await);
    let mut after = session(&rig, text(&new)).await;
    issuer.revoke(&old.id).await.unwrap();
    assert!(
        is_open(&mut after).await,
        "it came after the end of the old one"
    );
}

#[tokio::test]
async fn who_comes_with_an_ended_password_is_told_and_we_are_not() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let (old, new) = (rig.old().await, rig.renewed().await);
    rig.issuer.revoke(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert_eq!(rig.issuer.refused_uses(&old.id, 0).await, Ok(Vec::new()));
    rig.server.root(&["ACL", "LOG", "RESET"]);
    assert!(!rig.server.accepts("app", OLD));
    let seen = rig.issuer.refused_uses(&old.id, 0).await.unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].from.starts_with("127.0.0.1:"), "{seen:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    assert!((now - seen[0].at_ms).abs() < 60_000, "{seen:?}");
    let later = rig.issuer.refused_uses(&old.id, now + 60_000).await;
    assert_eq!(later, Ok(Vec::new()));
}

#[tokio::test]
async fn connections_are_left_open_otherwise() {
    let Some(rig) = Rig::new(Keeps::AclFile).await else {
        return;
    };
    let mut before = session(&rig, OLD).await;
    let (old, _new) = (rig.old().await, rig.renewed().await);
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.accepts(&old) && is_open(&mut before).await);
}

#[tokio::test]
async fn over_tls_only_who_is_trusted_gets_to_see_a_password() {
    let authority = Authority::make();
    let Some(server) = Redis::encrypted(&authority).await else {
        return;
    };
    let rig = Rig::with(server);
    let trusting = format!("ca_file = '{}'", authority.ca_file().display());
    let issuer = rig.another(rig.server.tls_address(), &trusting);
    let new = rig.renewed().await;
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    let other = Authority::make();
    let stranger = format!("ca_file = '{}'", other.ca_file().display());
    let issuer = rig.another(rig.server.tls_address(), &stranger);
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
    let error = issuer.state(&new.id).await.unwrap_err();
    assert!(error.message.contains("cannot be connected to"), "{error}");
}
