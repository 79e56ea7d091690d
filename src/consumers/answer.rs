//! Reads one answer of the handshake and says what it shows. Pure.
//!
//! Nothing the other side wrote is repeated in an error or a detail: a consumer with a fault may put the value
//! itself anywhere. Its instance name alone is kept, within limits.

use chrono::{DateTime, FixedOffset};
use keywheel_contract::{
    Error, Held, Holding, Observation, Question, Result, Strength,
    handshake::{Statement, proves},
};
use serde::Deserialize;

/// Longest instance name, in bytes.
const LONGEST_NAME: usize = 128;

/// Values shorter than this may stand in an instance name by chance.
const SHORTEST_LEAK: usize = 8;

#[derive(Deserialize)]
struct Answer {
    id: String,
    destination: String,
    consumer: Option<String>,
    instance: String,
    version: Option<String>,
    started_at: Option<DateTime<FixedOffset>>,
    proof: Option<String>,
}

/// What the answer `body` to `challenge` shows about one instance.
///
/// The proof counts as [`Proven`](Strength::Proven) because the request was encrypted or stayed on this
/// machine: there is no other way to send one.
///
/// # Errors
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): not an answer of the handshake, or one about
/// something else; the message continues a sentence that begins with the address.
pub(super) fn observation(
    body: &[u8],
    challenge: &str,
    question: &Question<'_>,
) -> Result<Observation> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| {
        Error::unavailable("answers, but not with a handshake answer (docs/handshake.md)")
    })?;
    check_subject(&answer, question)?;
    check_name(&answer.instance, question.held)?;
    let Verdict(holding, strength, detail) = judge(&answer, challenge, question);
    Ok(Observation {
        instance: answer.instance,
        holding,
        strength,
        started_at_ms: answer.started_at.map(|at| at.timestamp_millis()),
        seen_at_ms: None,
        detail,
    })
}

fn check_subject(answer: &Answer, question: &Question<'_>) -> Result<()> {
    let other = |what| {
        Error::unavailable(format!(
            "answers for another {what} than it was asked about"
        ))
    };
    if answer.id != question.id.as_str() {
        return Err(other("secret"));
    }
    if answer.destination != question.destination {
        return Err(other("destination"));
    }
    if answer
        .consumer
        .as_deref()
        .is_some_and(|name| name != question.consumer)
    {
        return Err(other("consumer"));
    }
    Ok(())
}

fn check_name(instance: &str, held: &[Held<'_>]) -> Result<()> {
    if instance.is_empty() || instance.len() > LONGEST_NAME || instance.contains(char::is_control) {
        return Err(Error::unavailable(
            "answers with an instance name that is empty, longer than 128 bytes or not plain text",
        ));
    }
    let leaked = |value: &[u8]| {
        value.len() >= SHORTEST_LEAK
            && instance
                .as_bytes()
                .windows(value.len())
                .any(|part| part == value)
    };
    if held.iter().any(|held| leaked(held.value.expose_secret())) {
        return Err(Error::unavailable(
            "answers with the secret value in its instance name: it leaks there, treat it as exposed",
        ));
    }
    Ok(())
}

struct Verdict(Holding, Strength, String);

fn judge(answer: &Answer, challenge: &str, question: &Question<'_>) -> Verdict {
    let said = answer.version.as_deref();
    match &answer.proof {
        Some(proof) => {
            let statement = Statement {
                id: question.id.as_str(),
                destination: question.destination,
                consumer: question.consumer,
                instance: &answer.instance,
                challenge,
            };
            judge_proof(proof, &statement, said, question.held)
        }
        None => judge_version(said, question.held),
    }
}

fn judge_proof(
    proof: &str,
    statement: &Statement<'_>,
    said: Option<&str>,
    held: &[Held<'_>],
) -> Verdict {
    match held
        .iter()
        .find(|held| proves(proof, held.value, statement))
    {
        Some(held) => shown(held, said),
        None => Verdict(Holding::Other, Strength::Claimed, disproven(said, held)),
    }
}

fn shown(held: &Held<'_>, said: Option<&str>) -> Verdict {
    let (strength, how) = if held.strong {
        (Strength::Proven, "shows possession of the value")
    } else {
        (
            Strength::Claimed,
            "the value has fewer than 80 bits, so its proof counts as a claim",
        )
    };
    let contradicts = said.is_some() && held.version.is_some() && !is_version(held, said);
    let but = if contradicts {
        "; it names another version"
    } else {
        ""
    };
    Verdict(
        Holding::Credential(held.credential.clone()),
        strength,
        format!("{how}{but}"),
    )
}

fn disproven(said: Option<&str>, held: &[Held<'_>]) -> String {
    match held
        .iter()
        .find(|held| is_version(held, said))
        .and_then(|held| held.version)
    {
        Some(version) => format!("says {version} but proves another value"),
        None => "its proof fits none of the values asked about".to_owned(),
    }
}

fn judge_version(said: Option<&str>, held: &[Held<'_>]) -> Verdict {
    if said.is_none() {
        let detail = "sends neither a proof nor a version".to_owned();
        return Verdict(Holding::Unknown, Strength::Claimed, detail);
    }
    match held.iter().find(|held| is_version(held, said)) {
        Some(held) => Verdict(
            Holding::Credential(held.credential.clone()),
            Strength::Claimed,
            "says its version and sends no proof".to_owned(),
        ),
        None => Verdict(
            Holding::Other,
            Strength::Claimed,
            "says a version that is none of those asked about".to_owned(),
        ),
    }
}

fn is_version(held: &Held<'_>, said: Option<&str>) -> bool {
    said.is_some() && held.version.map(|version| version.as_str()) == said
}
