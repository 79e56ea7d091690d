//! `/v1/attest`: a consumer that cannot listen asks for a challenge and posts the answer of the handshake to it.
//!
//! Nothing is judged here: an answer is kept in the journal, and the rotation that it is about is woken to look at it.
//! Nor is anything kept for whoever asks alone, so that nobody can use up what another one needs.
//! A caller learns nothing from the answers: they are the same for secrets and consumers that do not exist.

use super::Refusal;
use super::challenge::{Challenges, RANDOM};
use crate::inventory::{Definition, VerifySpec};
use crate::journal::attestations::{self, Attestation, CHALLENGE_MS, Subject};
use crate::journal::{self, Journal, Tx, rotations, secrets};
use aws_lc_rs::rand;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, FixedOffset};
use keywheel_contract::SecretId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Longest name of a consumer or an instance, in bytes.
const LONGEST_NAME: usize = 128;
/// Longest name of a destination, or of a version in it, in bytes.
const LONGEST_PLACE: usize = 1024;
/// Digits of a challenge and of a proof.
const DIGITS: usize = 64;

pub(super) fn routes(journal: Journal) -> Router {
    let desk = Desk {
        journal,
        challenges: OnceCell::new(),
    };
    Router::new()
        .route("/v1/attest/challenge", post(challenge))
        .route("/v1/attest", post(attest))
        .with_state(Arc::new(desk))
}

/// What requests are answered with.
struct Desk {
    journal: Journal,
    challenges: OnceCell<Challenges>,
}

impl Desk {
    /// With the key of the journal, read once.
    async fn challenges(&self) -> Result<&Challenges, Refusal> {
        let read = || async {
            let fresh = hex::encode(random::<32>()?);
            let key = async move |tx: &mut Tx| attestations::key(tx, &fresh).await;
            let key = self.journal.write(key).await;
            key.map(|key| Challenges::of(key.as_bytes()))
                .map_err(|error| failed(&error))
        };
        self.challenges.get_or_try_init(read).await
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Refusal> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| unavailable())?;
    Ok(bytes)
}

/// Who wants to answer.
#[derive(Deserialize)]
struct Asking {
    id: SecretId,
    consumer: String,
    instance: String,
}

/// The answer of the handshake, with the challenge that it answers; kept as it is written here.
#[derive(Deserialize, Serialize)]
struct Answer {
    id: SecretId,
    destination: String,
    consumer: String,
    instance: String,
    challenge: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<FixedOffset>>,
    proof: String,
}

async fn challenge(
    State(desk): State<Arc<Desk>>,
    body: Result<Json<Asking>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(asking) = body.map_err(unreadable)?;
    let subject = subject(asking.id, asking.consumer, asking.instance)?;
    let challenges = desk.challenges().await?;
    let now = desk.journal.read(async |tx: &mut Tx| Ok(tx.now_ms())).await;
    let now_ms = now.map_err(|error| failed(&error))?;
    let challenge = challenges.give(&subject, now_ms, random::<RANDOM>()?);
    let seconds = CHALLENGE_MS / 1000;
    Ok(Json(json!({ "challenge": challenge, "seconds": seconds })).into_response())
}

async fn attest(
    State(desk): State<Arc<Desk>>,
    body: Result<Json<Answer>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(answer) = body.map_err(unreadable)?;
    check(&answer)?;
    let subject = subject(
        answer.id.clone(),
        answer.consumer.clone(),
        answer.instance.clone(),
    )?;
    let kept = journal::to_json(&answer).map_err(|error| failed(&error))?;
    let challenges = desk.challenges().await?;
    let now = desk.journal.read(async |tx: &mut Tx| Ok(tx.now_ms())).await;
    let now_ms = now.map_err(|error| failed(&error))?;
    let given_ms = challenges.given_ms(&answer.challenge, &subject, now_ms);
    let issued_ms = given_ms.ok_or(NOT_GOOD)?;
    let one = Attestation {
        challenge: answer.challenge,
        answer: kept,
        issued_ms,
    };
    let taken = async move |tx: &mut Tx| take(tx, &subject, &one).await;
    match desk.journal.write(taken).await {
        Ok(true) => Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response()),
        Ok(false) => Err(NOT_GOOD),
        Err(error) => Err(failed(&error)),
    }
}

const NOT_GOOD: Refusal = Refusal(
    StatusCode::CONFLICT,
    "the challenge was used, was given to somebody else, or is older than 60 seconds: ask for another",
);

/// Uses the challenge up and keeps the answer, where a consumer of that name attests; `false` where the challenge was
/// used before. Whether there is such a consumer is not told.
async fn take(tx: &mut Tx, subject: &Subject, one: &Attestation) -> journal::Result<bool> {
    if !attestations::spend(tx, &one.challenge, subject, one.issued_ms).await? {
        return Ok(false);
    }
    if is_awaited(tx, subject).await? {
        attestations::keep(tx, subject, one).await?;
        rotations::stir(tx, &[&subject.secret_id]).await?;
    }
    Ok(true)
}

/// Whether today's entry, or the plan of a rotation under way, has this consumer attest.
async fn is_awaited(tx: &mut Tx, subject: &Subject) -> journal::Result<bool> {
    let attests = |definition: &Definition| {
        let consumer = definition.consumers.get(&subject.consumer);
        consumer.is_some_and(|one| matches!(one.verify, VerifySpec::Attest))
    };
    let today = secrets::definition(tx, &subject.secret_id).await?;
    if today.as_ref().is_some_and(attests) {
        return Ok(true);
    }
    let runs = rotations::unfinished(tx, &subject.secret_id).await?;
    Ok(runs.iter().any(|run| attests(&run.plan)))
}

fn subject(id: SecretId, consumer: String, instance: String) -> Result<Subject, Refusal> {
    let plain = |text: &str| {
        !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
    };
    match plain(&consumer) && plain(&instance) {
        true => Ok(Subject {
            secret_id: id.to_string(),
            consumer,
            instance,
        }),
        false => Err(Refusal(
            StatusCode::BAD_REQUEST,
            "`consumer` and `instance` are plain text of at most 128 bytes",
        )),
    }
}

fn check(answer: &Answer) -> Result<(), Refusal> {
    let digits = |text: &str| {
        text.len() == DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let place = |text: &str| text.len() <= LONGEST_PLACE && !text.contains(char::is_control);
    let wrong = |why| Err(Refusal(StatusCode::BAD_REQUEST, why));
    if !digits(&answer.challenge) || !digits(&answer.proof) {
        return wrong("`challenge` and `proof` are 64 lower-case hexadecimal digits each");
    }
    if !place(&answer.destination) || !answer.version.as_deref().is_none_or(place) {
        return wrong("`destination` and `version` are plain text of at most 1024 bytes");
    }
    Ok(())
}

fn unreadable(rejection: JsonRejection) -> Refusal {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than 8 KiB",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON, with `content-type: application/json`",
        ),
        _ => Refusal(
            StatusCode::BAD_REQUEST,
            "the body is not the JSON object of docs/handshake.md",
        ),
    }
}

fn failed(error: &journal::Error) -> Refusal {
    tracing::error!(%error, "the journal could not be used for an attestation");
    unavailable()
}

fn unavailable() -> Refusal {
    Refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "keywheel cannot take it now: try again later",
    )
}
