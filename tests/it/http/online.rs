//! `check --online` of issuers: whether we are let in, and whether what is in use is known there; nothing is changed.

use super::scene::{Scene, names};
use crate::project::Project;
use crate::project::scene::{self, Scene as Plain};
use keywheel_provider_http::contract::Nasty;
use keywheel_provider_http::shipped;
use keywheel_test_servers::faults::Fault;
use serde_json::Value;

const CHECK: [&str; 2] = ["check", "--online"];

#[tokio::test(flavor = "multi_thread")]
async fn each_pack_is_looked_at_and_nothing_is_changed() {
    for name in names(|_| true) {
        let scene = Scene::set(name).await;
        let (before, seen) = (scene.played.count(), scene.played.exchanges().len());
        let told = scene.project.run(&CHECK).succeeded();
        let looked_at = scene.pack.list.is_some() || scene.pack.look.is_some();
        let asked = scene.played.exchanges().split_off(seen);
        let words: &[&str] = match looked_at {
            true => &[
                "issuer http of test (http)",
                "1 of 1 secrets looked at",
                "it lets us in",
            ],
            false => &["the service tells nobody which credentials there are"],
        };
        told.says(words);
        assert_eq!(asked.is_empty(), !looked_at, "{name}");
        let login = |path: &str| path.ends_with("/token") || path.ends_with("/access_tokens");
        let read = |method: &str, path: &str| method == "GET" || login(path);
        assert!(
            asked.iter().all(|one| read(&one.method, &one.path)),
            "{name}: {asked:#?}"
        );
        assert_eq!(scene.played.count(), before, "{name}");
        assert!(scene.played.honours(&scene.old), "{name}");
        assert_eq!(
            scene.project.leaks(&[&scene.old]),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

/// What scripts are told of the issuer.
fn items(project: &Project, code: i32) -> Vec<(String, String, String)> {
    let told = project
        .run(&["check", "--online", "--output", "json"])
        .ended(code);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let items = told["items"].as_array().unwrap().iter();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    items
        .filter(|item| item["issuer"] == "http")
        .map(|item| {
            (
                text(item, "about"),
                text(item, "verdict"),
                text(item, "detail"),
            )
        })
        .collect()
}

fn has(items: &[(String, String, String)], about: &str, verdict: &str, words: &str) {
    let is = |item: &&(String, String, String)| {
        item.0.starts_with(about) && item.1 == verdict && item.2.contains(words)
    };
    assert!(
        items.iter().any(|item| is(&item)),
        "{about} {verdict} {words}: {items:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_and_ended_at_its_service_is_told() {
    let scene = Scene::set("gitlab").await;
    let items_of = |code| items(&scene.project, code);
    let seen = items_of(0);
    has(&seen, "reachable", "ok", "lists 1 credentials");
    has(&seen, "in use: ", "ok", "honours it");
    has(&seen, "permission to change", "unproven", "");
    has(&seen, "rights that suffice", "policy", "");
    scene.played.end_by_hand(&scene.old);
    has(
        &items_of(0),
        "in use: ",
        "warning",
        "does not have it (any more)",
    );
    // After a rotation it is the journal that names what is in use.
    let scene = Scene::set("gitlab").await;
    let daemon = scene.project.daemon();
    scene.rotate().await;
    has(&items(&scene.project, 0), "in use: ", "ok", "honours it");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_let_us_in_is_told_with_what_to_do() {
    let scene = Scene::set("gitlab").await;
    for (status, words) in [
        (
            401,
            "our own credential is refused: put a new one where `credentials` points",
        ),
        (403, "our own credential may not do this"),
    ] {
        let refused = Fault::Refuse(status, None);
        scene.served.faults.next(1, refused, |_| true);
        has(
            &items(&scene.project, 1),
            "permission to look",
            "missing",
            words,
        );
    }
    scene
        .served
        .faults
        .next(1, Fault::Refuse(429, Some(7)), |_| true);
    has(
        &items(&scene.project, 0),
        "reachable",
        "warning",
        "too many calls",
    );
    scene.played.misbehave(Nasty {
        pages_for_people: 1,
        ..Nasty::default()
    });
    let words = "the answer has no JSON, is this the right address?";
    has(&items(&scene.project, 1), "reachable", "missing", words);
    scene.project.run(&CHECK).succeeded();
    std::fs::remove_file(scene.project.path("own-admin")).unwrap();
    has(
        &items(&scene.project, 1),
        "reachable",
        "missing",
        "cannot be read",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_told() {
    let pack = shipped::pack("gitlab").unwrap();
    let mut scene = Scene::of(pack, &Nasty::default(), Project::new()).await;
    let away = keywheel_test_servers::serve::serve(scene.played.router(), None).await;
    scene.served = away;
    scene
        .project
        .run(&CHECK)
        .ended(1)
        .says(&["MISSING", "cannot be connected to"]);
}

/// Entries that are written inline, each with settings of its own, are one service: what is wrong with it is seen once.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_with_settings_of_their_own_are_one_service_all_the_same() {
    let scene = Scene::set("gitlab").await;
    let file = scene.project.path("inventory/test/team.toml");
    let mut all = std::fs::read_to_string(file).unwrap();
    let issuer = all.lines().find(|line| line.starts_with("issuer = "));
    let issuer = issuer.unwrap().to_owned();
    for number in 0..3 {
        let own = format!("own-{number}");
        std::fs::copy(scene.project.path("own-admin"), scene.project.path(&own)).unwrap();
        let issuer = issuer.replace("own-admin", &own);
        let publish = format!("publish_to = [{{ store = \"files\", path = \"other-{number}\" }}]");
        let head = format!("[secrets.other-{number}]\nno_consumers = \"a test\"");
        all = format!("{all}\n{head}\n{issuer}\n{publish}\n");
    }
    scene.project.secrets(&all);
    scene.project.run(&["inventory", "apply"]).succeeded();
    let told = scene.project.run(&CHECK).succeeded();
    told.says(&[
        "4 of 4 secrets looked at",
        "ok       reachable: it lets us in",
    ]);
    let refused = Fault::Refuse(403, None);
    scene.served.faults.next(4, refused, |_| true);
    let told = scene.project.run(&CHECK).ended(1);
    told.says(&["1 of 4 secrets looked at", "MISSING  permission to look: "]);
    assert_eq!(scene.served.faults.met().len(), 1, "it was asked on");
}

/// An issuer that has no look of its own is asked for the state of what is in use; one that cannot tell says so.
#[tokio::test]
async fn other_issuers_are_asked_for_the_state_of_what_is_in_use() {
    let scene = Plain::new();
    let daemon = scene.project.daemon();
    scene.rotate();
    scene.project.until_completed(scene::ID).await;
    daemon.stop();
    scene.project.run(&CHECK).succeeded().says(&[
        "issuer",
        "in use: ",
        "its issuer has it, and honours it",
    ]);
    let project = Project::new();
    project.secrets(
        "[secrets.key]\nno_consumers = \"a test\"\nin_place = \"a test\"\nissuer = { kind = \"random\", length = 40 }\n\
         publish_to = [{ store = \"files\", path = \"key\" }]\n",
    );
    project.prepared();
    project.run(&CHECK).succeeded().says(&[
        "issuer random of test (random)",
        "unproven reachable: none of its credentials is known to be in use",
    ]);
}
