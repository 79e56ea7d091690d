//! What `keywheel check --online` learns, by looking only.

use crate::rig::{RUNS, Rig};
use keywheel_contract::{Consumer as _, Verdict};
use keywheel_provider_systemd::Told;

/// What is said of the unit, by the beginning of what it is about.
async fn said(rig: &Rig<'_>, about: &str) -> (Verdict, String) {
    let seen = rig.unit.examine().await;
    let found = seen
        .findings
        .iter()
        .find(|one| one.about.starts_with(about));
    let found = found.unwrap_or_else(|| panic!("nothing about {about}: {seen:?}"));
    (found.verdict, found.detail.clone())
}

#[tokio::test]
async fn a_unit_that_runs_is_good_and_is_left_alone() {
    let Some(rig) = Rig::running("looked-at.service", Told::Restart, RUNS).await else {
        return;
    };
    let before = rig.process();
    assert_eq!(
        said(&rig, "reachable").await,
        (Verdict::Good, "active".to_owned())
    );
    let policy = rig.unit.examine().await.policy.unwrap();
    assert!(policy.contains("looked-at.service"), "{policy}");
    assert_eq!(rig.process(), before);
    rig.systemd.systemctl(&["stop", &rig.name]).unwrap();
    assert_eq!(said(&rig, "reachable").await.0, Verdict::Warning);
}

#[tokio::test]
async fn what_would_fail_is_missing() {
    let Some(rig) = Rig::running("looked-at-too.service", Told::Reload, RUNS).await else {
        return;
    };
    let (verdict, detail) = said(&rig, "reload:").await;
    assert_eq!(verdict, Verdict::Missing);
    assert!(detail.contains("`restart`"), "{detail}");
    let Some(rig) = Rig::named("not-there.service", Told::Restart) else {
        return;
    };
    assert_eq!(said(&rig, "reachable").await.0, Verdict::Missing);
}
