//! A whole rotation with a key vault as its store that loses the first answer to every write.

use crate::project::{Project, Tokens};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::{Azure, CLIENT, SECRET, TENANT, witness};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const ID: &str = "test/token";

/// A consumer that asks the vault for the newest version at each use, with its own token.
const LOOK: &str = r#"#!/usr/bin/env python3
import json, ssl, sys, urllib.request
request = json.load(sys.stdin)
if request["op"] == "describe":
    answer = {"ok": True, "protocol": "keywheel.exec/v1", "version": "1.0.0", "ops": ["observe"],
              "capabilities": {"strongest": "claimed", "host_bound": False}}
else:
    call = urllib.request.Request("ADDRESS/secrets/chat-token/?api-version=2025-07-01",
                                  headers={"Authorization": "Bearer TOKEN"})
    try:
        trust = ssl.create_default_context(cafile="CA_FILE")
        bundle = json.load(urllib.request.urlopen(call, context=trust))
        value = json.loads(bundle["value"])["TOKEN"]
        used = [h["credential"] for h in request["held"] if h["value"].get("text") == value]
        answer = {"ok": True, "observations": [{"instance": "app", "strength": "claimed",
                  "holding": {"credential": used[0]} if used else "other"}]}
    except OSError:
        answer = {"ok": False, "error": {"kind": "unavailable", "message": "the store is away"}}
json.dump(answer, sys.stdout)
"#;

/// A token in use, in a document with a field of somebody else's.
fn set(azure: &Azure, authority: &Authority) -> (Project, Tokens, String) {
    let config = format!(
        "programs.look = {{ path = \"look\" }}\n{}",
        Tokens::config()
    );
    let project = Project::with_config(&config);
    let tokens = Tokens::of(&project);
    let old = tokens.mint("example-before-keywheel");
    let document = json!({ "TOKEN": old, "other": { "kept": [1, 2] } });
    azure.write(
        "chat-token",
        &json!({ "value": document.to_string(), "tags": { "team": "example" } }),
    );
    let ca_file = authority.ca_file();
    let look = LOOK.replace("ADDRESS", &azure.address);
    let look = look.replace("CA_FILE", ca_file.to_str().unwrap());
    project.write(
        "look",
        &look.replace("TOKEN\"}", &format!("{}\"}}", azure.token())),
    );
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("look"), executable).unwrap();
    // The one place where it may stand.
    project.write("app/client-secret", SECRET);
    let store = format!(
        "{}[stores.azure]\nkind = \"azure-key-vault\"\nvault = \"{at}\"\nauthority_host = \"{at}\"\n\
         ca_file = \"{}\"\nlogin = {{ client_secret = {{ tenant = \"{TENANT}\", client_id = \"{CLIENT}\", \
         secret = {{ file = \"app/client-secret\" }} }} }}\n",
        project.read("inventory/test/environment.toml"),
        ca_file.display(),
        at = azure.address,
    );
    project.write("inventory/test/environment.toml", &store);
    project.secrets(&format!(
        "[secrets.token]\n{}\n\
         publish_to = [{{ store = \"azure\", path = \"chat-token\", field = \"TOKEN\" }}]\n\
         [secrets.token.consumers.app]\nnotify = {{ none = \"reads it at each use\" }}\n\
         verify = {{ exec = \"look\" }}\n",
        Tokens::ISSUER
    ));
    project.prepared();
    (project, tokens, old)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_key_vault_that_loses_every_first_answer_is_rotated_once() {
    let authority = Authority::make();
    let azure = Azure::start(&authority).await;
    let (project, tokens, old) = set(&azure, &authority);
    project.run(&["check", "--online"]).succeeded();
    azure.faults.lose_every_first_reply(|asked| {
        asked.writes() && asked.head.uri.path().starts_with("/secrets/")
    });
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    project.until_completed(ID).await;
    daemon.stop();

    let met = azure.faults.met();
    let lost = |method: &str| met.iter().filter(|line| line.contains(method)).count();
    assert_eq!((lost("PUT"), lost("PATCH")), (1, 1), "{met:?}");
    let versions = azure.versions("chat-token");
    assert_eq!(versions.len(), 2, "exactly one new version");
    let document = |at: usize| -> Value {
        serde_json::from_str(versions[at]["value"].as_str().unwrap()).unwrap()
    };
    let new = document(1)["TOKEN"].as_str().unwrap().to_owned();
    assert_eq!(document(1)["other"], json!({ "kept": [1, 2] }));
    assert!(!tokens.accepts(&old) && tokens.accepts(&new));
    assert_eq!(project.leaks(&[&old, &new, SECRET]), Vec::<String>::new());
    project.run(&["audit", "verify"]).succeeded();
    let audit = project.run(&["audit", "list"]).succeeded().stdout;
    assert!(
        audit.contains("disabled") && !audit.contains("destroyed"),
        "{audit}"
    );

    let Some(seen) = witness::sees(&azure, &authority, "chat-token").await else {
        return;
    };
    let id = |at: usize| {
        versions[at]["id"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
    };
    assert_eq!(seen["newest"], id(1));
    assert_eq!(
        seen["versions"][id(0)],
        json!(["SecretDisabled", false, { "team": "example" }])
    );
    assert_eq!(seen["versions"][id(1)][0], versions[1]["value"]);
}
