//! An inventory that vanishes, is halved, breaks, contradicts itself between two files, or names what may not be
//! called, while a daemon runs.

use crate::project::scene::ID;
use crate::project::{Project, Scene};
use keywheel::rotation::phase::Phase;
use rustix::process::Signal;

fn entries(count: usize) -> String {
    let entry = |n| {
        format!(
            "[secrets.s{n}]\nissuer = {{ kind = \"random\" }}\nin_place = \"example\"\nno_consumers = \"example\"\n\
             publish_to = [{{ store = \"files\", path = \"s{n}\" }}]\n"
        )
    };
    (0..count).map(entry).collect()
}

async fn alive(project: &Project) -> usize {
    let journal = project.journal().await;
    let read = journal.read(async |tx| keywheel::journal::secrets::definitions(tx).await);
    read.await.unwrap().len()
}

#[tokio::test]
async fn what_vanishes_or_is_halved_stays_in_force() {
    let project = Project::new();
    project.secrets(&entries(60));
    project.prepared();
    let daemon = project.daemon();
    let spoilt = [
        (entries(30), "retires 30 of 60 secrets"),
        (
            "[secrets.s1]\nisuer = 1\n".to_owned(),
            "did you mean `issuer`",
        ),
        (entries(60)[..3000].to_owned(), "problems"),
    ];
    for (count, (text, says)) in spoilt.into_iter().enumerate() {
        project.secrets(&text);
        daemon.signal(Signal::HUP);
        until_told(&daemon, count + 1);
        assert!(
            daemon.log().contains(says),
            "`{says}` is not in\n{}",
            daemon.log()
        );
        assert_eq!(alive(&project).await, 60, "{says}");
    }
    std::fs::rename(project.path("inventory"), project.path("elsewhere")).unwrap();
    daemon.signal(Signal::HUP);
    until_told(&daemon, 4);
    assert_eq!(alive(&project).await, 60);
    project.run(&["inventory", "apply"]).ended(78);
    std::fs::rename(project.path("elsewhere"), project.path("inventory")).unwrap();
    project.secrets(&entries(61));
    daemon.signal(Signal::HUP);
    daemon.until_log("inventory applied");
    assert_eq!(alive(&project).await, 61);
    daemon.stop();
}

fn until_told(daemon: &crate::project::Daemon, times: usize) {
    let end = std::time::Instant::now() + crate::project::PATIENCE;
    while daemon
        .log()
        .matches("the inventory was NOT applied")
        .count()
        < times
    {
        assert!(
            std::time::Instant::now() < end,
            "not told {times} times:\n{}",
            daemon.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn metadata_services_are_refused_when_the_inventory_is_read() {
    for host in [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "metadata.google.internal",
        "2852039166",
    ] {
        let project = Project::with_config("hosts = { test = [\"*.internal\"] }");
        project.secrets(&format!(
            "[secrets.s]\nissuer = {{ kind = \"random\" }}\nin_place = \"example\"\n\
             publish_to = [{{ store = \"files\", path = \"s\" }}]\n[secrets.s.consumers.app]\n\
             notify = {{ http = \"https://{host}/latest\" }}\nverify = {{ none = \"example\" }}\n"
        ));
        project.runs(&[&["init", "--bare"]]);
        let ran = project.run(&["inventory", "apply"]).ended(78);
        ran.says(&["inventory/test/team.toml:6", "never called"]);
    }
}

#[tokio::test]
async fn a_consumer_edited_away_does_not_open_the_gate() {
    let mut scene = Scene::late();
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_waits(ID, Phase::Verifying, "app").await;
    for consumers in [
        "no_consumers = \"nobody any more\"\n",
        "[secrets.token.consumers.other]\nnotify = { none = \"x\" }\nverify = { none = \"x\" }\n",
    ] {
        scene.entry_with("", consumers);
        scene.project.run(&["inventory", "apply"]);
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        scene
            .project
            .until_waits(ID, Phase::Verifying, "app 0/1")
            .await;
        scene.both_work();
    }
    // Taken away as a whole, it finishes from its plan.
    scene.project.secrets(&entries(2));
    scene
        .project
        .runs(&[&["inventory", "apply", "--allow-retire"]]);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    scene.both_work();
    scene.deploy();
    scene.project.until_completed(ID).await;
    scene.only_new_works();
    daemon.stop();
}

fn entry(name: &str, place: &str, more: &str) -> String {
    format!(
        "[secrets.{name}]\nissuer = {{ kind = \"random\" }}\nin_place = \"example\"\n\
         no_consumers = \"example\"\npublish_to = [{{ store = \"files\", path = \"{place}\" }}]\n{more}\n"
    )
}

/// The first file changes and the second never does: only the journal still knows what it says.
#[test]
fn a_file_that_did_not_change_still_counts() {
    let project = Project::new();
    let other = |text: &str| project.write("inventory/test/other.toml", text);
    let apply = |says: &[&str]| {
        let ran = project.run(&["inventory", "apply"]);
        ran.says(says);
    };
    other(&entry("b", "b", "timing = { apart_from = [\"a\"] }"));
    project.secrets(&entry("a", "a", ""));
    project.runs(&[&["init", "--bare"]]);
    apply(&["adds 2"]);
    apply(&["no difference"]);
    for (text, says) in [
        (entry("b", "c", ""), "`test/b` is already defined at"),
        (entry("a", "b", ""), "publishes to `files:b` too"),
        (
            entry("a", "a", "formerly = [\"b\"]"),
            "`formerly` names `test/b`",
        ),
        (entry("c", "c", ""), "unknown secret `a` in `apart_from`"),
    ] {
        project.secrets(&text);
        apply(&[says]);
    }
    project.secrets(&entry("a", "a", "impact = \"example\""));
    apply(&["changes 1"]);
    // Moved from one file into the other, it stays in service.
    project.secrets(&entry("c", "c", ""));
    other(&(entry("b", "b", "") + &entry("a", "a", "")));
    apply(&["adds 1 · changes 2"]);
    // What all files are layered over changes them all, and a file that goes takes its secrets along.
    std::fs::remove_file(project.path("inventory/test/team.toml")).unwrap();
    apply(&["retires 1"]);
    apply(&["no difference"]);
}
