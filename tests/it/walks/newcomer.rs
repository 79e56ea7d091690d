//! The first hour of somebody new: what `init` makes, then a `.env` file of their own with a program that
//! looks at it, a consumer that fails, its message, and the command the message names. Only what is typed counts.

use crate::project::{Daemon, Project, Ran};
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

/// A consumer as a program, which compares what its application reads with what it is asked about.
const LOOK: &str = r#"#!/usr/bin/env python3
import json, os, sys
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": True}}
elif os.path.exists("app/broken"):
    answer = {"ok": False, "error": {"kind": "unavailable", "message": "the application is down"}}
else:
    value = open("app/mine.env").read().strip().partition("=")[2].strip("'\"")
    used = [h["credential"] for h in request["held"] if h["value"].get("text") == value]
    answer = {"ok": True, "observations": [{"instance": "app", "strength": "claimed",
              "holding": {"credential": used[0]} if used else "other"}]}
json.dump(answer, sys.stdout)
"#;
const MINE: &str = r#"
[secrets.mine]
impact     = "my application is down"
issuer     = { kind = "random", length = 40 }
in_place   = "one consumer, which reads the file at each use"
publish_to = [{ store = "env-files", path = "app/mine.env", field = "MY_TOKEN" }]
timing     = { first_due = "2020-01-01", prove_within = "1s", overlap = "0s", quiet = "0s", undo = "0s" }

[secrets.mine.consumers.app]
notify = { none = "reads the file at each use" }
verify = { exec = "look" }
"#;
const VALUE: &str = "example-value-from-before-keywheel";

/// What `init` makes, in a folder of its own, with a secret of somebody new.
struct Desk(Project);

impl Desk {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let project = Project::new();
        let folder = project.path("first");
        project.run(&["init", folder.to_str().unwrap()]).succeeded();
        let config = project.read("first/keywheel.toml");
        let declared = "programs.look = { path = \"plugins/look\" }\n";
        project.write("first/keywheel.toml", &format!("{config}{declared}"));
        project.write("first/plugins/look", LOOK);
        let may_run = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path("first/plugins/look"), may_run).unwrap();
        project.write("first/app/mine.env", &format!("MY_TOKEN={VALUE}\n"));
        project.write("first/inventory/development/mine.toml", MINE);
        Self(project)
    }

    /// Types a line as a message or a page says it.
    fn types(&self, line: &str) -> Ran {
        let words = line.strip_prefix("keywheel ").expect(line);
        let mut all = vec!["--config", "first/keywheel.toml"];
        all.extend(words.split_whitespace());
        self.0.run(&all)
    }

    fn daemon(&self) -> Daemon {
        let command = ["--config", "first/keywheel.toml", "daemon"];
        let daemon = self.0.daemon_by(self.0.command(&command));
        daemon.until_log("keywheel is running");
        daemon
    }

    /// Types a line until it says these words.
    fn until(&self, line: &str, words: &str) {
        let end = std::time::Instant::now() + crate::project::PATIENCE;
        loop {
            let ran = self.types(line);
            if ran.stdout.contains(words) {
                return;
            }
            assert!(std::time::Instant::now() < end, "`{words}`: {ran:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn value(&self) -> String {
        self.0.read("first/app/mine.env")
    }
}

/// The command below a message.
fn named(ran: &Ran) -> String {
    let mut lines = ran.stdout.lines().map(str::trim);
    let next = lines.find_map(|line| line.strip_prefix("next: "));
    next.unwrap_or_else(|| panic!("no command: {ran:?}"))
        .to_owned()
}

#[test]
fn everything_somebody_new_types_works_as_it_is_told() {
    let desk = Desk::new();
    let checked = desk.types("keywheel check").succeeded();
    checked.says(&["2 secrets, no problem found"]);
    desk.types("keywheel inventory apply").succeeded();
    let proved = desk.types("keywheel prove development/mine").succeeded();
    proved.says(&["claimed"]);
    let daemon = desk.daemon();
    let history = "keywheel history development/mine";
    desk.until(history, "completed");
    desk.types(history).succeeded().says(&["scheduled"]);
    let scheduled = desk.value();
    assert!(!scheduled.contains(VALUE));

    desk.0.write("first/app/broken", "");
    let stopped = desk
        .types("keywheel rotate-now development/mine --wait --yes")
        .ended(3);
    let next = named(&stopped);
    stopped.says(&[
        "blocked at preflight; nothing was changed; the credential in use works",
        "app does not prove the value in use",
        "the application is down",
        "`keywheel prove development/mine`",
    ]);
    assert_eq!(next, "keywheel retry development/mine");
    let status = desk.types("keywheel status").succeeded();
    status.says(&["blocked", "the application is down", &next]);
    let proved = desk.types("keywheel prove development/mine").ended(1);
    proved.says(&["the application is down", "nothing was changed"]);
    assert_eq!(desk.value(), scheduled);
    std::fs::remove_file(desk.0.path("first/app/broken")).unwrap();
    desk.types("keywheel prove development/mine").succeeded();
    desk.types(&next).succeeded();
    desk.until(history, "manual normal");
    desk.until("keywheel status --output csv development/mine", ",ok,");
    assert_ne!(desk.value(), scheduled);
    daemon.stop();
    let verified = desk.types("keywheel audit verify").succeeded();
    verified.says(&["audit whole", "0 findings"]);
}

#[test]
fn a_program_that_is_declared_after_the_start_waits_for_sighup_and_is_told() {
    let desk = Desk::new();
    let config = desk.0.read("first/keywheel.toml");
    let without = config.replace("programs.look", "programs.other");
    let consumer = MINE.find("[secrets.mine.consumers").unwrap();
    let alone = MINE[..consumer].replace(
        "[secrets.mine]",
        "[secrets.mine]\nno_consumers = \"none yet\"",
    );
    desk.0.write("first/keywheel.toml", &without);
    desk.0.write(
        "first/inventory/development/mine.toml",
        &alone.replace("first_due = \"2020-01-01\", ", ""),
    );
    desk.types("keywheel inventory apply").succeeded();
    let daemon = desk.daemon();
    desk.0.write("first/keywheel.toml", &config);
    desk.0.write("first/inventory/development/mine.toml", MINE);
    desk.types("keywheel inventory apply").succeeded();
    desk.until("keywheel status --output csv development/mine", "provider");
    desk.types("keywheel status").says(&[
        "program `look` is not declared in keywheel.toml",
        "A daemon reads keywheel.toml at its start and on SIGHUP.",
    ]);
    daemon.signal(rustix::process::Signal::HUP);
    daemon.until_log("keywheel.toml applied");
    // Otherwise it looks again after half a minute.
    desk.types("keywheel retry development/mine").succeeded();
    desk.until("keywheel history development/mine", "completed");
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
