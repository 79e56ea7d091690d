//! The secret, the question and the consumer that every test here begins with.

use keywheel::{
    config::Hosts,
    consumers::{Names, Reach, SystemNames, build},
    inventory::{ConsumerSpec, NotifySpec, Reference, VerifySpec},
};
use keywheel_contract::{
    Consumer, CredentialId, Error, Held, Holding, Observation, Question, Result, SecretId,
    SecretValue, VersionId, handshake,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) const ID: &str = "production/api-key";
pub(crate) const DESTINATION: &str = "main:prod/api-key";
pub(crate) const CONSUMER: &str = "chat-api";
pub(crate) const NEW: &str = "example-canary-value-that-is-new";
pub(crate) const OLD: &str = "example-canary-value-that-is-old";

/// What a question is about, as a test wants it.
pub(crate) struct Asking {
    pub(crate) instances: u32,
    pub(crate) strong: bool,
    pub(crate) published_at_ms: i64,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            instances: 1,
            strong: true,
            published_at_ms: 0,
        }
    }
}

impl Asking {
    /// Asks which of [`NEW`] (version `v2`) and [`OLD`] (version `v1`) the consumer holds.
    pub(crate) async fn ask(&self, consumer: &dyn Consumer) -> Result<Vec<Observation>> {
        let id: SecretId = ID.parse().unwrap();
        let names = [credential("new"), credential("old")];
        let versions = [VersionId::new("v2"), VersionId::new("v1")];
        let values = [
            SecretValue::from(NEW.to_owned()),
            SecretValue::from(OLD.to_owned()),
        ];
        let held = [0, 1].map(|index| Held {
            credential: match &names[index] {
                Holding::Credential(name) => name,
                other => panic!("no credential: {other:?}"),
            },
            issuer_ref: None,
            version: Some(&versions[index]),
            value: &values[index],
            strong: self.strong,
        });
        let question = Question {
            id: &id,
            consumer: CONSUMER,
            destination: DESTINATION,
            held: &held,
            published_at_ms: self.published_at_ms,
            instances: self.instances,
        };
        consumer.observe(&question).await
    }
}

/// The holding of the credential called `new` or `old`.
pub(crate) fn credential(name: &str) -> Holding {
    Holding::Credential(CredentialId::new(name))
}

/// Asks a consumer of one instance at `url`.
pub(crate) async fn ask_one(url: &str) -> Result<Vec<Observation>> {
    ask_many(url, 1).await
}

/// Asks a consumer of that many instances at `url`.
pub(crate) async fn ask_many(url: &str, instances: u32) -> Result<Vec<Observation>> {
    let consumer = build(&seen_at(url, instances), &reach()).unwrap();
    Asking {
        instances,
        ..Asking::default()
    }
    .ask(consumer.as_ref())
    .await
}

/// The failure of asking `url`, which must hold neither a value nor anything the server wrote.
pub(crate) async fn failure(url: &str) -> Error {
    let error = ask_one(url).await.unwrap_err();
    assert_clean(&error);
    error
}

/// No value, and no word that the servers of these tests write into their bodies.
pub(crate) fn assert_clean(error: &Error) {
    let shown = format!("{error} {error:?}");
    for word in [NEW, OLD, "canary", "<html>", "written-by-the-server"] {
        assert!(!shown.contains(word), "{word} in {shown}");
    }
}

/// Reach of this machine.
pub(crate) fn reach() -> Reach {
    reach_of(&["127.0.0.1", "localhost"], Arc::new(SystemNames))
}

pub(crate) fn reach_of(hosts: &[&str], names: Arc<dyn Names>) -> Reach {
    let programs = |name: &str| Err(Error::not_found(format!("no program {name}")));
    Reach::new(
        "production",
        Hosts::parse(hosts).unwrap(),
        names,
        Arc::new(programs),
    )
    .unwrap()
    .with_patience(Duration::from_secs(5))
}

/// A consumer that is seen at `url` and not told.
pub(crate) fn seen_at(url: &str, instances: u32) -> ConsumerSpec {
    with_verify(
        VerifySpec::Http {
            url: format!("{url}/.well-known/keywheel"),
            bearer: None,
        },
        instances,
    )
}

pub(crate) fn with_verify(verify: VerifySpec, instances: u32) -> ConsumerSpec {
    ConsumerSpec {
        canary: false,
        role: None,
        reads: None,
        notify: NotifySpec::None {
            why: "a test".to_owned(),
        },
        verify,
        instances,
        proof: None,
    }
}

/// A consumer that is told at `url` and not seen.
pub(crate) fn told_at(url: &str, bearer: Option<Reference>) -> ConsumerSpec {
    ConsumerSpec {
        notify: NotifySpec::Http {
            url: format!("{url}/-/reload"),
            bearer,
        },
        ..with_verify(
            VerifySpec::None {
                why: "a test".to_owned(),
            },
            1,
        )
    }
}

/// What an instance answers that really holds `value`.
pub(crate) fn honest(asked: &Value, instance: &str, value: &str) -> Value {
    json!({
        "id": asked["id"],
        "destination": asked["destination"],
        "consumer": asked["consumer"],
        "instance": instance,
        "started_at": "2026-01-02T03:04:05.678Z",
        "proof": proof(asked, instance, value),
    })
}

/// The proof of `value` for what was asked.
pub(crate) fn proof(asked: &Value, instance: &str, value: &str) -> String {
    let text = |key: &str| asked[key].as_str().unwrap();
    let statement = handshake::Statement {
        id: text("id"),
        destination: text("destination"),
        consumer: text("consumer"),
        instance,
        challenge: text("challenge"),
    };
    handshake::prove(&SecretValue::from(value.to_owned()), &statement)
}
