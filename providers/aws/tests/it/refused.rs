//! What AWS refuses: strangers, missing rights, missing and dying secrets, and those that somebody else rotates.

use crate::rig::{Ours, Witness, mark, place, prepare, publish, whole, word};
use keywheel_contract::{Retired, SecretStore, Verdict, VersionId};
use keywheel_test_servers::aws::Emulator;
use serde_json::{Value, json};

/// The policy of the manual, word for word.
const POLICY: &str = include_str!("../../policy.json");

/// An account with a user that has a key and this policy; from then on everybody is asked who they are.
async fn guarded(policy: &Value) -> Option<(Emulator, Witness, Ours)> {
    let emulator = Emulator::moto().await?;
    let witness = Witness::of(&emulator.address)?;
    let lines = "
c.create_secret(Name='there', SecretString=json.dumps({'TOKEN': 'example-0'}))
iam = client('iam')
iam.create_user(UserName='keywheel')
if told:
    iam.put_user_policy(UserName='keywheel', PolicyName='p', PolicyDocument=json.dumps(told))
key = iam.create_access_key(UserName='keywheel')['AccessKey']
import urllib.request
asked = urllib.request.Request(address + '/moto-api/reset-auth', data=b'0', headers={'Content-Type': 'text/plain'})
urllib.request.urlopen(asked)
show({'id': key['AccessKeyId'], 'secret': key['SecretAccessKey']})
";
    let key = witness.run(lines, policy.clone());
    let ours = Ours::at(&emulator.address, json!({}));
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    ours.become_key(&text("id"), &text("secret"));
    Some((emulator, witness, ours))
}

fn allow(actions: &[&str]) -> Value {
    let actions: Vec<_> = actions
        .iter()
        .map(|action| format!("secretsmanager:{action}"))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": "*" },
    ] })
}

const ALL: [&str; 6] = [
    "DescribeSecret",
    "GetSecretValue",
    "ListSecretVersionIds",
    "PutSecretValue",
    "UpdateSecretVersionStage",
    "CreateSecret",
];

#[tokio::test]
async fn the_actions_of_the_manual_suffice_and_a_stranger_is_denied() {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    // The emulator does not tell secrets apart.
    policy["Statement"][0]["Resource"] = json!("*");
    let Some((_emulator, _, ours)) = guarded(&policy).await else {
        return;
    };
    let (store, place) = (&ours.store, place("there"));
    publish(store, &place, "example-1", 1).await.unwrap();
    publish(store, &place, "example-2", 2).await.unwrap();
    let old = VersionId::new(mark(1).token);
    let how = store.destroy(&place, &old).await.unwrap();
    assert_eq!(how, Retired::Unlabelled);
    ours.become_key("EXAMPLESTRANGER", "example-secret");
    let refused = store.inspect(&place).await.unwrap_err();
    assert_eq!(refused.word(), "denied", "{refused}");
    assert!(!refused.message.contains("EXAMPLESTRANGER"), "{refused}");
}

#[tokio::test]
async fn each_missing_right_is_denied_and_found_beforehand() {
    for missing in ALL {
        let rest: Vec<_> = ALL.into_iter().filter(|a| *a != missing).collect();
        let Some((_emulator, _, ours)) = guarded(&allow(&rest)).await else {
            return;
        };
        let path = if missing == "CreateSecret" {
            "new"
        } else {
            "there"
        };
        let written = publish(&ours.store, &place(path), "example-1", 1).await;
        assert_eq!(word(written), "denied", "{missing}");
        let examined = ours.store.examine(&[place(path)]).await;
        let about = format!("permission secretsmanager:{missing}: {path}");
        let found = examined.findings.iter().find(|f| f.about == about);
        let found = found.map(|finding| finding.verdict);
        // Whether a secret may be created shows only by creating one.
        let expected = match missing {
            "CreateSecret" => Verdict::Unproven,
            _ => Verdict::Missing,
        };
        assert_eq!(found, Some(expected), "{:#?}", examined.findings);
    }
}

#[tokio::test]
async fn a_role_is_taken_or_denied() {
    let role = json!({ "role_arn": "arn:aws:iam::123456789012:role/example", "external_id": "example-id" });
    let Some(emulator) = Emulator::moto().await else {
        return;
    };
    let taken = Ours::at(&emulator.address, json!({ "assume_role": role }));
    let examined = taken.store.examine(&[]).await;
    let us = &examined.findings[0];
    assert_eq!(us.verdict, Verdict::Good, "{us:?}");
    assert!(
        us.detail.contains("assumed-role/example/keywheel"),
        "{us:?}"
    );
    assert_eq!(
        word(publish(&taken.store, &place("a"), "example", 1).await),
        "done"
    );
    let Some((guarded, _, ours)) = guarded(&allow(&ALL)).await else {
        return;
    };
    let refused = Ours::at(&guarded.address, json!({ "assume_role": role }));
    let refused = refused.store.inspect(&place("a")).await.unwrap_err();
    assert_eq!(refused.word(), "denied", "{refused}");
    assert!(refused.message.contains("taking the role"), "{refused}");
    drop(ours);
}

