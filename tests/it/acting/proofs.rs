//! `notify` and `prove` with the example consumer, which answers the handshake.

use crate::project::Scene;
use crate::project::scene::ID;
use serde_json::Value;

#[test]
fn a_consumer_is_told_over_http_and_then_proves_what_it_read() {
    let scene = Scene::new();
    let project = &scene.project;
    project.run(&["prove", ID]).succeeded().says(&["proven"]);
    let changed = scene.tokens.mint("example-changed-by-hand");
    project.write("app/app.env", &format!("TOKEN={changed}\n"));
    project
        .run(&["prove", ID])
        .ended(1)
        .says(&["it holds another value", "nothing was changed"]);
    project
        .run(&["notify", ID, "--consumer", "app"])
        .succeeded()
        .says(&["app was told to read env:app.env", "next: keywheel prove"]);
    let told = project.run(&["prove", ID, "--output", "json"]).succeeded();
    let whole: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(whole["format"], "keywheel/prove/1");
    let item = &whole["items"][0];
    assert_eq!(
        (&item["id"], &item["consumer"]),
        (&ID.into(), &"app".into())
    );
    assert_eq!(item["proven"], true);
    assert_eq!(item["shown"][0]["evidence"], "proven");
    assert_eq!(item["shown"][0]["instance"], "app-1");
    assert_eq!(scene.published(), changed, "nothing was changed");
    assert_eq!(project.leaks(&[&changed, &scene.old]), Vec::<String>::new());
}

#[test]
fn what_the_table_cuts_off_stands_below_it_in_full() {
    let mut scene = Scene::new();
    scene.app.kill();
    let project = &scene.project;
    let failed = project.run(&["prove", ID]).ended(1);
    let mut lines = failed.stdout.lines().skip(1);
    assert!(
        lines.all(|line| line.chars().count() <= 100),
        "{}",
        failed.stdout
    );
    let lines = project.run(&["prove", ID, "--output", "jsonl"]).ended(1);
    let item: Value = serde_json::from_str(&lines.stdout).unwrap();
    let wrong = item["wrong"].as_str().unwrap();
    assert!(wrong.chars().count() > 28, "the table need not cut {wrong}");
    let below = failed.stdout.replace("\n    ", " ");
    assert!(
        below.contains(&format!("! {ID}  app  -: {wrong}")),
        "{below}"
    );
    let csv = project.run(&["prove", ID, "--output", "csv"]).ended(1);
    assert!(csv.stdout.contains(wrong), "{}", csv.stdout);
}
