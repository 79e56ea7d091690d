//! Two accounts in turn: who is let in at each step, who is logged in, what must fit before anything changes, and what
//! comes too late.

use crate::accounts::{Accounts, field, fields};
use crate::rig::OLD;
use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_contract::{CredentialId, CredentialState, ErrorKind, Issuer, Liveness, Tag};
use keywheel_test_servers::mariadb::MariaDb;
use keywheel_test_servers::relay::Relay;

struct Harness(Accounts<'static>);

#[async_trait]
impl IssuerHarness for Harness {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }

    async fn current(&self) -> Option<CredentialId> {
        Some(self.0.old().id)
    }
}

#[tokio::test]
async fn the_rights_of_the_manual_suffice_for_every_case_of_two_in_turn() {
    let Some(rig) = Accounts::new("suite") else {
        return;
    };
    let report = suite(&Harness(rig)).await;
    keywheel_test_servers::counts::suite(&report);
    // Nothing minted by the server, no last use.
    assert_eq!((report.failed(), report.skipped()), (0, 2), "{report}");
}

#[tokio::test]
async fn both_are_let_in_until_the_old_one_is_ended() {
    let Some(rig) = Accounts::new("both") else {
        return;
    };
    let old = rig.old();
    let known = rig.issuer.identify(&old.fields).await;
    assert_eq!(known, Ok(Some(old.id.clone())));
    let new = rig.rotate(&old.id, "keywheel-r1-1").await;
    assert!(rig.lets_in(&old).await && rig.lets_in(&new).await);
    assert_eq!(field(&new, "user"), "both_b");

    rig.issuer.disable(&old.id).await.unwrap();
    assert!(!rig.lets_in(&old).await && rig.lets_in(&new).await);
    let state = rig.issuer.state(&old.id).await;
    assert_eq!(state, Ok(CredentialState::Disabled));
    rig.issuer.enable(&old).await.unwrap();
    assert!(rig.lets_in(&old).await);

    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(!rig.lets_in(&old).await && rig.lets_in(&new).await);
    assert!(rig.shown("both_a").contains("ACCOUNT LOCK"));
    let back = rig.issuer.enable(&old).await.unwrap_err();
    assert_eq!(back.kind, ErrorKind::Invalid);
    // Not even without its lock, and not by the mark as it stands there.
    rig.server.root("ALTER USER both_a@'%' ACCOUNT UNLOCK");
    assert!(!rig.lets_in(&old).await && !rig.server.accepts("both_a", ""));

    // The account stays, and its turn comes again.
    let next = rig.rotate(&new.id, "keywheel-r2-1").await;
    assert_eq!(field(&next, "user"), "both_a");
    assert!(rig.lets_in(&next).await && !rig.lets_in(&old).await);
    let state = rig.issuer.state(&old.id).await;
    assert_eq!(state, Ok(CredentialState::Absent));
    // A duty to end the first one, still kept by somebody, harms nobody.
    rig.issuer.disable(&old.id).await.unwrap();
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(rig.lets_in(&next).await);
}

#[tokio::test]
async fn a_value_is_found_by_the_rotation_that_set_it() {
    let Some(rig) = Accounts::new("found") else {
        return;
    };
    let new = rig.rotate(&rig.old().id, "keywheel-r1-1").await;
    // An older and a newer try of the same value equal one.
    for attempt in [2, 1, 2] {
        let tag = Tag::new(format!("keywheel-r1-{attempt}"));
        rig.issuer.apply(&tag, &new).await.unwrap();
        assert_eq!(
            rig.issuer.find(&tag).await.unwrap(),
            std::slice::from_ref(&new.id)
        );
    }
    let other = rig.issuer.find(&Tag::new("keywheel-r2-1")).await;
    assert_eq!(other, Ok(Vec::new()));
    assert!(rig.lets_in(&new).await);
}

