//! What `check --online` is told, and that the policy it prints suffices.

use crate::rig::{POLICY, in_memory, place, publish, store};
use keywheel_contract::{Retired, SecretStore, Verdict};
use keywheel_test_servers::writes::Kept;
use serde_json::json;

/// Everything but ending versions.
const NARROW: &str = r#"
path "secret/config" { capabilities = ["read"] }
path "secret/data/production/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/production/*" { capabilities = ["create", "read", "update", "patch"] }
path "secret/delete/production/*" { capabilities = ["create", "update"] }
path "secret/undelete/production/*" { capabilities = ["create", "update"] }
"#;

#[tokio::test]
async fn each_right_is_told_and_the_printed_policy_suffices() {
    let Some(server) = in_memory().await else {
        return;
    };
    let token = Kept::new(&server.token(POLICY, "1h").await);
    let ours = store(
        &server.address,
        json!({ "token": token.reference() }),
        json!({}),
    );
    let place = place("production/chat");
    let seen = ours.examine(std::slice::from_ref(&place)).await;
    let bad = seen.findings.iter().filter(|f| f.verdict != Verdict::Good);
    assert_eq!(
        bad.collect::<Vec<_>>(),
        Vec::<&keywheel_contract::Finding>::new()
    );
    let about = |what: &str| seen.findings.iter().any(|f| f.about.starts_with(what));
    assert!(about("identity") && about("clock") && about("reachable: production/chat"));
    assert!(about("permission: secret/destroy/production/chat"));

    token.replace(&server.token(NARROW, "1h").await);
    let narrow = store(
        &server.address,
        json!({ "token": token.reference() }),
        json!({}),
    );
    let findings = narrow.examine(std::slice::from_ref(&place)).await.findings;
    let missing: Vec<_> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Missing)
        .map(|finding| finding.about.as_str())
        .collect();
    assert_eq!(missing, ["permission: secret/destroy/production/chat"]);

    token.replace(&server.token(&seen.policy.unwrap(), "1h").await);
    let smallest = store(
        &server.address,
        json!({ "token": token.reference() }),
        json!({}),
    );
    let old = publish(&smallest, &place, "example-1", 1).await.unwrap();
    publish(&smallest, &place, "example-2", 2).await.unwrap();
    smallest.disable(&place, &old).await.unwrap();
    smallest.enable(&place, &old).await.unwrap();
    let ended = smallest.destroy(&place, &old).await.unwrap();
    assert_eq!(ended, Retired::Destroyed);
}

#[tokio::test]
async fn a_refused_token_is_a_finding() {
    let Some(server) = in_memory().await else {
        return;
    };
    let token = Kept::new("example-unknown");
    let ours = store(
        &server.address,
        json!({ "token": token.reference() }),
        json!({}),
    );
    let seen = ours.examine(&[place("production/chat")]).await;
    assert_eq!(seen.findings[0].about, "identity");
    assert_eq!(seen.findings[0].verdict, Verdict::Missing);
    let text = format!("{seen:?}");
    assert!(!text.contains("example-unknown"), "{text}");
}
