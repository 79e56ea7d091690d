//! What consumers that cannot listen say by themselves: challenges that were used, and answers to them.

use super::error::{Error, Result};
use super::meta;
use super::sql::{Arg, Tx};

/// A challenge is good for this long, milliseconds.
pub const CHALLENGE_MS: i64 = 60_000;
/// An answer is looked at for this long, milliseconds.
pub const ANSWER_MS: i64 = 24 * 3_600_000;
/// So many answers of one consumer are kept, the newest.
pub const ANSWERS_MAX: i64 = 2_048;
/// So many of them are of one instance.
pub const ANSWERS_OF_ONE_MAX: i64 = 256;
/// The name of the key that challenges are made with.
const KEY: &str = "challenge_key";

/// Who answers, or wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The secret.
    pub secret_id: String,
    /// The consumer's name in the inventory.
    pub consumer: String,
    /// Which running copy.
    pub instance: String,
}

/// An answer that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The challenge it answers.
    pub challenge: String,
    /// As it was posted, JSON.
    pub answer: String,
    /// When the challenge was given out, epoch milliseconds.
    pub issued_ms: i64,
}

/// The key that challenges are made with, the same for all replicas: made by the first that asks.
///
/// # Errors
/// The journal failed.
pub async fn key(tx: &mut Tx, fresh: &str) -> Result<String> {
    let row = vec![KEY.into(), fresh.into()];
    let tail = "ON CONFLICT (name) DO NOTHING";
    tx.insert("INSERT INTO meta (name, value)", &[row], tail)
        .await?;
    let kept = meta::fact(tx, KEY).await?;
    kept.ok_or_else(|| Error::Unreadable(format!("`{KEY}` is not in the journal")))
}

/// Uses a challenge up; `false` where somebody did before.
pub async fn spend(tx: &mut Tx, challenge: &str, subject: &Subject, given_ms: i64) -> Result<bool> {
    let sql = "INSERT INTO challenge (challenge, secret_id, consumer, instance, issued_ms) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (challenge) DO NOTHING";
    let args = [
        challenge.into(),
        (&subject.secret_id).into(),
        (&subject.consumer).into(),
        (&subject.instance).into(),
        given_ms.into(),
    ];
    Ok(tx.run(sql, &args).await? > 0)
}

/// Keeps an answer, and forgets what is too many: an instance that says much takes no place of another, and to crowd
/// everything out takes more posts than the listener takes in minutes, while a rotation looks within seconds.
pub async fn keep(tx: &mut Tx, subject: &Subject, one: &Attestation) -> Result<()> {
    let row = vec![
        (&one.challenge).into(),
        (&subject.secret_id).into(),
        (&subject.consumer).into(),
        (&subject.instance).into(),
        (&one.answer).into(),
        one.issued_ms.into(),
    ];
    let head =
        "INSERT INTO attestation (challenge, secret_id, consumer, instance, answer, issued_ms)";
    tx.insert(head, &[row], "").await?;
    let consumer = [(&subject.secret_id).into(), (&subject.consumer).into()];
    let instance = [&consumer[..], &[(&subject.instance).into()]].concat();
    let whose = "secret_id = $1 AND consumer = $2";
    newest(tx, whose, &consumer, ANSWERS_MAX).await?;
    let whose = "secret_id = $1 AND consumer = $2 AND instance = $3";
    newest(tx, whose, &instance, ANSWERS_OF_ONE_MAX).await
}

/// Forgets all but the newest answers.
async fn newest(tx: &mut Tx, whose: &str, args: &[Arg], most: i64) -> Result<()> {
    let limit = args.len() + 1;
    let sql = format!(
        "DELETE FROM attestation WHERE {whose} AND challenge NOT IN \
         (SELECT challenge FROM attestation WHERE {whose} ORDER BY issued_ms DESC, challenge LIMIT ${limit})"
    );
    let args = [args, &[most.into()]].concat();
    tx.run(sql, &args).await.map(drop)
}

/// Forgets what nobody asks for any more: challenges that are too old to be shown again, and answers of another day.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.now_ms();
    let spent = "DELETE FROM challenge WHERE issued_ms <= $1";
    tx.later(spent, &[(now - CHALLENGE_MS).into()]).await?;
    let old = "DELETE FROM attestation WHERE issued_ms <= $1";
    tx.later(old, &[(now - ANSWER_MS).into()]).await
}

/// What a consumer answered, the newest first.
pub async fn of(tx: &mut Tx, secret_id: &str, consumer: &str) -> Result<Vec<Attestation>> {
    let sql = "SELECT challenge, answer, issued_ms FROM attestation \
         WHERE secret_id = $1 AND consumer = $2 AND issued_ms > $3 ORDER BY issued_ms DESC, challenge";
    let since = tx.now_ms() - ANSWER_MS;
    let args = [secret_id.into(), consumer.into(), since.into()];
    let rows = tx.rows(sql, &args).await?;
    rows.iter()
        .map(|row| {
            Ok(Attestation {
                challenge: row.text("challenge")?,
                answer: row.text("answer")?,
                issued_ms: row.int("issued_ms")?,
            })
        })
        .collect()
}
