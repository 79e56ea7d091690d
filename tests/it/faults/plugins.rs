//! Plugins that hang, print garbage, die, leave a process behind or flood stdout, each in the middle of making
//! a token that then exists: the orphan is found and revoked, nothing hangs, nothing is left running.

use crate::project::{PATIENCE, Project, Tokens};
use keywheel::rotation::phase::Phase;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

const WAYS: [&str; 6] = ["hang", "garbage", "die", "leave", "flood", "silence"];

/// The token issuer with a fault at one operation until the file `mended` exists.
const FAULTY: &str = r#"#!/usr/bin/env python3
import json, os, signal, subprocess, sys, time

WAY, ISSUER = sys.argv[1:3]
request = sys.stdin.read()
answer = subprocess.run([ISSUER], input=request, text=True, stdout=subprocess.PIPE).stdout
if json.loads(request)["op"] != "mint" or os.path.exists("mended"):
    sys.stdout.write(answer)
    sys.exit()
with open(WAY + ".pids", "a") as pids:
    print(os.getpid(), file=pids)
if WAY == "hang":
    time.sleep(600)
elif WAY == "garbage":
    print("all is well", answer[:5])
elif WAY == "die":
    os.kill(os.getpid(), signal.SIGKILL)
elif WAY == "leave":
    child = subprocess.Popen(["/bin/sleep", "600"])
    with open(WAY + ".pids", "a") as pids:
        print(child.pid, file=pids)
    sys.exit(1)
elif WAY == "flood":
    try:
        for _ in range(100000):
            sys.stdout.write("x" * 10000)
    except BrokenPipeError:
        os._exit(1)
"#;

fn project() -> Project {
    let issuer = crate::project::tokens_program();
    let programs = WAYS.map(|way| {
        format!(
            "programs.{way} = {{ path = \"faulty\", args = [\"{way}\", \"{}\"] }}",
            issuer.display()
        )
    });
    let project = Project::with_config(&programs.join("\n"));
    project.write("faulty", FAULTY);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("faulty"), executable).unwrap();
    let entries = WAYS.map(|way| {
        format!(
            "[secrets.{way}]\n\
             issuer = {{ kind = \"exec\", program = \"{way}\", config = {{ path = \"tokens.json\" }} }}\n\
             publish_to = [{{ store = \"env\", path = \"{way}.env\", field = \"TOKEN\" }}]\n\
             no_consumers = \"only the issuer is of interest\"\n"
        )
    });
    project.secrets(&entries.join("\n"));
    project
}

#[tokio::test]
async fn a_plugin_that_fails_leaves_no_token_and_no_process() {
    let project = project();
    let tokens = Tokens::of(&project);
    let mut old = Vec::new();
    for way in WAYS {
        let token = tokens.mint(way);
        project.write(&format!("app/{way}.env"), &format!("TOKEN={token}\n"));
        old.push(token);
    }
    project.prepared();
    let daemon = project.daemon();
    for way in WAYS {
        project
            .run(&["rotate-now", &format!("test/{way}")])
            .succeeded();
    }
    for way in WAYS {
        let id = format!("test/{way}");
        let tried = project.until(&id, "one try", |run| {
            run.phase == Phase::Minting && project.path(&format!("{way}.pids")).exists()
        });
        tried.await;
    }
    assert!(
        old.iter().all(|token| tokens.accepts(token)),
        "an old token was ended"
    );
    project.write("mended", "");
    for way in WAYS {
        project.until_completed(&format!("test/{way}")).await;
        assert_eq!(
            still_running(&project.path(&format!("{way}.pids"))),
            "",
            "{way}"
        );
    }
    assert_eq!(tokens.count().1, WAYS.len(), "a token was left behind");
    for (way, token) in WAYS.iter().zip(&old) {
        let new = project.env_value(&format!("{way}.env"), "TOKEN").unwrap();
        assert!(tokens.accepts(&new) && !tokens.accepts(token), "{way}");
    }
    daemon.stop();
}

/// The processes of a list that live after a moment of patience.
fn still_running(pids: &Path) -> String {
    let end = Instant::now() + PATIENCE / 8;
    let listed = std::fs::read_to_string(pids).unwrap();
    loop {
        let lives = |pid: &&str| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            status.is_ok_and(|stat| !stat.contains(") Z "))
        };
        let alive: Vec<&str> = listed.lines().filter(lives).collect();
        if alive.is_empty() || Instant::now() > end {
            return alive.join(" ");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
