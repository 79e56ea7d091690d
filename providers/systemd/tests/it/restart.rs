//! Consumers that read the value when they start.

use crate::rig::{RUNS, Rig, now_ms};
use keywheel_provider_systemd::Told;

#[tokio::test]
async fn a_restart_shows_the_new_one_and_nothing_before_it_does() {
    let Some(rig) = Rig::running("restart.service", Told::Restart, RUNS).await else {
        return;
    };
    let before = rig.process();
    // Somebody else restarted it, and after that the value was published.
    let published = now_ms();
    rig.cannot_tell(published, "runs since before that").await;
    rig.notify().await.unwrap();
    let early = rig.seen(published).await.unwrap_err();
    assert!(early.message.contains("too early"), "{}", early.message);
    rig.settled().await;
    rig.holds_the_new_one(published, "started after that").await;
    assert_ne!(rig.process(), before);
    // What is published later is read by a later start only.
    rig.cannot_tell(now_ms(), "runs since before that").await;
}

#[tokio::test]
async fn who_is_told_by_a_restart_is_not_believed_for_a_reload() {
    let service = format!("{RUNS}\nExecReload=true");
    let Some(rig) = Rig::running("by-restart.service", Told::Restart, &service).await else {
        return;
    };
    let published = now_ms();
    rig.systemd.systemctl(&["reload", &rig.name]).unwrap();
    rig.cannot_tell(published, "a reload does not count").await;
}

#[tokio::test]
async fn an_instance_of_a_template_is_a_unit() {
    let Some(rig) = Rig::named("worker@a-1.service", Told::Restart) else {
        return;
    };
    rig.systemd.write("worker@.service", RUNS);
    rig.systemd.systemctl(&["start", &rig.name]).unwrap();
    rig.settled().await;
    let published = now_ms();
    rig.notify().await.unwrap();
    rig.settled().await;
    rig.holds_the_new_one(published, "started after that").await;
}

#[tokio::test]
async fn a_restart_by_systemd_itself_counts_once_it_stays_up() {
    let service = format!("{RUNS}\nRestart=always\nRestartSec=50ms");
    let Some(rig) = Rig::running("comes-back.service", Told::Restart, &service).await else {
        return;
    };
    let (published, before) = (now_ms(), rig.process());
    rig.systemd
        .systemctl(&["kill", "-s", "KILL", &rig.name])
        .unwrap();
    let again = |now: &str| now != before && now != "0";
    rig.systemd.until(&rig.name, "MainPID", again);
    // It may be one that starts over and over.
    let early = rig.seen(published).await.unwrap_err();
    assert!(early.message.contains("anew 1 times"), "{}", early.message);
    // A restart that somebody asks for begins the count anew.
    rig.notify().await.unwrap();
    rig.settled().await;
    rig.holds_the_new_one(published, "started after that").await;
}
