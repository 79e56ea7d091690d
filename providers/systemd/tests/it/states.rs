//! Units that do not run as they should.

use crate::rig::{RUNS, Rig, now_ms};
use keywheel_contract::{Error, ErrorKind};
use keywheel_provider_systemd::Told;
use std::time::{Duration, Instant};

fn ensure(error: &Error, kind: &ErrorKind, words: &str) {
    assert_eq!(error.kind, *kind, "{}", error.message);
    assert!(error.message.contains(words), "{}", error.message);
}

#[tokio::test]
async fn a_unit_that_is_not_there_is_not_found() {
    let Some(rig) = Rig::named("nowhere.service", Told::Restart) else {
        return;
    };
    for error in [
        rig.notify().await.unwrap_err(),
        rig.seen(0).await.unwrap_err(),
    ] {
        ensure(
            &error,
            &ErrorKind::NotFound,
            "there is no unit nowhere.service",
        );
    }
}

#[tokio::test]
async fn a_masked_unit_is_invalid() {
    let Some(rig) = Rig::named("masked.service", Told::Restart) else {
        return;
    };
    let file = rig.systemd.folder().join("units/masked.service");
    std::os::unix::fs::symlink("/dev/null", file).unwrap();
    for error in [
        rig.notify().await.unwrap_err(),
        rig.seen(0).await.unwrap_err(),
    ] {
        ensure(
            &error,
            &ErrorKind::Invalid,
            "systemctl unmask masked.service",
        );
    }
}

#[tokio::test]
async fn a_file_with_a_fault_is_invalid() {
    let Some(rig) = Rig::named("faulty.service", Told::Restart) else {
        return;
    };
    rig.systemd.write("faulty.service", "Type=simple");
    for error in [
        rig.notify().await.unwrap_err(),
        rig.seen(0).await.unwrap_err(),
    ] {
        ensure(
            &error,
            &ErrorKind::Invalid,
            "systemctl status faulty.service",
        );
    }
}

#[tokio::test]
async fn who_was_stopped_is_not_started_and_not_seen() {
    for told in [Told::Restart, Told::Reload] {
        let name = format!("stopped-{told:?}.service").to_lowercase();
        let Some(rig) = Rig::named(&name, told) else {
            return;
        };
        rig.systemd
            .write(&name, &format!("{RUNS}\nExecReload=true"));
        rig.notify().await.unwrap();
        assert_eq!(rig.systemd.shows(&name, "ActiveState"), "inactive");
        let error = rig.seen(0).await.unwrap_err();
        ensure(&error, &ErrorKind::Unavailable, "does not run");
        // Whoever starts it has it read the value.
        let published = now_ms();
        rig.systemd.systemctl(&["start", &name]).unwrap();
        rig.settled().await;
        rig.holds_the_new_one(published, "started after that").await;
    }
}

#[tokio::test]
async fn one_that_failed_is_started_anew() {
    let Some(rig) = Rig::named("failed.service", Told::Restart) else {
        return;
    };
    let marker = rig.systemd.folder().join("may-run");
    let service = format!(
        "ExecStart=sh -c 'test -e {} && exec sleep infinity'",
        marker.display()
    );
    rig.systemd.run("failed.service", &service);
    rig.systemd
        .until("failed.service", "ActiveState", |now| now == "failed");
    let error = rig.seen(0).await.unwrap_err();
    ensure(&error, &ErrorKind::Unavailable, "failed.service failed");
    let published = now_ms();
    std::fs::write(marker, "").unwrap();
    rig.notify().await.unwrap();
    rig.settled().await;
    rig.holds_the_new_one(published, "started after that").await;
}

#[tokio::test]
async fn one_that_starts_over_and_over_is_never_believed() {
    let Some(rig) = Rig::named("over.service", Told::Restart) else {
        return;
    };
    let service = "ExecStart=sleep 0.3\nRestart=always\nRestartSec=100ms";
    rig.systemd.run("over.service", service);
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let error = rig.seen(0).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{}", error.message);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let times: u32 = rig
        .systemd
        .shows("over.service", "NRestarts")
        .parse()
        .unwrap();
    assert!(times >= 3, "{times}");
}

#[tokio::test]
async fn a_start_that_hangs_holds_nobody_up() {
    let service = format!(
        "{RUNS}\nExecStartPre=sh -c 'test ! -e %h/hang || exec sleep 600'\nTimeoutStartSec=infinity"
    );
    let Some(rig) = Rig::running("hangs.service", Told::Restart, &service).await else {
        return;
    };
    std::fs::write(rig.systemd.folder().join("hang"), "").unwrap();
    let began = Instant::now();
    rig.notify().await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    let error = rig.seen(0).await.unwrap_err();
    ensure(&error, &ErrorKind::Unavailable, "activating just now");
    // Told again, it waits no longer, and the unit is not left in pieces.
    rig.notify().await.unwrap();
    std::fs::remove_file(rig.systemd.folder().join("hang")).unwrap();
    rig.notify().await.unwrap();
    rig.settled().await;
}
