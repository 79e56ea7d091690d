//! Looks that change nothing: the account, its secrets, their replicas.

use crate::rig::{Ours, Witness, mark, place, publish};
use keywheel_contract::{SecretStore, Verdict, VersionId};
use keywheel_test_servers::aws::Emulator;
use serde_json::{Value, json};

#[tokio::test]
async fn an_examination_says_who_we_are_and_what_to_allow() {
    let Some(emulator) = Emulator::roto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let store = &ours.store;
    publish(store, &place("old"), "example", 1).await.unwrap();
    let before = (witness.describe("old"), witness.versions("old"));
    let examined = store.examine(&[place("old"), place("new")]).await;
    assert_eq!((witness.describe("old"), witness.versions("old")), before);
    let verdict = |about: &str| {
        let found = examined.findings.iter().find(|f| f.about == about);
        found
            .unwrap_or_else(|| panic!("{about}: {:#?}", examined.findings))
            .verdict
    };
    for good in [
        "identity",
        "clock",
        "reachable: old",
        "permission secretsmanager:DescribeSecret: old",
        "permission secretsmanager:GetSecretValue: old",
        "permission secretsmanager:ListSecretVersionIds: old",
        "permission secretsmanager:UpdateSecretVersionStage: old",
        "native rotation: old",
        "headroom: old",
        "reachable: new",
    ] {
        assert_eq!(verdict(good), Verdict::Good, "{good}");
    }
    for unproven in [
        "permission secretsmanager:PutSecretValue: old",
        "permission secretsmanager:CreateSecret: new",
    ] {
        assert_eq!(verdict(unproven), Verdict::Unproven, "{unproven}");
    }
    let policy: Value = serde_json::from_str(examined.policy.as_deref().unwrap()).unwrap();
    let arn = &before.0["ARN"];
    assert_eq!(&policy["Statement"][0]["Resource"][0], arn);
    let new = "arn:aws:secretsmanager:us-east-1:123456789012:secret:new";
    assert_eq!(policy["Statement"][1]["Resource"][1], new);
}

#[tokio::test]
async fn everything_is_listed_page_by_page_with_tags_and_without_values() {
    let Some(emulator) = Emulator::moto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let lines = "
for n in range(130):
    c.create_secret(Name=f's{n:03}', SecretString='example-canary', Tags=[{'Key': 'team', 'Value': f't{n}'}])
";
    witness.run(lines, json!(null));
    let mut entries = Vec::new();
    let mut pages = 0;
    let mut next = None;
    loop {
        let page = ours.store.discover(next.as_deref()).await.unwrap();
        pages += 1;
        entries.extend(page.entries);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((pages, entries.len()), (2, 130));
    let one = entries.iter().find(|entry| entry.path == "s007").unwrap();
    assert_eq!(one.tags["team"], "t7");
    assert!(one.written_at_ms.is_some());
    assert!(!format!("{entries:?}").contains("canary"));
}

#[tokio::test]
async fn replicas_are_reported() {
    let Some(emulator) = Emulator::moto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let lines = "
c.create_secret(Name='a', SecretString=json.dumps({'TOKEN': 'x'}), AddReplicaRegions=[{'Region': 'eu-west-1'}])
other = boto3.client('secretsmanager', region_name='eu-west-1', endpoint_url=address, aws_access_key_id='x',
    aws_secret_access_key='x')
other.create_secret(Name='b', SecretString='x')
c.create_secret(Name='b', SecretString='x', AddReplicaRegions=[{'Region': 'eu-west-1'}])
";
    witness.run(lines, json!(null));
    let good = ours.store.inspect(&place("a")).await.unwrap();
    assert!(good.replicas_in_sync && good.warnings.is_empty());
    let failed = ours.store.inspect(&place("b")).await.unwrap();
    assert!(!failed.replicas_in_sync);
    assert_eq!(failed.warnings, ["the replica in eu-west-1 is Failed"]);
}

#[tokio::test]
async fn a_version_is_neither_disabled_nor_enabled() {
    let ours = Ours::at("http://127.0.0.1:9", json!({}));
    let (place, version) = (place("a"), VersionId::new(mark(1).token));
    let how = ours.store.disable(&place, &version).await.unwrap();
    assert_eq!(how.word(), "impossible");
    let refused = ours.store.enable(&place, &version).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(!ours.store.capabilities().reversible);
}