#[tokio::test]
async fn sessions_are_told_with_address_and_name_and_ended() {
    // Names are kept by the performance schema.
    let Some(server) = MariaDb::with_names() else {
        return;
    };
    let rig = Accounts::on(&server, "open");
    let old = rig.old();
    let mut session = rig.session("open_a", OLD);
    let new = rig.rotate(&old.id, "keywheel-r1-1").await;
    let open = rig.issuer.sessions(&old.id).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].address.as_deref(), Some("127.0.0.1"));
    let name = open[0].application.as_deref();
    assert!(matches!(name, Some("mysql" | "mariadb")), "{name:?}");
    assert_eq!(rig.issuer.sessions(&new.id).await, Ok(Vec::new()));

    // It outlives its password.
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(session.try_wait().unwrap().is_none());
    assert_eq!(rig.issuer.end_sessions(&new.id).await, Ok(0));
    assert_eq!(rig.issuer.end_sessions(&old.id).await, Ok(1));
    assert!(!session.wait().unwrap().success(), "it was closed");
    assert_eq!(rig.issuer.end_sessions(&old.id).await, Ok(0));

    // Sessions of the account's next value are none of the old one's.
    let next = rig.rotate(&new.id, "keywheel-r2-1").await;
    let mut session = rig.session("open_a", field(&next, "password"));
    assert_eq!(rig.issuer.sessions(&old.id).await, Ok(Vec::new()));
    assert_eq!(rig.issuer.end_sessions(&old.id).await, Ok(0));
    assert!(session.try_wait().unwrap().is_none());
    session.kill().unwrap();
    session.wait().unwrap();
}

#[tokio::test]
async fn an_account_whose_turn_it_is_not_is_left_alone() {
    let Some(rig) = Accounts::new("busy") else {
        return;
    };
    let old = rig.old();
    rig.server
        .root("ALTER USER busy_b@'%' IDENTIFIED BY 'example-of-somebody-else' ACCOUNT UNLOCK");
    let mut session = rig.session("busy_b", "example-of-somebody-else");
    let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains("127.0.0.1"), "{refused}");
    session.kill().unwrap();
    session.wait().unwrap();
    rig.until_nobody_is_in("busy_b").await;
    // Whoever uses it may come back: its password is not of keywheel.
    let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
    let (_, typed) = refused.message.split_once("(`").unwrap();
    let (typed, _) = typed.split_once("`)").unwrap();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert_eq!(typed, "ALTER USER `busy_b`@`%` ACCOUNT LOCK");
    assert!(rig.server.accepts("busy_b", "example-of-somebody-else"));
    rig.server.root(typed);
    assert!(rig.issuer.propose(Some(&old.id)).await.is_ok());
    // With nothing published, whoever is let in is in use by whom nobody knows.
    let refused = rig.issuer.propose(None).await.err().unwrap();
    assert!(refused.message.contains("publish its value"), "{refused}");
    rig.server.root(
        "INSTALL SONAME 'auth_ed25519'; ALTER USER busy_b@'%' IDENTIFIED VIA ed25519 USING PASSWORD('example')",
    );
    let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
    assert!(refused.message.contains("by `ed25519`"), "{refused}");
    assert!(rig.lets_in(&old).await);
}

#[tokio::test]
async fn what_the_next_account_lacks_is_named_and_nothing_is_changed() {
    let Some(rig) = Accounts::new("diff") else {
        return;
    };
    let old = rig.old();
    rig.server.root("CREATE DATABASE diff; CREATE TABLE diff.orders (id INT, name INT); CREATE ROLE diff_readers");
    for (granted, undone, said) in [
        (
            "GRANT SELECT ON diff.* TO diff_a@'%'",
            "REVOKE SELECT ON diff.* FROM diff_a@'%'",
            "SELECT on `diff`.*",
        ),
        (
            "GRANT UPDATE (id) ON diff.orders TO diff_a@'%' WITH GRANT OPTION",
            "REVOKE UPDATE (id), GRANT OPTION ON diff.orders FROM diff_a@'%'",
            "UPDATE (`id`) on `diff`.`orders`",
        ),
        (
            "GRANT diff_readers TO diff_a@'%'",
            "REVOKE diff_readers FROM diff_a@'%'",
            "the role `diff_readers`",
        ),
        (
            "GRANT FILE ON *.* TO diff_a@'%'",
            "REVOKE FILE ON *.* FROM diff_a@'%'",
            "FILE on *.*",
        ),
        (
            "ALTER USER diff_b@'%' REQUIRE X509",
            "ALTER USER diff_b@'%' REQUIRE NONE",
            "the setting ssl_type: not set",
        ),
        (
            "ALTER USER diff_a@'%' WITH MAX_USER_CONNECTIONS 30",
            "ALTER USER diff_a@'%' WITH MAX_USER_CONNECTIONS 0",
            "the setting max_user_connections: 30",
        ),
    ] {
        rig.server.root(granted);
        let error = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Invalid);
        let begins = error
            .message
            .starts_with("`diff_b` lacks what `diff_a` has: ");
        assert!(begins && error.message.contains(said), "{granted}: {error}");
        rig.server.root(undone);
        let again = rig.issuer.propose(Some(&old.id)).await;
        assert!(again.is_ok(), "after {granted}: {}", again.err().unwrap());
    }
    rig.server
        .root("GRANT ALL PRIVILEGES ON diff.* TO diff_b@'%'; GRANT SELECT ON diff.* TO diff_a@'%'");
    assert!(rig.issuer.propose(Some(&old.id)).await.is_ok());
}

