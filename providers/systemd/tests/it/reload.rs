//! Consumers that read the value again when they are reloaded.

use crate::rig::{RUNS, Rig, now_ms};
use keywheel_contract::ErrorKind;
use keywheel_provider_systemd::Told;
use keywheel_test_servers::systemd::Systemd;

#[tokio::test]
async fn a_reload_that_ended_well_shows_the_new_one_and_the_process_stays() {
    let service = format!("{RUNS}\nExecReload=true\nExecReload=true");
    let Some(rig) = Rig::running("reload.service", Told::Reload, &service).await else {
        return;
    };
    let (published, before) = (now_ms(), rig.process());
    rig.cannot_tell(published, "no reload after it").await;
    rig.notify().await.unwrap();
    rig.holds_the_new_one(published, "systemd does not see")
        .await;
    assert_eq!(rig.process(), before);
    rig.cannot_tell(now_ms(), "no reload after it").await;
    // Who starts after it has read it too.
    rig.systemd.systemctl(&["restart", &rig.name]).unwrap();
    rig.settled().await;
    rig.holds_the_new_one(published, "started after that").await;
}

#[tokio::test]
async fn a_reload_that_failed_is_told_and_shows_nothing() {
    let service = format!("{RUNS}\nExecReload=true\nExecReload=false");
    let Some(rig) = Rig::running("reload-fails.service", Told::Reload, &service).await else {
        return;
    };
    let published = now_ms();
    let error = rig.notify().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("ended as `failed`"),
        "{}",
        error.message
    );
    rig.cannot_tell(published, "no reload after it").await;
}

#[tokio::test]
async fn a_failure_that_the_unit_ignores_shows_nothing_either() {
    let service = format!("{RUNS}\nExecReload=-false");
    let Some(rig) = Rig::running("reload-ignores.service", Told::Reload, &service).await else {
        return;
    };
    let published = now_ms();
    rig.notify().await.unwrap();
    rig.cannot_tell(published, "no reload after it").await;
}

#[tokio::test]
async fn a_reload_that_takes_its_time_is_waited_for() {
    let service = format!("{RUNS}\nExecReload=sleep 3");
    let Some(rig) = Rig::running("reload-slow.service", Told::Reload, &service).await else {
        return;
    };
    let published = now_ms();
    rig.notify().await.unwrap();
    let busy = rig.seen(published).await.unwrap_err();
    assert!(
        busy.message.contains("reloading just now"),
        "{}",
        busy.message
    );
    rig.settled().await;
    rig.holds_the_new_one(published, "reloaded after that")
        .await;
}

#[tokio::test]
async fn what_cannot_be_reloaded_is_not_restarted_instead() {
    let Some(rig) = Rig::running("no-reload.service", Told::Reload, RUNS).await else {
        return;
    };
    let before = rig.process();
    let error = rig.notify().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("`restart`"), "{}", error.message);
    assert_eq!(rig.process(), before);
}

/// Reading the files anew is for the whole systemd, so that this test has one of its own.
#[tokio::test]
async fn once_systemd_read_its_files_anew_it_knows_of_no_reload() {
    let Some(systemd) = Systemd::start() else {
        return;
    };
    let rig = Rig::on(&systemd, "forgets.service", Told::Reload);
    systemd.run("forgets.service", &format!("{RUNS}\nExecReload=true"));
    rig.settled().await;
    let (published, before) = (now_ms(), rig.process());
    rig.notify().await.unwrap();
    rig.holds_the_new_one(published, "reloaded after that")
        .await;
    systemd.systemctl(&["daemon-reload"]).unwrap();
    rig.cannot_tell(published, "no reload after it").await;
    rig.notify().await.unwrap();
    rig.holds_the_new_one(published, "reloaded after that")
        .await;
    assert_eq!(rig.process(), before);
}
