//! SIGHUP reads `keywheel.toml` again: what can change does, what cannot is refused and the last good one stays.

use crate::project::scene::ID;
use crate::project::{Daemon, Project, Tokens};
use rustix::process::Signal;

/// A consumer whose program gets all it has to know from `keywheel.toml`.
const LOOKS: &str = "[secrets.token.consumers.app]\nnotify = { none = \"opens the file at each use\" }\n\
     verify = { exec = \"look\" }\nproof = \"delivered\"\n";

fn secrets(project: &Project, consumers: &str) {
    project.secrets(&format!(
        "[secrets.token]\n{}\n\
         publish_to = [{{ store = \"env\", path = \"app.env\", field = \"TOKEN\" }}]\n{consumers}",
        Tokens::ISSUER
    ));
}

fn look(key: &str) -> String {
    let plugins = "providers/exec/examples/plugins/env-file-consumer";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(plugins);
    format!(
        "[programs.look]\npath = \"{}\"\nconfig = {{ path = \"app/app.env\", key = \"{key}\" }}\n",
        path.display()
    )
}

fn configure(project: &Project, change: impl Fn(String) -> String) {
    project.write("keywheel.toml", &change(project.read("keywheel.toml")));
}

fn running() -> (Project, Daemon) {
    let project = Project::with_config(&Tokens::config());
    secrets(&project, "no_consumers = \"example\"");
    project.prepared();
    let daemon = project.daemon();
    (project, daemon)
}

#[tokio::test]
async fn a_program_that_is_declared_later_is_run_with_its_config() {
    let (project, daemon) = running();
    configure(&project, |text| format!("{text}{}", look("OTHER")));
    secrets(&project, LOOKS);
    daemon.signal(Signal::HUP);
    daemon.until_log("keywheel.toml applied");
    daemon.until_log("inventory applied");
    project.run(&["rotate-now", ID]).succeeded();
    // With this key it finds nothing, so that its config is what counts.
    project
        .until_waits(ID, keywheel::rotation::phase::Phase::Verifying, "app")
        .await;
    configure(&project, |text| text.replace("OTHER", "TOKEN"));
    daemon.signal(Signal::HUP);
    project.until_completed(ID).await;
    project.run(&["prove", ID]).succeeded().says(&["delivered"]);
    daemon.stop();
}

#[tokio::test]
async fn what_needs_a_restart_or_is_broken_is_refused_and_the_last_good_one_stays() {
    let (project, daemon) = running();
    let good = project.read("keywheel.toml");
    let spoilt = [
        (
            good.replace("keywheel.db", "other.db"),
            "`journal` can only change with a restart",
        ),
        (
            good.replace("seal.key", "other.key"),
            "`seal` can only change with a restart",
        ),
        (
            format!("listen = \"127.0.0.1:7999\"\n{good}"),
            "`listen` can only change with a restart",
        ),
        (format!("jurnal = 1\n{good}"), "did you mean `journal`"),
        (
            good.replace("programs.token-issuer", "programs.renamed"),
            "the inventory does not fit it",
        ),
    ];
    for (text, says) in spoilt {
        project.write("keywheel.toml", &text);
        daemon.signal(Signal::HUP);
        daemon.until_log(says);
    }
    assert!(
        !daemon.log().contains("keywheel.toml applied"),
        "{}",
        daemon.log()
    );
    assert!(!project.path("other.db").exists());
    project.write("keywheel.toml", &good);
    project.run(&["rotate-now", ID]).succeeded();
    project.until_completed(ID).await;
    daemon.stop();
}

#[tokio::test]
async fn a_host_is_allowed_and_forbidden_again_while_the_daemon_runs() {
    let (project, daemon) = running();
    let good = project.read("keywheel.toml");
    secrets(
        &project,
        "[secrets.token.consumers.app]\nnotify = { none = \"example\" }\n\
         verify = { http = \"https://chat.internal/.well-known/keywheel\" }\n",
    );
    daemon.signal(Signal::HUP);
    daemon.until_log("host `chat.internal` is not allowed for `test`");
    let consumers = || consumers_of(&project);
    assert_eq!(
        consumers(),
        serde_json::json!([]),
        "the last good inventory stays"
    );
    configure(&project, |text| {
        format!("hosts = {{ test = [\"*.internal\"] }}\n{text}")
    });
    daemon.signal(Signal::HUP);
    daemon.until_log("keywheel.toml applied");
    daemon.until_log("inventory applied");
    assert_eq!(consumers()[0]["name"], "app");
    project.write("keywheel.toml", &good);
    daemon.signal(Signal::HUP);
    daemon.until_log("the inventory does not fit it");
    daemon.stop();
}

fn consumers_of(project: &Project) -> serde_json::Value {
    let shown = project.run(&["show", ID, "--output", "json"]).succeeded();
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    document["items"][0]["consumers"].clone()
}

const DAY_MS: i64 = 86_400_000;

/// Days from the last rotation to the next date.
async fn days(project: &Project) -> i64 {
    let secret = project.secret(ID).await;
    (secret.next_rotation_ms.unwrap() - secret.last_rotated_ms.unwrap()) / DAY_MS
}

async fn until_days(project: &Project, wished: i64) {
    let end = std::time::Instant::now() + crate::project::PATIENCE;
    while days(project).await != wished {
        assert!(
            std::time::Instant::now() < end,
            "{} days",
            days(project).await
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn schedule(project: &Project, name: &str, every: &str) {
    let text = format!(
        "every = \"{every}\"\njitter = \"0s\"\ndue_soon = \"1d\"\nproof = \"claimed\"\n\
         prove_within = \"1m\"\noverlap = \"0s\"\nquiet = \"0s\"\nundo = \"0s\"\n"
    );
    project.write(&format!("schedules/{name}.toml"), &text);
}

#[tokio::test]
async fn schedules_and_defaults_date_what_runs_anew() {
    let project = Project::with_config(&format!(
        "defaults = {{ schedule = \"own\" }}\n{}",
        Tokens::config()
    ));
    let environment = project.read("inventory/test/environment.toml");
    let (before, after) = (
        environment.find("defaults").unwrap(),
        environment.find("[stores").unwrap(),
    );
    project.write(
        "inventory/test/environment.toml",
        &format!(
            "{}defaults = {{ owner = \"team\" }}\n{}",
            &environment[..before],
            &environment[after..]
        ),
    );
    schedule(&project, "own", "30d");
    schedule(&project, "other", "5d");
    secrets(&project, "no_consumers = \"example\"");
    project.prepared();
    let daemon = project.daemon();
    project
        .run(&["rotate-now", ID, "--mode", "cutover", "--reason", "example"])
        .succeeded();
    project.until_completed(ID).await;
    assert_eq!(days(&project).await, 30);
    schedule(&project, "own", "10d");
    daemon.signal(Signal::HUP);
    until_days(&project, 10).await;
    configure(&project, |text| text.replace("\"own\"", "\"other\""));
    daemon.signal(Signal::HUP);
    until_days(&project, 5).await;
    daemon.stop();
}
