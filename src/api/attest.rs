//! `/v1/attest`: a consumer that cannot listen asks for a challenge and posts the answer of the handshake to it.
//!
//! Nothing is judged here: an answer is kept in the journal, and the rotation that it is about is woken to look at it.
//! A caller learns nothing from the answers: they are the same for secrets and consumers that do not exist.

use super::{Refusal, too_many};
use crate::consumers::fresh_challenge;
use crate::inventory::{Definition, VerifySpec};
use crate::journal::attestations::{self, Attestation, CHALLENGE_MS, Subject};
use crate::journal::{self, Journal, Tx, rotations, secrets};
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

/// Longest name of a consumer or an instance, in bytes.
const LONGEST_NAME: usize = 128;
/// Longest name of a destination, or of a version in it, in bytes.
const LONGEST_PLACE: usize = 1024;
/// Digits of a challenge and of a proof.
const DIGITS: usize = 64;

pub(super) fn routes() -> Router<Journal> {
    Router::new()
        .route("/v1/attest/challenge", post(challenge))
        .route("/v1/attest", post(attest))
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
    State(journal): State<Journal>,
    body: Result<Json<Asking>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(asking) = body.map_err(unreadable)?;
    let subject = subject(asking.id, asking.consumer, asking.instance)?;
    let challenge = fresh_challenge().map_err(|_| unavailable())?;
    let given = challenge.clone();
    let issued = journal.write(async move |tx| attestations::issue(tx, &given, &subject).await);
    match issued.await {
        Ok(true) => {
            let seconds = CHALLENGE_MS / 1000;
            Ok(Json(json!({ "challenge": challenge, "seconds": seconds })).into_response())
        }
        Ok(false) => Ok(too_many(
            "too many challenges of this consumer are open: answer them, or wait a minute",
        )),
        Err(error) => Err(failed(&error)),
    }
}

async fn attest(
    State(journal): State<Journal>,
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
    let challenge = answer.challenge;
    let taken = journal.write(async move |tx| take(tx, &subject, &challenge, &kept).await);
    match taken.await {
        Ok(true) => Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response()),
        Ok(false) => Err(Refusal(
            StatusCode::CONFLICT,
            "the challenge was used, was given to somebody else, or is older than 60 seconds: ask for another",
        )),
        Err(error) => Err(failed(&error)),
    }
}

/// Uses the challenge up and keeps the answer, where a consumer of that name attests; `false` where the challenge is
/// not good. Whether there is such a consumer is not told.
async fn take(
    tx: &mut Tx,
    subject: &Subject,
    challenge: &str,
    answer: &str,
) -> journal::Result<bool> {
    let Some(issued_ms) = attestations::redeem(tx, challenge, subject).await? else {
        return Ok(false);
    };
    if is_awaited(tx, subject).await? {
        let one = Attestation {
            challenge: challenge.to_owned(),
            answer: answer.to_owned(),
            issued_ms,
        };
        if attestations::keep(tx, subject, &one).await? {
            rotations::stir(tx, &[&subject.secret_id]).await?;
        } else {
            let (secret, consumer) = (&subject.secret_id, &subject.consumer);
            tracing::warn!(%secret, %consumer, "an attestation of one instance too many is not kept");
        }
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