#[tokio::test]
async fn rights_are_compared_however_the_server_quotes_names() {
    // Settings of the whole server.
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rig = Accounts::on(&server, "quoted");
    let old = rig.old();
    for setting in [
        "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
        "sql_quote_show_create = OFF",
    ] {
        server.root(&format!("SET GLOBAL {setting}"));
        server.root("GRANT FILE ON *.* TO quoted_a@'%'");
        let refused = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert!(refused.message.contains("FILE on *.*"), "{refused}");
        server.root("REVOKE FILE ON *.* FROM quoted_a@'%'");
        assert!(rig.issuer.propose(Some(&old.id)).await.is_ok());
    }
    let new = rig.rotate(&old.id, "keywheel-r1-1").await;
    rig.issuer.revoke(&old.id).await.unwrap();
    assert!(rig.lets_in(&new).await && !rig.lets_in(&old).await);
}

#[tokio::test]
async fn rights_that_the_admin_lacks_are_named_before_anything_changes() {
    let Some(rig) = Accounts::new("less") else {
        return;
    };
    let old = rig.old();
    for right in ["PROCESS", "CONNECTION ADMIN"] {
        rig.server
            .root(&format!("REVOKE {right} ON *.* FROM admin_less@'%'"));
        let error = rig.issuer.propose(Some(&old.id)).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains(right), "{error}");
        rig.server
            .root(&format!("GRANT {right} ON *.* TO admin_less@'%'"));
    }
    let foreign = CredentialId::new("root@localhost/0");
    for refused in [
        rig.issuer.disable(&foreign).await,
        rig.issuer.revoke(&foreign).await,
        rig.issuer.end_sessions(&foreign).await.map(drop),
        rig.issuer.propose(Some(&foreign)).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_try_that_was_given_up_changes_nothing_any_more() {
    let Some(rig) = Accounts::new("turns_late") else {
        return;
    };
    let old = rig.old();
    let given_up = rig.issuer.propose(Some(&old.id)).await.unwrap();
    // The rotation goes back: its candidate is ended, though it never was set.
    rig.issuer.revoke(&given_up.id).await.unwrap();
    let (first, conflict) = (
        Tag::new("keywheel-r1-1"),
        ErrorKind::Conflict { seen: None },
    );
    let late = rig.issuer.apply(&first, &given_up).await;
    assert_eq!(late.unwrap_err().kind, conflict);
    assert!(!rig.lets_in(&given_up).await && rig.lets_in(&old).await);

    // The next rotation sets another value and is ended; the late one arrives again and again.
    let new = rig.rotate(&old.id, "keywheel-r2-1").await;
    for ended in [false, true] {
        if ended {
            rig.issuer.revoke(&new.id).await.unwrap();
        }
        let late = rig.issuer.apply(&first, &given_up).await;
        assert_eq!(late.unwrap_err().kind, conflict);
        assert_eq!(rig.issuer.find(&first).await, Ok(Vec::new()));
        assert_eq!(rig.lets_in(&new).await, !ended);
    }
    let late = rig.issuer.apply(&Tag::new("keywheel-r2-1"), &new).await;
    assert_eq!(late.unwrap_err().kind, conflict);
    assert!(!rig.lets_in(&new).await && !rig.lets_in(&given_up).await);
}

#[tokio::test]
async fn a_change_that_was_read_for_and_overtaken_changes_nothing() {
    let Some(rig) = Accounts::new("overtaken") else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.at(relay.address);
    let made = rig.issuer.propose(Some(&rig.old().id)).await.unwrap();
    relay.hold_first(|message| String::from_utf8_lossy(message).contains("ALTER USER"));
    let tag = Tag::new("keywheel-r1-1");
    let late = issuer.apply(&tag, &made);
    let meanwhile = async {
        relay.holds().await;
        rig.issuer.revoke(&made.id).await.unwrap();
        relay.let_go();
    };
    let (late, ()) = tokio::join!(late, meanwhile);
    assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict { seen: None });
    assert!(!rig.lets_in(&made).await);
}

