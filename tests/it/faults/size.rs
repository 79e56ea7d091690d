//! A value that one of its stores cannot take is refused before it exists anywhere.

use crate::project::Project;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use std::os::unix::fs::PermissionsExt as _;

/// The example of a store, which says that it takes less.
const SMALL: &str = r#"#!/usr/bin/env python3
import json, subprocess, sys
request = sys.stdin.read()
answer = json.loads(subprocess.run([sys.argv[1]], input=request, text=True, stdout=subprocess.PIPE).stdout)
if "capabilities" in answer:
    answer["capabilities"]["max_bytes"] = 40
json.dump(answer, sys.stdout)
"#;

fn project() -> Project {
    let store = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/providers/exec/examples/plugins/directory-store"
    );
    let project = Project::with_config(&format!(
        "programs.small = {{ path = \"small\", args = [\"{store}\"] }}"
    ));
    project.write("small", SMALL);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("small"), executable).unwrap();
    let environment = project.read("inventory/test/environment.toml");
    let small = "[stores.small]\nkind = \"exec\"\nprogram = \"small\"\nconfig = { root = \"small-secrets\" }\n";
    project.write(
        "inventory/test/environment.toml",
        &format!("{environment}{small}"),
    );
    project
}

/// A generated value, in a file and in the small store.
fn secret(name: &str, length: usize) -> String {
    format!(
        "[secrets.{name}]\nissuer = {{ kind = \"random\", length = {length} }}\nin_place = \"a test\"\n\
         no_consumers = \"only the stores are of interest\"\n\
         publish_to = [{{ store = \"env\", path = \"{name}.env\", field = \"TOKEN\" }}, \
         {{ store = \"small\", path = \"{name}\" }}]\n"
    )
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_before_anything_is_written() {
    let project = project();
    project.secrets(&(secret("fits", 40) + &secret("exceeds", 41)));
    project.prepared();
    let daemon = project.daemon();
    for id in ["test/fits", "test/exceeds"] {
        project.run(&["rotate-now", id]).succeeded();
    }
    project.until_completed("test/fits").await;
    let run = project.until_phase("test/exceeds", Phase::RolledBack).await;
    for kind in [Kind::Stage, Kind::Apply, Kind::Publish] {
        assert!(!project.has_intent(&run, kind).await, "{kind:?}");
    }
    project.audit("test/exceeds").await;
    let told = project.run(&["history", "test/exceeds"]).succeeded();
    assert!(
        told.stdout.contains("41 bytes do not fit"),
        "{}",
        told.stdout
    );
    assert!(!project.path("app/exceeds.env").exists());
    daemon.stop();
}
