//! `docs/plugins.md` is exact: every request is sent as it stands there, every answer is understood.

use crate::support::{config, launcher, program};
use keywheel_contract::{
    Base, Consumer, Credential, CredentialId, CredentialState, Document, Fields, Found, Held,
    Holding, Inspection, Issuer, LastUse, Liveness, Mark, Notice, Place, Question, Refusal,
    Retired, RotationId, SecretStore, SecretValue, Session, Strength, Tag, Version, VersionId,
    Write,
};
use keywheel_provider_exec::{Config, ExecConsumer, ExecIssuer, ExecStore, Program};
use std::time::Duration;
use tempfile::TempDir;

const PAGE: &str = include_str!("../../../../docs/plugins.md");
const CHECK_APP: &str = include_str!("../../examples/plugins/check-app");
const PAYLOAD: &str = "{\"THEIRS\":\"kept\",\"TOKEN\":\"example-new\"}";

/// A program that knows the block below `heading` by heart.
fn replay(heading: &str, role: &str) -> (Program, Config, TempDir) {
    let (_, section) = PAGE.split_once(&format!("\n### {heading}\n")).unwrap();
    let (_, block) = section.split_once("```jsonl\n").unwrap();
    let (lines, _) = block.split_once("```").unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("page"), lines).unwrap();
    let options = format!("args = ['page', '{role}']");
    let program = program("tests/plugins/replay", &options, directory.path());
    (program, config(&[("for", "the plugin")]), directory)
}

fn value(text: &str) -> SecretValue {
    SecretValue::from(text.to_owned())
}

fn credential(id: &str, text: &str) -> Credential {
    Credential {
        id: CredentialId::new(id),
        fields: Fields::single(value(text)),
    }
}

#[tokio::test]
async fn an_issuer() {
    let (program, config, _directory) = replay("Issuer", "issuer");
    let issuer = ExecIssuer::connect(program, config, launcher())
        .await
        .unwrap();
    let (old, new) = (
        credential("key-1", "example-old"),
        credential("key-2", "example-new"),
    );
    let tag = Tag::new("keywheel-7");
    let can = issuer.capabilities();
    assert!(can.identifies && can.tests && can.reversible && can.revokes && can.activates);
    assert_eq!(can.entropy_bits, Some(256));
    assert_eq!(can.lists_after, Duration::from_secs(60));

    assert_eq!(issuer.identify(&old.fields).await, Ok(Some(old.id.clone())));
    let proposed = issuer.propose(Some(&old.id)).await.unwrap();
    let minted = issuer.mint(&tag).await.unwrap();
    for made in [proposed, minted] {
        assert!(made.id == new.id && made.fields.matches(&new.fields));
    }
    assert_eq!(
        issuer.check_format(&new.fields, Some(&old.fields)).await,
        Ok(())
    );
    assert_eq!(issuer.apply(&tag, &new).await, Ok(()));
    assert_eq!(issuer.activate(&new).await, Ok(()));
    assert_eq!(issuer.test(&new).await, Ok(Liveness::Alive));
    assert_eq!(issuer.state(&old.id).await, Ok(CredentialState::Disabled));
    assert!(can.expires);
    assert_eq!(
        issuer.expires_at(&new.id).await,
        Ok(Some(1_790_000_000_000))
    );
    assert_eq!(issuer.find(&tag).await, Ok(vec![new.id]));
    assert_eq!(issuer.disable(&old.id).await, Ok(()));
    assert_eq!(issuer.enable(&old).await, Ok(()));
    assert_eq!(issuer.revoke(&old.id).await, Ok(()));
}

#[tokio::test]
async fn what_an_issuer_saw() {
    let (program, config, _directory) = replay("Issuer", "issuer");
    let issuer = ExecIssuer::connect(program, config, launcher())
        .await
        .unwrap();
    let id = CredentialId::new("key-1");
    let used = LastUse {
        at_ms: Some(1_760_000_000_000),
        as_of_ms: 1_760_000_060_000,
        granularity: Duration::from_secs(60),
    };
    assert_eq!(issuer.last_used(&id).await, Ok(used));
    let refused = Refusal {
        at_ms: 1_760_000_001_000,
        from: "10.0.0.7".to_owned(),
    };
    let since = 1_760_000_000_000;
    assert_eq!(issuer.refused_uses(&id, since).await, Ok(vec![refused]));
    let session = Session {
        id: "4711".to_owned(),
        from: "10.0.0.7, billing".to_owned(),
        address: Some("10.0.0.7".to_owned()),
        application: Some("billing".to_owned()),
    };
    assert_eq!(issuer.sessions(&id).await, Ok(vec![session]));
    assert_eq!(issuer.end_sessions(&id).await, Ok(1));
}

