//! Many destinations of which one fails: only the missing one is tried again, and nothing is ended.

use crate::project::{Consumer, Project, Tokens};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, State};

const ID: &str = "test/token";

#[tokio::test]
async fn only_the_missing_destination_is_tried_again() {
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    let old = tokens.mint("example");
    for file in ["one.env", "two.env"] {
        project.write(&format!("app/{file}"), &format!("TOKEN={old}\n"));
    }
    project.write("app/broken/three.env", &format!("TOKEN={old}\n"));
    let app = Consumer::start(&project, "token", "app", "one.env", "TOKEN", &[]);
    project.secrets(&format!(
        "[secrets.token]\n{}\npublish_to = [\n\
         {{ store = \"env\", path = \"one.env\", field = \"TOKEN\" }},\n\
         {{ store = \"env\", path = \"two.env\", field = \"TOKEN\" }},\n\
         {{ store = \"env\", path = \"broken/three.env\", field = \"TOKEN\" }},\n]\n\
         [secrets.token.consumers.app]\n{}",
        Tokens::ISSUER,
        app.lines()
    ));
    // The issuer stops the world while one store goes away, between preflight and publishing.
    project.prepared();
    let daemon = project.daemon_with(&["--lease-ms", "3000", "--die-at", "mint::recorded"]);
    project.run(&["rotate-now", ID]).succeeded();
    let mut daemon = daemon;
    daemon.ended_within(crate::project::PATIENCE);
    std::fs::rename(project.path("app/broken"), project.path("app/away")).unwrap();
    std::fs::write(project.path("app/broken"), "no folder any more").unwrap();
    let daemon = project.daemon();
    let run = project.until(ID, "stuck at three.env", |run| {
        let waits = run
            .waiting
            .iter()
            .any(|waiting| waiting.name.contains("three.env"));
        run.phase == Phase::Publishing && (waits || run.state == State::Blocked)
    });
    run.await;
    project
        .run(&["status"])
        .succeeded()
        .says(&["env:broken/three.env"]);
    assert!(tokens.accepts(&old), "the old token was ended");
    assert_ne!(project.env_value("two.env", "TOKEN").unwrap(), old);
    std::fs::remove_file(project.path("app/broken")).unwrap();
    std::fs::rename(project.path("app/away"), project.path("app/broken")).unwrap();
    project.retry(ID).await;
    let run = project.until_completed(ID).await;
    let effects = project.effects(&run).await;
    let tries = |target: &str| {
        let of =
            |e: &&keywheel::rotation::facts::Effect| e.kind == Kind::Publish && e.target == target;
        effects.iter().filter(of).count()
    };
    assert_eq!((tries("env:one.env"), tries("env:two.env")), (1, 1));
    assert!(tries("env:broken/three.env") > 1);
    let values = ["one.env", "two.env", "broken/three.env"]
        .map(|file| project.env_value(file, "TOKEN").unwrap());
    assert!(
        values
            .iter()
            .all(|value| *value == values[0] && tokens.accepts(value))
    );
    assert!(!tokens.accepts(&old));
    daemon.stop();
}
