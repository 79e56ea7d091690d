//! Three witnesses of the fake and of us: `PyNaCl`, a client of GitHub's interface, and the published description.

use crate::rig::{ENVIRONMENT, ORGANIZATION, REPOSITORY, Rig, place, place_of, publish};
use keywheel_contract::SecretStore;
use keywheel_test_servers::github::openapi::Description;
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};

const CLIENTS: &[&str] = &["PyNaCl==1.6.2", "PyGithub==2.10.0"];

/// Writes by other people's client, tells what it is told, and opens a box of ours by another library.
const SCENARIO: &str = r#"
import base64, json, sys
from github import Auth, Github
from nacl.public import PrivateKey, SealedBox
asked = json.load(sys.stdin)
client = Github(auth=Auth.Token(asked["token"]), base_url=asked["address"])
repository = client.get_repo(asked["repository"], lazy=True)
before = repository.get_secret("TOKEN").updated_at.isoformat()
opened = SealedBox(PrivateKey(base64.b64decode(asked["private"]))).decrypt(base64.b64decode(asked["box"]))
repository.create_secret("TOKEN", asked["write"])
after = repository.get_secret("TOKEN").updated_at.isoformat()
json.dump({"before": before, "after": after, "opened": opened.decode()}, sys.stdout)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn another_client_sees_and_opens_what_we_wrote_and_we_see_that_it_wrote() {
    let Some(clients) = Packages::installed(CLIENTS) else {
        return;
    };
    let rig = Rig::set().await;
    let awkward = "example \"new\" $5 \\ {} é";
    let ours = rig.publish(awkward, 1).await.unwrap();
    let exchanges = rig.github.exchanges();
    let sent = exchanges.iter().rfind(|one| one.method == "PUT").unwrap();
    let asked = json!({
        "address": rig.github.address(), "token": rig.github.token(&[REPOSITORY], true),
        "repository": REPOSITORY, "private": rig.github.private_key(REPOSITORY),
        "box": sent.body["encrypted_value"], "write": "example-theirs é",
    });
    let said = clients.run(SCENARIO, &[], &asked.to_string());
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["opened"], awkward);
    let same = |text: &Value| text.as_str().unwrap().replace("+00:00", "Z");
    assert_eq!(same(&said["before"]), ours.as_str());
    // The fake opened its box too.
    assert_eq!(rig.value(), "example-theirs é");
    assert_eq!(rig.current().await.unwrap().as_str(), same(&said["after"]));
    rig.publish("example-2", 2).await.unwrap();
    assert_eq!(rig.value(), "example-2");
}

/// Every call that the store makes, and every form of answer that it meets.
async fn everything(rig: &Rig) {
    for path in [
        REPOSITORY,
        ORGANIZATION,
        "octo-org/backend/environments/production",
    ] {
        rig.github.place(path);
        let token = rig.github.token(&[path], true);
        rig.token.replace(&token);
        let place = place_of(path, &["TOKEN"]);
        publish(&rig.store, &place, "example-1", 1).await.unwrap();
        if path == ORGANIZATION {
            rig.github.select(path, "TOKEN", &[1, 2]);
        }
        rig.github.rekeys_before_the_next_write(path);
        publish(&rig.store, &place, "example-2", 2).await.unwrap();
        rig.store.examine(&[place]).await;
    }
}

#[tokio::test]
async fn every_request_of_ours_and_every_answer_fits_the_published_description() {
    let Some(description) = Description::published() else {
        return;
    };
    let rig = Rig::set().await;
    everything(&rig).await;
    let exchanges = rig.github.exchanges();
    let misfits = exchanges.iter().flat_map(|one| description.misfits(one));
    assert_eq!(misfits.collect::<Vec<_>>(), Vec::<String>::new());
    assert!(
        exchanges
            .iter()
            .all(|one| one.agent == "keywheel" && one.version == "2022-11-28")
    );
    let mut calls: Vec<_> = exchanges
        .iter()
        .map(|one| (&one.method, &one.path))
        .collect();
    calls.sort_unstable();
    calls.dedup();
    println!("{} exchanges of {} calls fit", exchanges.len(), calls.len());
    // Of each kind of place its key, a look and a write; who may use a secret; the limits.
    assert_eq!(calls.len(), 11, "{calls:?}");
}

#[tokio::test]
async fn a_name_with_a_slash_stays_one_part_of_the_path() {
    let rig = Rig::set().await;
    publish(
        &rig.store,
        &place_of(ENVIRONMENT, &["TOKEN"]),
        "example-1",
        1,
    )
    .await
    .unwrap();
    let exchanges = rig.github.exchanges();
    let inside = "/repos/octo-org/backend/environments/production%20eu%2Fblue/secrets/";
    assert!(
        exchanges.iter().all(|one| one.path.starts_with(inside)),
        "{exchanges:?}"
    );
    assert_eq!(rig.store.inspect(&place()).await.unwrap().current, None);
}
