//! Accounts that no password helps, admins that may not, policies that refuse, servers that hang or are gone.

use crate::life::session;
use crate::rig::{ADMIN, OLD, Rig, password};
use keywheel_contract::{ErrorKind, Issuer as _, Liveness, Tag};
use keywheel_test_servers::mariadb::MariaDb;
use keywheel_test_servers::relay::Relay;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_locked_account_is_neither_alive_nor_dead() {
    let Some(rig) = Rig::new("locked") else {
        return;
    };
    let (old, new) = (rig.old().await, rig.renewed().await);
    rig.server.root("ALTER USER locked@'%' ACCOUNT LOCK");
    for error in [
        rig.issuer.propose(None).await.err().unwrap(),
        rig.issuer.test(&new).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("locked@% is locked"), "{error}");
    }
    // An ended one is dead all the same.
    rig.issuer.revoke(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    assert!(rig.issuer.enable(&old).await.is_err());
    rig.server.root("ALTER USER locked@'%' ACCOUNT UNLOCK");
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn an_account_that_takes_any_password_is_reported() {
    let Some(rig) = Rig::new("open") else {
        return;
    };
    let old = rig.old().await;
    rig.server.root("ALTER USER open@'%' IDENTIFIED BY ''");
    let error = rig.issuer.propose(None).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("without its password"), "{error}");
    let applied = rig.issuer.apply(&Tag::new("example"), &old).await;
    assert_eq!(applied.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn who_becomes_another_account_is_told_so() {
    let Some(rig) = Rig::new("shadowed") else {
        return;
    };
    let old = rig.old().await;
    rig.server
        .root("CREATE USER shadowed@'127.0.0.1' IDENTIFIED BY 'example-before-keywheel'");
    let error = rig.issuer.test(&old).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(
        error.message.contains("becomes shadowed@127.0.0.1"),
        "{error}"
    );
    let new = rig.renewed().await;
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert!(
        error.message.contains("another account come first"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_is_made_by_the_way() {
    let Some(rig) = Rig::new("missing") else {
        return;
    };
    let old = rig.old().await;
    rig.server.root("DROP USER missing@'%'");
    let proposed = rig.issuer.propose(None).await;
    assert_eq!(proposed.err().unwrap().kind, ErrorKind::NotFound);
    let applied = rig.issuer.apply(&Tag::new("example"), &old).await;
    assert_eq!(applied.unwrap_err().kind, ErrorKind::NotFound);
    rig.issuer.revoke(&old.id).await.unwrap();
    assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
    let there = "SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'missing'";
    assert_eq!(rig.server.root(there), "0");
}

#[tokio::test]
async fn an_admin_that_may_not_or_is_not_let_in_is_told_so() {
    let Some(rig) = Rig::new("rights") else {
        return;
    };
    let old = rig.old().await;
    let candidate = rig.issuer.propose(None).await.unwrap();
    rig.server
        .root("REVOKE CREATE USER ON *.* FROM admin_rights@'%'");
    let applied = rig.issuer.apply(&Tag::new("example"), &candidate).await;
    let error = applied.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("docs/providers/mysql.md"), "{error}");
    assert_eq!(rig.passwords(), 1);
    std::fs::write(rig.folder.path().join("admin"), "example-wrong").unwrap();
    let error = rig.issuer.revoke(&old.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(
        error.message.contains("password of `admin` is wrong"),
        "{error}"
    );
    assert!(rig.accepts(&old));
    // It is read at each use, so that a mended file is enough.
    std::fs::write(rig.folder.path().join("admin"), ADMIN).unwrap();
    rig.server
        .root("GRANT CREATE USER ON *.* TO admin_rights@'%'");
    rig.issuer
        .apply(&Tag::new("example"), &candidate)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_admin_that_may_not_close_connections_takes_no_password_away() {
    let Some(rig) = Rig::new("closing") else {
        return;
    };
    let issuer = rig.another(rig.server.address(), "end_sessions = true");
    let (old, _new) = (rig.old().await, rig.renewed().await);
    // Somebody is logged in: otherwise nobody would have to be asked.
    let mut session = session(&rig, OLD);
    rig.server
        .root("REVOKE CONNECTION ADMIN ON *.* FROM admin_closing@'%'");
    for error in [
        issuer.propose(None).await.err().unwrap(),
        issuer.disable(&old.id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.message.contains("CONNECTION ADMIN"), "{error}");
    }
    assert!(rig.accepts(&old) && session.try_wait().unwrap().is_none());
    // Through a role it may as well.
    rig.server.root(
        "CREATE ROLE closers; GRANT CONNECTION ADMIN ON *.* TO closers; GRANT closers TO admin_closing@'%'; \
         SET DEFAULT ROLE closers FOR admin_closing@'%'",
    );
    issuer.disable(&old.id).await.unwrap();
    assert!(!session.wait().unwrap().success() && !rig.accepts(&old));
}

#[tokio::test]
async fn a_policy_that_wants_to_see_passwords_is_told_before_anything_changes() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rig = Rig::on(&server, "strict");
    let candidate = rig.issuer.propose(None).await.unwrap();
    server.root("INSTALL SONAME 'simple_password_check'");
    for error in [
        rig.issuer.propose(None).await.err().unwrap(),
        rig.issuer
            .apply(&Tag::new("example"), &candidate)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("password policy"), "{error}");
    }
    assert_eq!(rig.passwords(), 1);
    server.root("SET GLOBAL strict_password_validation = OFF");
    let new = rig.renewed().await;
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn a_wrong_password_of_another_user_is_dead() {
    let Some(rig) = Rig::new("strangers") else {
        return;
    };
    let mut wrong = rig.old().await;
    wrong.fields = password("example-of-nobody");
    assert_eq!(rig.issuer.test(&wrong).await, Ok(Liveness::Dead));
    assert_eq!(rig.issuer.identify(&wrong.fields).await, Ok(None));
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_one_that_is_gone_is_unknown() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rig = Rig::on(&server, "hanging");
    let relay = Relay::in_front_of(server.address()).await;
    let issuer = rig.another(relay.address, "");
    let new = rig.renewed().await;
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    relay.hang();
    let begun = Instant::now();
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
    let error = issuer.state(&new.id).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    relay.resume();
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    let address = server.address();
    let issuer = rig.another(address, "");
    drop(rig);
    drop(server);
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Unknown));
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_not_waited_for_for_ever() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rig = Rig::on(&server, "waiting");
    let candidate = rig.issuer.propose(None).await.unwrap();
    let address = server.address();
    let mut holder = std::process::Command::new("mariadb")
        .args(["--no-defaults", "--host=127.0.0.1", "--user=root"])
        .args([format!("--port={}", address.port())])
        .args(["--execute", "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(60)"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let busy = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
    while server.root(busy) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    let error = rig
        .issuer
        .apply(&Tag::new("example"), &candidate)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
    server.root("DO 1");
    assert_eq!(rig.passwords(), 1, "what was given up did not land later");
}
