//! A whole rotation with a key vault as its store that loses the first answer to every write.

mod app;

use crate::project::stored::{Stored, tell_what_became_of_the_old};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::{Azure, CLIENT, SECRET, TENANT, witness};
use serde_json::{Value, json};

const ID: &str = "test/token";

/// How the consumer asks for the newest version, with its own token.
const ASKS: &str = r#"
    call = urllib.request.Request("ADDRESS/secrets/chat-token/?api-version=2025-07-01",
                                  headers={"Authorization": "Bearer READER"})
    trust = ssl.create_default_context(cafile="CA_FILE")
    bundle = json.load(urllib.request.urlopen(call, context=trust))
    return json.loads(bundle["value"])["TOKEN"]
"#;

/// A token in use, in a document with a field of somebody else's.
fn set(azure: &Azure, authority: &Authority) -> Stored {
    let stored = Stored::new();
    azure.write(
        "chat-token",
        &json!({ "value": stored.document().to_string(), "tags": { "team": "example" } }),
    );
    let ca_file = authority.ca_file();
    let asks = ASKS.replace("ADDRESS", &azure.address);
    let asks = asks.replace("CA_FILE", ca_file.to_str().unwrap());
    let asks = asks.replace("READER", &azure.token());
    // The one place where it may stand.
    stored.project.write("app/client-secret", SECRET);
    let store = format!(
        "[stores.azure]\nkind = \"azure-key-vault\"\nvault = \"{at}\"\nauthority_host = \"{at}\"\n\
         ca_file = \"{}\"\nlogin = {{ client_secret = {{ tenant = \"{TENANT}\", client_id = \"{CLIENT}\", \
         secret = {{ file = \"app/client-secret\" }} }} }}",
        ca_file.display(),
        at = azure.address,
    );
    let place = "store = \"azure\", path = \"chat-token\", field = \"TOKEN\"";
    stored.entry(&store, place, &asks);
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_key_vault_that_loses_every_first_answer_is_rotated_once() {
    let authority = Authority::make();
    let azure = Azure::start(&authority).await;
    let Stored {
        project,
        tokens,
        old,
    } = set(&azure, &authority);
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
    tell_what_became_of_the_old(&project, ID, "disabled").await;
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
