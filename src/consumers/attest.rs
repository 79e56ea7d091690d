//! Sees a consumer through what it posted by itself: the answer of the handshake to a challenge that it asked for.
//!
//! Whoever can reach the listener can post, so only a proof that fits a value in question counts. Anything else is
//! passed over: it shows nothing, holds nothing up, and takes no other answer's place.

use super::answer;
use async_trait::async_trait;
use keywheel_contract::{Holding, Observation, Question, Result, SecretId};
use std::{collections::BTreeMap, sync::Arc};

/// An answer that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The challenge it answers.
    pub challenge: String,
    /// The answer, JSON.
    pub answer: String,
    /// When the challenge was given out, epoch milliseconds: the proof was made after that.
    pub issued_ms: i64,
}

/// Where posted answers are kept.
#[async_trait]
pub trait Postbox: Send + Sync {
    /// Those of one consumer, the newest first.
    ///
    /// # Errors
    /// They cannot be read now.
    async fn posted(&self, id: &SecretId, consumer: &str) -> Result<Vec<Posted>>;
}

/// The newest answer of each instance that fits, dated by its challenge; those that do not fit are as if never posted.
///
/// # Errors
/// Those of the postbox.
pub(super) async fn observe(
    postbox: &Arc<dyn Postbox>,
    question: &Question<'_>,
) -> Result<Vec<Observation>> {
    let mut seen = BTreeMap::new();
    for posted in postbox.posted(question.id, question.consumer).await? {
        if let Some(one) = shown(&posted, question) {
            seen.entry(one.instance.clone()).or_insert(one);
        }
    }
    Ok(seen.into_values().collect())
}

fn shown(posted: &Posted, question: &Question<'_>) -> Option<Observation> {
    let judged = answer::observation(posted.answer.as_bytes(), &posted.challenge, question);
    let one = judged
        .inspect_err(
            |error| tracing::debug!(consumer = question.consumer, %error, "an attestation"),
        )
        .ok()?;
    matches!(one.holding, Holding::Credential(_)).then(|| Observation {
        seen_at_ms: Some(posted.issued_ms),
        ..one
    })
}

#[cfg(test)]
mod tests {
    use super::{Postbox, Posted, observe};
    use async_trait::async_trait;
    use keywheel_contract::{
        CredentialId, Held, Holding, Question, Result, SecretId, SecretValue, handshake,
    };
    use serde_json::json;
    use std::sync::Arc;

    struct Letters(Vec<Posted>);

    #[async_trait]
    impl Postbox for Letters {
        async fn posted(&self, _id: &SecretId, _consumer: &str) -> Result<Vec<Posted>> {
            Ok(self.0.clone())
        }
    }

    const ID: &str = "production/db";

    /// An answer of `instance` with a proof of `value`.
    fn posted(instance: &str, value: &str, issued_ms: i64) -> Posted {
        let challenge = format!("{issued_ms:064x}");
        let statement = handshake::Statement {
            id: ID,
            destination: "main:db",
            consumer: "job",
            instance,
            challenge: &challenge,
        };
        let proof = handshake::prove(&SecretValue::from(value.to_owned()), &statement);
        let answer = json!({
            "id": ID, "destination": "main:db", "consumer": "job", "instance": instance, "proof": proof,
        });
        Posted {
            answer: answer.to_string(),
            challenge,
            issued_ms,
        }
    }

    /// Instance, credential and time of everything that is seen.
    async fn seen(posted: Vec<Posted>) -> Vec<(String, String, i64)> {
        let names = ["new", "old"].map(CredentialId::new);
        let values = names
            .each_ref()
            .map(|name| SecretValue::from(format!("example-{name}")));
        let held = [0, 1].map(|at| Held {
            credential: &names[at],
            issuer_ref: None,
            version: None,
            value: &values[at],
            strong: true,
        });
        let question = Question {
            id: &ID.parse().unwrap(),
            consumer: "job",
            destination: "main:db",
            held: &held,
            published_at_ms: 0,
            instances: 1,
        };
        let postbox: Arc<dyn Postbox> = Arc::new(Letters(posted));
        let all = observe(&postbox, &question).await.unwrap();
        let told = all.into_iter().map(|one| match one.holding {
            Holding::Credential(id) => (
                one.instance,
                id.as_str().to_owned(),
                one.seen_at_ms.unwrap(),
            ),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    fn told(instance: &str, credential: &str, at_ms: i64) -> (String, String, i64) {
        (instance.to_owned(), credential.to_owned(), at_ms)
    }

    #[tokio::test]
    async fn the_newest_of_each_instance_counts_at_the_time_of_its_challenge() {
        let all = vec![
            posted("b", "example-new", 30),
            posted("a", "example-old", 20),
            posted("b", "example-old", 10),
        ];
        assert_eq!(
            seen(all).await,
            [told("a", "old", 20), told("b", "new", 30)]
        );
    }

    #[tokio::test]
    async fn what_fits_nothing_takes_no_other_answers_place() {
        let claim = Posted {
            answer: json!({"id": ID, "destination": "main:db", "instance": "a", "version": "v2"})
                .to_string(),
            ..posted("a", "", 40)
        };
        let elsewhere = Posted {
            challenge: "0".repeat(64),
            ..posted("c", "example-new", 50)
        };
        let all = vec![
            elsewhere,
            claim,
            posted("a", "something-else", 30),
            posted("a", "example-new", 20),
        ];
        assert_eq!(seen(all).await, [told("a", "new", 20)]);
    }
}
