//! What consumers that cannot listen say by themselves: challenges given out, and answers to them.

use super::error::Result;
use super::sql::Tx;

/// A challenge is good for this long, milliseconds.
pub const CHALLENGE_MS: i64 = 60_000;
/// So many challenges of one consumer may be open at once.
pub const CHALLENGES_MAX: i64 = 256;
/// An answer is looked at for this long, milliseconds.
pub const ANSWER_MS: i64 = 24 * 3_600_000;
/// So many answers of one instance are kept, the newest: one instance takes no place of another.
pub const ANSWERS_MAX: i64 = 4;
/// Answers of so many instances of one consumer are kept; further instances are not taken in.
pub const INSTANCES_MAX: i64 = 1_000;

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

/// Gives a challenge out, and forgets those that nobody answered in time; `false` where the consumer has too many.
pub async fn issue(tx: &mut Tx, challenge: &str, subject: &Subject) -> Result<bool> {
    let now = tx.now_ms();
    let sql = "DELETE FROM challenge WHERE issued_ms <= $1";
    tx.run(sql, &[(now - CHALLENGE_MS).into()]).await?;
    let sql = "SELECT COUNT(*) AS open FROM challenge WHERE secret_id = $1 AND consumer = $2";
    let args = [(&subject.secret_id).into(), (&subject.consumer).into()];
    let open = tx.row(sql, &args).await?;
    if open.map_or(Ok(0), |row| row.int("open"))? >= CHALLENGES_MAX {
        return Ok(false);
    }
    let row = vec![
        challenge.into(),
        (&subject.secret_id).into(),
        (&subject.consumer).into(),
        (&subject.instance).into(),
        now.into(),
    ];
    let head = "INSERT INTO challenge (challenge, secret_id, consumer, instance, issued_ms)";
    tx.insert(head, &[row], "").await?;
    Ok(true)
}

/// Uses a challenge up, whoever shows it. When it was given out, where it was given to this one and is still good.
pub async fn redeem(tx: &mut Tx, challenge: &str, subject: &Subject) -> Result<Option<i64>> {
    let sql = "DELETE FROM challenge WHERE challenge = $1 RETURNING secret_id, consumer, instance, issued_ms";
    let Some(row) = tx.row(sql, &[challenge.into()]).await? else {
        return Ok(None);
    };
    let given_to = Subject {
        secret_id: row.text("secret_id")?,
        consumer: row.text("consumer")?,
        instance: row.text("instance")?,
    };
    let issued_ms = row.int("issued_ms")?;
    let good = &given_to == subject && issued_ms > tx.now_ms() - CHALLENGE_MS;
    Ok(good.then_some(issued_ms))
}

/// Keeps an answer, and forgets what is too old or too many; `false` where the consumer has too many instances.
pub async fn keep(tx: &mut Tx, subject: &Subject, one: &Attestation) -> Result<bool> {
    let old = "DELETE FROM attestation WHERE issued_ms <= $1";
    tx.run(old, &[(tx.now_ms() - ANSWER_MS).into()]).await?;
    let sql = "SELECT COUNT(DISTINCT instance) AS others FROM attestation \
         WHERE secret_id = $1 AND consumer = $2 AND instance <> $3";
    let args = [
        (&subject.secret_id).into(),
        (&subject.consumer).into(),
        (&subject.instance).into(),
    ];
    let others = tx.row(sql, &args).await?;
    if others.map_or(Ok(0), |row| row.int("others"))? >= INSTANCES_MAX {
        return Ok(false);
    }
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
    let many = "DELETE FROM attestation WHERE secret_id = $1 AND consumer = $2 AND instance = $3 AND challenge NOT IN \
         (SELECT challenge FROM attestation WHERE secret_id = $1 AND consumer = $2 AND instance = $3 \
          ORDER BY issued_ms DESC, challenge LIMIT $4)";
    let [secret, consumer, instance] = args;
    let args = [secret, consumer, instance, ANSWERS_MAX.into()];
    tx.run(many, &args).await.map(|_| true)
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