#[tokio::test]
async fn a_secret_that_is_missing_or_dying_is_told() {
    let Some(emulator) = Emulator::roto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let store = &ours.store;
    let version = VersionId::new(mark(1).token);
    let read = store.read(&place("none"), &version).await;
    assert_eq!(word(read), "not_found");
    let gone = store.destroy(&place("none"), &version).await.unwrap();
    assert_eq!(gone, Retired::Unlabelled);
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-abcdef";
    let unmade = publish(store, &whole(arn), "example", 1).await.unwrap_err();
    assert_eq!(unmade.word(), "not_found", "{unmade}");
    publish(store, &place("a"), "example", 1).await.unwrap();
    let prepared = prepare(store, &place("a"), "example-2", 2).await.unwrap();
    witness.run("c.delete_secret(SecretId='a')", json!(null));
    for refused in [
        store.inspect(&place("a")).await.err(),
        store.stage(&prepared.write()).await.err(),
        store.promote(&prepared.write()).await.err(),
    ] {
        let refused = refused.unwrap();
        assert_eq!(refused.word(), "invalid");
        assert!(refused.message.contains("restore-secret"), "{refused}");
    }
    let how = store.destroy(&place("a"), &version).await.unwrap();
    assert_eq!(how, Retired::Scheduled);
    witness.run("c.restore_secret(SecretId='a')", json!(null));
    assert_eq!(word(store.promote(&prepared.write()).await), "done");
}

#[tokio::test]
async fn a_wrong_region_is_named() {
    let Some(emulator) = Emulator::roto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    witness.creates("a", r#"{"TOKEN":"example"}"#);
    let ours = Ours::at(&emulator.address, json!({ "region": "eu-west-1" }));
    let arn = witness.describe("a")["ARN"].as_str().unwrap().to_owned();
    let told = ours.store.inspect(&whole(&arn)).await.unwrap_err();
    assert!(told.message.contains("lies in us-east-1"), "{told}");
    // A name is free there: whoever looks first is told where.
    let examined = ours.store.examine(&[place("a")]).await;
    let says = |words: &str| examined.findings.iter().any(|f| f.detail.contains(words));
    assert!(says("no secret in eu-west-1"), "{:#?}", examined.findings);
}

#[tokio::test]
async fn a_secret_that_aws_rotates_is_left_alone() {
    let Some(emulator) = Emulator::moto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let store = &ours.store;
    witness.creates("a", r#"{"TOKEN":"example"}"#);
    let prepared = prepare(store, &place("a"), "example-1", 1).await.unwrap();
    // The emulator complains of the function, and turns the rotation on.
    let lines = "
try:
    c.rotate_secret(SecretId='a', RotationLambdaARN='arn:aws:lambda:us-east-1:123456789012:function:example',
        RotationRules={'AutomaticallyAfterDays': 30})
except c.exceptions.ResourceNotFoundException:
    pass
";
    witness.run(lines, json!(null));
    let seen = store.inspect(&place("a")).await.unwrap();
    let by = seen.natively_managed_by.unwrap();
    assert!(by.contains("function:example"), "{by}");
    assert!(
        seen.warnings[0].contains("AWSPENDING"),
        "{:?}",
        seen.warnings
    );
    for refused in [
        store.stage(&prepared.write()).await.err(),
        store.promote(&prepared.write()).await.err(),
        store.destroy(&place("a"), &VersionId::new("x")).await.err(),
    ] {
        assert_eq!(refused.unwrap().word(), "natively_managed");
    }
    let examined = store.examine(&[place("a")]).await;
    let native = |f: &&keywheel_contract::Finding| f.about == "native rotation: a";
    let found = examined.findings.iter().find(native).unwrap();
    assert_eq!(found.verdict, Verdict::Missing);
}

#[tokio::test]
async fn a_value_of_the_limit_fits_and_one_more_does_not() {
    let Some(emulator) = Emulator::roto().await else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let written = publish(&ours.store, &whole("a"), &"x".repeat(65_536), 1).await;
    assert_eq!(word(written), "done");
    for (text, words) in [
        ("x".repeat(65_537), "65537 bytes"),
        (String::new(), "empty"),
    ] {
        let refused = prepare(&ours.store, &whole("a"), &text, 2).await;
        let refused = refused.err().unwrap();
        assert!(refused.message.contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_day_of_too_many_versions_is_refused_before_it_starts() {
    let Some(emulator) = Emulator::roto().await else {
        return;
    };
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let ours = Ours::at(&emulator.address, json!({}));
    let lines = "
c.create_secret(Name='a', SecretString='example')
for n in range(told): c.put_secret_value(SecretId='a', SecretString=f'example-{n}')
";
    witness.run(lines, json!(89));
    assert!(ours.store.inspect(&whole("a")).await.is_ok());
    witness.writes("a", "example-last");
    let refused = ours.store.inspect(&whole("a")).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(refused.message.contains("got 91 versions"), "{refused}");
}
