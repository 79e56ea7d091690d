//! The first hour of somebody new: what `init` makes, then a `.env` file of their own with a program that
//! looks at it, a consumer that fails, its message, and the command the message names.

use crate::project::Project;
use keywheel::rotation::phase::Phase;
use std::path::Path;

#[tokio::test]
async fn what_init_makes_can_be_rotated_at_once() {
    let project = Project::new();
    let folder = project.path("first");
    let inside = ["--config", "first/keywheel.toml"];
    let said = project.run(&["init", folder.to_str().unwrap()]).succeeded();
    said.says(&["made", "seal.key (0600)", "copy it elsewhere now", "next: "]);
    project
        .run(&[&inside[..], &["inventory", "apply"]].concat())
        .succeeded();
    let daemon = {
        let mut command = project.command(&["daemon"]);
        command.args(inside);
        project.daemon_by(command)
    };
    daemon.until_log("keywheel is running");
    let id = "development/example-token";
    project
        .run(&[&inside[..], &["rotate-now", id]].concat())
        .succeeded();
    let env = folder.join("example.env");
    let first = until_changed(&env, "");
    std::thread::sleep(std::time::Duration::from_secs(2));
    project
        .run(&[&inside[..], &["rotate-now", id]].concat())
        .succeeded();
    let second = until_changed(&env, &first);
    assert_ne!(first, second);
    daemon.stop();
}

fn until_changed(file: &Path, from: &str) -> String {
    let end = std::time::Instant::now() + crate::project::PATIENCE;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if !text.is_empty() && text != from {
            return text;
        }
        assert!(
            std::time::Instant::now() < end,
            "{} did not change",
            file.display()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// A consumer as a program, which says the version its application wrote down.
const LOOK: &str = r#"#!/usr/bin/env python3
import json, os, sys
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": True}}
elif os.path.exists("broken"):
    answer = {"ok": False, "error": {"kind": "unavailable", "message": "the application is down"}}
else:
    value = open("app/my.env").read().strip().partition("=")[2].strip("'\"")
    used = [h["credential"] for h in request["held"] if h["value"].get("text") == value]
    answer = {"ok": True, "observations": [{"instance": "app", "strength": "claimed",
              "holding": {"credential": used[0]} if used else "other"}]}
json.dump(answer, sys.stdout)
"#;

#[tokio::test]
async fn a_failing_consumer_is_said_with_the_command_that_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::with_config("programs.look = { path = \"look\" }");
    project.write("look", LOOK);
    std::fs::set_permissions(project.path("look"), std::fs::Permissions::from_mode(0o755)).unwrap();
    project.write(
        "app/my.env",
        "MY_TOKEN=example-value-from-before-keywheel\n",
    );
    project.secrets(
        "[secrets.mine]\nissuer = { kind = \"random\", length = 40 }\nin_place = \"one consumer, one value\"\n\
         timing = { prove_within = \"1s\" }\n\
         publish_to = [{ store = \"env\", path = \"my.env\", field = \"MY_TOKEN\" }]\n\
         [secrets.mine.consumers.app]\nnotify = { none = \"reads it at each use\" }\nverify = { exec = \"look\" }\n",
    );
    project.prepared();
    let daemon = project.daemon();
    let id = "test/mine";
    project.write("broken", "");
    project.run(&["rotate-now", id]).succeeded();
    let run = project.until_blocked(id).await;
    assert_eq!(run.phase, Phase::Preflight);
    let said = project.run(&["status"]).succeeded();
    said.says(&[
        "app",
        "the application is down",
        "nothing was changed",
        "keywheel retry test/mine",
    ]);
    let before = project.env_value("my.env", "MY_TOKEN").unwrap();
    assert_eq!(before, "example-value-from-before-keywheel");
    std::fs::remove_file(project.path("broken")).unwrap();
    project.retry(id).await;
    project.until_completed(id).await;
    let after = project.env_value("my.env", "MY_TOKEN").unwrap();
    assert_ne!(before, after);
    daemon.stop();
}

#[tokio::test]
async fn the_schedule_starts_what_is_due_by_itself() {
    let project = Project::new();
    project.secrets(
        "[secrets.due]\nissuer = { kind = \"random\", length = 40 }\nin_place = \"example\"\n\
         no_consumers = \"example\"\ntiming = { every = \"30d\", first_due = \"2020-01-01\" }\n\
         publish_to = [{ store = \"files\", path = \"due\" }]\n",
    );
    project.prepared();
    let daemon = project.daemon();
    let run = project.until_completed("test/due").await;
    assert_eq!(run.cause.word(), "scheduled");
    let secret = project.secret("test/due").await;
    let month = secret.next_rotation_ms.unwrap() - secret.last_rotated_ms.unwrap();
    assert!(
        (29 * 86_400_000..=31 * 86_400_000).contains(&month),
        "{month}"
    );
    daemon.stop();
}