#[tokio::test]
async fn a_store() {
    let (program, config, _directory) = replay("Store", "store");
    let store = ExecStore::connect(program, config, launcher())
        .await
        .unwrap();
    let can = store.capabilities();
    assert!(can.stages && can.readable && can.idempotent_put && can.compare_and_set);
    assert_eq!(
        (can.max_bytes, can.converges_in),
        (Some(65536), Duration::from_secs(5))
    );
    let place = Place {
        path: "prod/api".to_owned(),
        fields: vec!["TOKEN".to_owned()],
        selector: None,
    };
    let (v1, v2) = (VersionId::new("v1"), VersionId::new("v2"));
    let seen = Inspection {
        current: Some(v1.clone()),
        token: Some("etag-1".to_owned()),
        written_at_ms: Some(1_760_000_000_000),
        natively_managed_by: None,
        replicas_in_sync: true,
        warnings: vec!["tracked by git".to_owned()],
    };
    assert_eq!(store.inspect(&place).await, Ok(seen.clone()));
    let ours = [("TOKEN".to_owned(), value("example-new"))];
    let document = Document::Fields(ours.into_iter().collect());
    let payload = store.compose(&place, &document, &seen).await.unwrap();
    assert!(payload.matches(&value(PAYLOAD)));
    let mark = Mark {
        rotation: RotationId::new("r-1"),
        token: "t-1".to_owned(),
    };
    let write = Write {
        place: &place,
        payload: &payload,
        base: &Base::from(&seen),
        mark: &mark,
    };
    assert_eq!(store.stage(&write).await, Ok(v2.clone()));
    assert_eq!(store.promote(&write).await, Ok(v2.clone()));
    assert!(store.read(&place, &v2).await.unwrap().matches(&document));
    let found = store.find(&place, &mark, &payload).await;
    assert_eq!(found, Ok(Found::Current(v2.clone())));
    let version = |id: &VersionId, newest| Version {
        id: id.clone(),
        current: newest,
        enabled: newest,
        ended: None,
    };
    let versions = vec![version(&v2, true), version(&v1, false)];
    assert_eq!(store.list(&place).await, Ok(versions));
    assert_eq!(store.disable(&place, &v1).await, Ok(Retired::Disabled));
    assert_eq!(store.enable(&place, &v1).await, Ok(()));
    assert_eq!(store.destroy(&place, &v1).await, Ok(Retired::Destroyed));
}

#[tokio::test]
async fn a_consumer() {
    let (program, config, _directory) = replay("Consumer", "consumer");
    let consumer = ExecConsumer::connect(program, config, launcher())
        .await
        .unwrap();
    assert_eq!(consumer.capabilities().strongest, Some(Strength::Proven));
    let (id, v2) = ("production/api".parse().unwrap(), VersionId::new("v2"));
    let (old, new) = (CredentialId::new("key-1"), CredentialId::new("key-2"));
    let (old_value, new_value) = (SecretValue::new(vec![0, 255]), value("example-new"));
    let held = [
        Held {
            credential: &new,
            issuer_ref: None,
            version: Some(&v2),
            value: &new_value,
            strong: true,
        },
        Held {
            credential: &old,
            issuer_ref: None,
            version: None,
            value: &old_value,
            strong: false,
        },
    ];
    let question = Question {
        id: &id,
        consumer: "chat",
        destination: "main:prod/api",
        held: &held,
        published_at_ms: 1_760_000_000_000,
        instances: 2,
    };
    let seen = consumer.observe(&question).await.unwrap();
    assert_eq!(seen[0].holding, Holding::Credential(new.clone()));
    assert_eq!(seen[0].started_at_ms, Some(1_760_000_001_000));
    assert_eq!(
        (&seen[1].holding, seen[1].strength),
        (&Holding::Unknown, Strength::Claimed)
    );
    assert_eq!(
        (seen[1].instance.as_str(), seen[1].detail.as_str()),
        ("chat-2", "it is starting")
    );
    let notice = Notice {
        id: id.clone(),
        consumer: "chat".to_owned(),
        destination: "main:prod/api".to_owned(),
        version: v2.clone(),
        credential: None,
        rotation: RotationId::new("r-1"),
    };
    assert_eq!(consumer.notify(&notice).await, Ok(()));
}

#[tokio::test]
async fn the_first_program_of_the_page_works_as_printed() {
    assert!(PAGE.contains(&format!("```python\n{CHECK_APP}```\n")));
    let directory = tempfile::tempdir().unwrap();
    let status = "{\"instance\":\"app-1\",\"secret_version\":\"v2\"}";
    std::fs::write(directory.path().join("app.json"), status).unwrap();
    let program = program("examples/plugins/check-app", "", directory.path());
    let consumer = ExecConsumer::connect(program, config(&[("status", "app.json")]), launcher());
    let consumer = consumer.await.unwrap();
    let (id, v2) = ("production/api".parse().unwrap(), VersionId::new("v2"));
    let (new, text) = (CredentialId::new("key-2"), value("example-new"));
    let held = [Held {
        credential: &new,
        issuer_ref: None,
        version: Some(&v2),
        value: &text,
        strong: true,
    }];
    let question = Question {
        id: &id,
        consumer: "app",
        destination: "main:prod/api",
        held: &held,
        published_at_ms: 0,
        instances: 1,
    };
    let seen = consumer.observe(&question).await.unwrap();
    assert_eq!(seen[0].holding, Holding::Credential(new.clone()));
    assert_eq!(
        (seen[0].instance.as_str(), seen[0].strength),
        ("app-1", Strength::Claimed)
    );
}