#[tokio::test]
async fn a_lock_that_was_undone_does_not_come_back_when_it_arrives_again_late() {
    let Some(rig) = Accounts::new("undone") else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let (issuer, old) = (rig.at(relay.address), rig.old());
    // From the second time on, a lock and its end leave no trace.
    rig.issuer.disable(&old.id).await.unwrap();
    rig.issuer.enable(&old).await.unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    relay.hold_first(move |message| {
        let text = String::from_utf8_lossy(message);
        let lock = text
            .find("BEGIN NOT ATOMIC")
            .map(|at| text[at..].to_owned());
        lock.is_some_and(|lock| told.send(lock).is_ok())
    });
    let meanwhile = async {
        relay.holds().await;
        rig.issuer.disable(&old.id).await.unwrap();
        rig.issuer.enable(&old).await.unwrap();
    };
    tokio::select! {
        early = issuer.disable(&old.id) => panic!("it was held: {early:?}"),
        () = meanwhile => {}
    }
    let lock = heard.recv().unwrap();
    let arrives_after = |seconds| {
        let late = format!("SET TIMESTAMP = UNIX_TIMESTAMP() + {seconds}");
        let text = format!("DELIMITER //\n{late}//\n{lock}//");
        rig.server.client("root", "", &text)
    };
    let refused = arrives_after(15).unwrap_err();
    assert!(refused.contains("ERROR 31000"), "{refused}");
    assert!(rig.lets_in(&old).await);
    // The account is as it was read: the time alone keeps it out.
    arrives_after(0).unwrap();
    assert!(!rig.lets_in(&old).await);
}

#[tokio::test]
async fn what_was_told_is_done_whether_or_not_the_answer_came() {
    let Some(rig) = Accounts::new("turns_lossy") else {
        return;
    };
    let relay = Relay::in_front_of(rig.server.address()).await;
    let issuer = rig.at(relay.address);
    relay.lose_first_replies(|message| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (_, change) = text.split_once("THEN ")?;
        Some(change.to_owned())
    });
    let (old, tag) = (rig.old(), Tag::new("keywheel-r1-1"));
    let new = issuer.propose(Some(&old.id)).await.unwrap();
    let mut session = rig.session("turns_lossy_a", OLD);
    let lost = issuer.apply(&tag, &new).await;
    assert_eq!(lost.unwrap_err().kind, ErrorKind::UnknownOutcome);
    assert_eq!(
        issuer.find(&tag).await.unwrap(),
        std::slice::from_ref(&new.id)
    );
    issuer.apply(&tag, &new).await.unwrap();
    for _ in 0..2 {
        drop(issuer.disable(&old.id).await);
    }
    assert!(!rig.lets_in(&old).await);
    for _ in 0..2 {
        drop(issuer.enable(&old).await);
    }
    assert!(rig.lets_in(&old).await);
    for _ in 0..2 {
        drop(issuer.revoke(&old.id).await);
    }
    let lost = issuer.end_sessions(&old.id).await;
    assert_eq!(lost.unwrap_err().kind, ErrorKind::UnknownOutcome);
    assert!(!session.wait().unwrap().success(), "it was closed");
    assert_eq!(relay.lost().len(), 5, "{:?}", relay.lost());
    assert!(rig.lets_in(&new).await && !rig.lets_in(&old).await);
}

#[tokio::test]
async fn a_password_given_by_hand_counts_as_before_keywheel() {
    let Some(rig) = Accounts::new("hand") else {
        return;
    };
    let old = rig.old();
    let new = rig.rotate(&old.id, "keywheel-r1-1").await;
    rig.issuer.revoke(&old.id).await.unwrap();
    rig.server
        .root("ALTER USER hand_a@'%' IDENTIFIED BY 'example-by-hand-of-a-person' ACCOUNT UNLOCK");
    let by_hand = fields("hand_a", "example-by-hand-of-a-person");
    let known = rig.issuer.identify(&by_hand).await.unwrap();
    assert_eq!(known, Some(CredentialId::new("hand_a@%/0")));
    rig.issuer.revoke(&known.unwrap()).await.unwrap();
    assert!(!rig.server.accepts("hand_a", "example-by-hand-of-a-person"));
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}
