//! What `keywheel check --online` and `keywheel inventory discover` are told.

use crate::rig::{Scene, place, publish};
use keywheel_contract::{Examination, SecretStore, Verb, Verdict};
use keywheel_test_servers::azure::{CLIENT, OBJECT, Right, TENANT};
use serde_json::json;

fn verdict(examination: &Examination, about: &str) -> Verdict {
    let found = examination
        .findings
        .iter()
        .find(|finding| finding.about == about);
    found
        .unwrap_or_else(|| panic!("nothing about {about}"))
        .verdict
}

#[tokio::test]
async fn an_examination_changes_nothing_and_proves_what_can_be_proven() {
    let scene = Scene::set().await;
    publish(&scene.store, &place("a"), "example", 1)
        .await
        .unwrap();
    let before = scene.azure.versions("a");
    let examined = scene.store.examine(&[place("a"), place("empty")]).await;
    assert_eq!(scene.azure.versions("a"), before);
    for about in [
        "identity",
        "permission list",
        "clock",
        "reachable: a",
        "permission get: a",
        "permission list: a",
        "permission update: a",
        "headroom: a",
        "reachable: empty",
        "permission get: empty",
        "permission update: empty",
    ] {
        assert_eq!(verdict(&examined, about), Verdict::Good, "{about}");
    }
    assert_eq!(verdict(&examined, "permission set: a"), Verdict::Unproven);
    let identity = &examined.findings[0].detail;
    for id in [CLIENT, OBJECT, TENANT] {
        assert!(identity.contains(id), "{identity}");
    }
    let policy = examined.policy.unwrap();
    assert!(policy.contains("secrets/setSecret/action"), "{policy}");
    let scope = "/providers/Microsoft.KeyVault/vaults/127/secrets/empty";
    assert!(
        policy.contains(OBJECT) && policy.contains(scope),
        "{policy}"
    );
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let scene = Scene::set().await;
    publish(&scene.store, &place("a"), "example", 1)
        .await
        .unwrap();
    for (rights, missing) in [
        ([Right::List, Right::Set], "permission get: a"),
        ([Right::Get, Right::Set], "permission list: a"),
        ([Right::Get, Right::List], "permission update: a"),
    ] {
        scene.azure.allow(&rights);
        let examined = scene.store.examine(&[place("a")]).await;
        assert_eq!(verdict(&examined, missing), Verdict::Missing);
    }
    scene.azure.allow(&[Right::Get, Right::Set]);
    let examined = scene.store.examine(&[]).await;
    assert_eq!(verdict(&examined, "permission list"), Verdict::Warning);
    scene.secret.replace("example-wrong");
    scene.azure.forget_tokens();
    let examined = scene.store.examine(&[place("a")]).await;
    assert_eq!(verdict(&examined, "reachable: a"), Verdict::Missing);
}

#[tokio::test]
async fn everything_in_the_vault_is_discovered_without_its_values() {
    let scene = Scene::set().await;
    for number in 0..30 {
        let body = json!({ "value": "example-canary", "tags": { "team": "example" } });
        scene.azure.write(&format!("s-{number:02}"), &body);
    }
    publish(&scene.store, &place("s-30"), "example", 1)
        .await
        .unwrap();
    scene.azure.make_managed("s-07");
    let (mut entries, mut next) = (Vec::new(), None);
    loop {
        let page = scene.store.discover(next.as_deref()).await.unwrap();
        assert!(page.entries.len() <= 25);
        entries.extend(page.entries);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.clone()).collect();
    let expected: Vec<_> = (0..=30).map(|number| format!("s-{number:02}")).collect();
    assert_eq!(paths, expected);
    assert_eq!(entries[0].tags["team"], "example");
    assert!(
        entries[30].tags.is_empty(),
        "our own tags are nobody's label"
    );
    assert!(entries.iter().all(|entry| entry.written_at_ms.is_some()));
    let managed: Vec<_> = entries
        .iter()
        .map(|entry| entry.natively_managed_by.is_some())
        .collect();
    assert_eq!(managed.iter().filter(|managed| **managed).count(), 1);
    assert!(managed[7]);
    assert!(!format!("{entries:?}").contains("example-canary"));
}

#[tokio::test]
async fn quotas_are_the_vault_s_and_name_no_credential() {
    let scene = Scene::set().await;
    let draws = scene.store.draws(Verb::Promote);
    let names: Vec<_> = draws.iter().map(|draw| draw.quota.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "azure-key-vault 127.0.0.1 new secrets",
            "azure-key-vault 127.0.0.1 transactions"
        ]
    );
    assert_eq!(draws[0].calls, 1);
}
