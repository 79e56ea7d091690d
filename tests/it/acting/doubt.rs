//! An issuer that cannot be asked what it made loses an answer: a person looks there and says so.

use super::rig::Rig;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const ID: &str = "other/token";
const TOKEN: &str = r#"
[secrets.token]
issuer = { kind = "exec", program = "forgetful", config = { path = "tokens.json" } }
publish_to = [{ store = "main", path = "token" }]
no_consumers = "a test"
timing = { overlap = "0s", quiet = "0s", undo = "0s" }
"#;

/// The token issuer, without `find`; the next answer to `mint` gets lost where the file `lose` lies beside it.
const FORGETFUL: &str = r#"#!/usr/bin/env python3
import json, os, subprocess, sys

request = sys.stdin.buffer.read()
answer = subprocess.run(["REAL"], input=request, stdout=subprocess.PIPE).stdout
op = json.loads(request)["op"]
lose = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lose")
if op == "mint" and os.path.exists(lose):
    os.remove(lose)
    sys.exit(1)
if op == "describe":
    said = json.loads(answer)
    said["ops"].remove("find")
    said["capabilities"]["find"] = "none"
    answer = json.dumps(said).encode()
sys.stdout.buffer.write(answer)
"#;

/// A rotation whose first mint was answered by nobody; it asks.
fn lost() -> Rig {
    let rig = Rig::starter();
    let plugin = "providers/exec/examples/plugins/token-issuer";
    let real = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(plugin);
    rig.write(
        "forgetful",
        &FORGETFUL.replace("REAL", &real.display().to_string()),
    );
    let path = rig.path().join("forgetful");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    rig.append(
        "keywheel.toml",
        &format!("[programs.forgetful]\npath = \"{}\"\n", path.display()),
    );
    rig.write("lose", "");
    let settings = "environment = \"other\"\n\
         defaults = { owner = \"me\", schedule = \"development\", manage = \"auto\" }\n\
         [stores.main]\nkind = \"files\"\nroot = \"published\"\n";
    rig.write("inventory/other/environment.toml", settings);
    rig.write("inventory/other/team.toml", TOKEN);
    rig.ok(&["inventory", "apply"]);
    rig
}

fn made(rig: &Rig) -> Vec<(String, String)> {
    let tokens: serde_json::Value = serde_json::from_str(&rig.read("tokens.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let tokens = tokens.as_array().cloned().unwrap_or_default();
    tokens
        .iter()
        .map(|one| (text(&one["id"]), text(&one["state"])))
        .collect()
}

#[test]
fn what_was_made_is_named_by_a_person_and_ended_before_the_next_try() {
    let rig = lost();
    let daemon = rig.daemon();
    let early = rig.run(&["retry", ID, "--absent"]);
    assert_eq!(early.code, 1, "{}", early.err);
    rig.run(&["rotate-now", ID]);
    rig.audited(&["blocked", "did the issuer make a credential for try 1?"]);
    let shown = rig.run(&["show", ID]);
    assert!(shown.out.contains("--adopt CREDENTIAL_ID"), "{}", shown.out);
    let wrong = rig.run(&["retry", ID, "--adopt", "tok_nobody"]);
    assert!(
        wrong.err.contains("does not know tok_nobody"),
        "{}",
        wrong.err
    );
    let (orphan, state) = made(&rig).remove(0);
    assert_eq!(state, "active");
    let told = rig.ok(&["retry", ID, "--adopt", &orphan]);
    assert!(told.err.contains("it is ended"), "{}", told.err);
    rig.audited(&["mint", "orphaned", "by a person", &orphan]);
    rig.audited(&["phase", "completed"]);
    let tokens = made(&rig);
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[0], (orphan, "absent".to_owned()));
    assert_eq!(tokens[1].1, "active");
    let known = rig.run(&["retry", ID, "--adopt", &tokens[1].0]);
    assert_eq!(known.code, 1, "{}", known.err);
    drop(daemon);
    rig.ok(&["audit", "verify"]);
}

#[test]
fn where_nothing_was_made_the_next_try_follows() {
    let rig = lost();
    let daemon = rig.daemon();
    rig.run(&["rotate-now", ID]);
    rig.audited(&["blocked", "did the issuer make a credential for try 1?"]);
    // Somebody tidied up there in the meantime.
    rig.write("tokens.json", "[]");
    rig.ok(&["retry", ID, "--absent"]);
    rig.audited(&["mint", "absent", "by a person"]);
    rig.audited(&["phase", "completed"]);
    assert_eq!(made(&rig).len(), 1);
    drop(daemon);
    rig.ok(&["audit", "verify"]);
}
