//! Asks the handshake until every instance behind an address has answered.

use super::{answer, endpoint::Endpoint};
use aws_lc_rs::rand;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use keywheel_contract::{Error, Observation, Question, Result, Retry};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long one round of questions may take. The engine cuts every call off after 10 s, and what a call saw is lost
/// then; so a round ends before that by itself, with what it has seen.
const ROUND: Duration = Duration::from_secs(8);

/// Questions at once: a round has to see every instance anew, also where each is slow to answer.
const AT_ONCE: usize = 16;

/// Failed requests in a row after which a round ends early.
const FAILURES: u32 = 3;

/// One observation per distinct instance, at most [`Question::instances`] of them; a second answer of the same
/// instance replaces its first.
///
/// As many are asked at once as are wanted, 16 at most. Every request carries a challenge of its own and opens a connection of its own, because a load balancer
/// spreads connections. Behind one that does not, fewer instances are seen than exist, never more.
///
/// # Errors
/// The last failure, where no instance gave a usable answer.
pub(super) async fn every_instance(
    endpoint: &Endpoint,
    question: &Question<'_>,
) -> Result<Vec<Observation>> {
    let mut round = Round::new(question.instances.max(1));
    let mut asked = FuturesUnordered::new();
    while !round.is_complete() {
        while round.asks_another(asked.len()) {
            asked.push(one_instance(endpoint, question));
        }
        match timeout_at(round.ends, asked.next()).await {
            Ok(Some(Ok(seen))) => round.seen(seen),
            Ok(Some(Err(error))) => {
                tracing::debug!(consumer = question.consumer, %error, "a handshake failed");
                round.failed(error);
            }
            Ok(None) => break,
            Err(_) => {
                round.failed(late(endpoint));
                break;
            }
        }
    }
    round.result()
}

fn late(endpoint: &Endpoint) -> Error {
    let shown = endpoint.shown();
    Error::unavailable(format!("{shown} did not answer within {ROUND:?}"))
}

/// What is sent. It holds nothing secret.
#[derive(Serialize)]
struct Challenge<'a> {
    id: &'a str,
    destination: &'a str,
    consumer: &'a str,
    challenge: &'a str,
}

async fn one_instance(endpoint: &Endpoint, question: &Question<'_>) -> Result<Observation> {
    let challenge = fresh_challenge()?;
    let body = endpoint
        .ask(&Challenge {
            id: question.id.as_str(),
            destination: question.destination,
            consumer: question.consumer,
            challenge: &challenge,
        })
        .await?;
    answer::observation(&body, &challenge, question).map_err(|error| {
        Error::new(
            error.kind,
            format!("{} {}", endpoint.shown(), error.message),
        )
    })
}

/// 32 random bytes as hexadecimal digits.
///
/// # Errors
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): this machine gives none.
fn fresh_challenge() -> Result<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)
        .map_err(|_| Error::unavailable("no random bytes for a challenge from this machine"))?;
    Ok(hex::encode(bytes))
}

/// How far a round has come; it decides when to stop.
struct Round {
    wanted: u32,
    requests_left: u32,
    failed_in_a_row: u32,
    ends: Instant,
    instances: BTreeMap<String, Observation>,
    last_failure: Option<Error>,
}

impl Round {
    fn new(wanted: u32) -> Self {
        Self {
            wanted,
            requests_left: wanted.saturating_mul(4).saturating_add(4),
            failed_in_a_row: 0,
            ends: Instant::now() + ROUND,
            instances: BTreeMap::new(),
            last_failure: None,
        }
    }

    fn is_complete(&self) -> bool {
        self.instances.len() >= self.wanted as usize
    }

    /// Whether another question is asked beside those under way; if so, it counts.
    fn asks_another(&mut self, under_way: usize) -> bool {
        let asks = under_way < AT_ONCE.min(self.wanted as usize)
            && self.requests_left > 0
            && self.failed_in_a_row < self.wanted.min(FAILURES)
            && Instant::now() < self.ends;
        self.requests_left -= u32::from(asks);
        asks
    }

    fn seen(&mut self, observation: Observation) {
        self.failed_in_a_row = 0;
        self.instances
            .insert(observation.instance.clone(), observation);
    }

    fn failed(&mut self, error: Error) {
        // What our own rules or the consumer's refuse now is refused a moment later too.
        let hopeless = matches!(error.retry(), Retry::Never | Retry::Later(Some(_)));
        if hopeless {
            self.requests_left = 0;
        }
        self.failed_in_a_row += 1;
        self.last_failure = Some(error);
    }

    fn result(self) -> Result<Vec<Observation>> {
        match self.last_failure {
            Some(error) if self.instances.is_empty() => Err(error),
            _ => Ok(self.instances.into_values().collect()),
        }
    }
}
