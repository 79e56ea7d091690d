//! What belongs to one rotation: effects, readings, evidence, credentials, sealed values.

use super::bundle::Query;
use super::error::Result;
use super::rotations;
use super::sql::{Arg, Row, Tx, to_json};
use crate::rotation::facts::{Effect, Evidence, KnownCredential, Probe, Waiver};
use crate::rotation::words::{Kind, Look, Status};
use keywheel_contract::Strength;

/// Every effect of a rotation, oldest first.
pub async fn effects(tx: &mut Tx, rotation: &str) -> Result<Vec<Effect>> {
    tx.all(effects_of(rotation)).await
}

/// The same, for a bundle.
pub fn effects_of(rotation: &str) -> Query<Effect> {
    Query {
        columns: "kind, target, try, token, created_ms, deadline_ms, status, retry_ms, settled_ms, word, result",
        from: "effect WHERE rotation_id = $1".into(),
        order: "created_ms, kind, target, try",
        args: vec![rotation.into()],
        read: read_effect,
    }
}

fn read_effect(row: &Row) -> Result<Effect> {
    Ok(Effect {
        kind: row.word("kind", Kind::from_word)?,
        target: row.text("target")?,
        attempt: row.int("try")?,
        token: row.text("token")?,
        created_ms: row.int("created_ms")?,
        deadline_ms: row.int("deadline_ms")?,
        status: row.word("status", Status::from_word)?,
        retry_ms: row.int("retry_ms")?,
        settled_ms: row.maybe_int("settled_ms")?,
        word: row.text("word")?,
        result: row.json("result")?,
    })
}

/// Commits intents.
pub async fn begin_effects(
    tx: &mut Tx,
    rotation: &str,
    fence: i64,
    effects: &[Effect],
) -> Result<()> {
    let rows = effects
        .iter()
        .map(|effect| {
            Ok(vec![
                rotation.into(),
                effect.kind.word().into(),
                (&effect.target).into(),
                effect.attempt.into(),
                (&effect.token).into(),
                fence.into(),
                effect.created_ms.into(),
                effect.deadline_ms.into(),
                effect.status.word().into(),
                effect.retry_ms.into(),
                "".into(),
                to_json(&effect.result)?.into(),
            ])
        })
        .collect::<Result<Vec<Vec<Arg>>>>()?;
    let head = "INSERT INTO effect (rotation_id, kind, target, try, token, fence, created_ms, deadline_ms, \
         status, retry_ms, word, result)";
    tx.insert(head, &rows, "").await
}

/// Commits an outcome. An effect that is settled stays as it is.
pub async fn settle_effect(tx: &mut Tx, rotation: &str, effect: &Effect) -> Result<()> {
    let sql = "UPDATE effect SET status = $5, retry_ms = $6, settled_ms = $7, word = $8, result = $9 \
         WHERE rotation_id = $1 AND kind = $2 AND target = $3 AND try = $4 AND status IN ('intent', 'pending')";
    let args = [
        rotation.into(),
        effect.kind.word().into(),
        (&effect.target).into(),
        effect.attempt.into(),
        effect.status.word().into(),
        effect.retry_ms.into(),
        effect.settled_ms.into(),
        (&effect.word).into(),
        to_json(&effect.result)?.into(),
    ];
    tx.later(sql, &args).await
}

/// Targets of the effects, of other unfinished rotations of a secret, whose outcome is not known; one may come twice.
pub fn in_doubt_elsewhere(secret_id: &str, rotation: &str) -> Query<String> {
    Query {
        columns: "target",
        from: "effect WHERE status IN ('intent', 'pending') AND rotation_id IN \
             (SELECT id FROM rotation WHERE secret_id = $1 AND id <> $2 AND state <> 'ended')"
            .into(),
        order: "target",
        args: vec![secret_id.into(), rotation.into()],
        read: |row| row.text("target"),
    }
}

/// Every reading's latest result.
pub fn probes(rotation: &str) -> Query<Probe> {
    Query {
        columns: "kind, target, result, detail, at_ms, failures",
        from: "probe WHERE rotation_id = $1".into(),
        order: "kind, target",
        args: vec![rotation.into()],
        read: read_probe,
    }
}

fn read_probe(row: &Row) -> Result<Probe> {
    Ok(Probe {
        look: row.word("kind", Look::from_word)?,
        target: row.text("target")?,
        result: row.text("result")?,
        detail: row.text("detail")?,
        at_ms: row.int("at_ms")?,
        failures: row.int("failures")?,
    })
}

/// Replaces the latest results of readings.
pub async fn keep_probes(tx: &mut Tx, rotation: &str, probes: &[Probe]) -> Result<()> {
    let rows: Vec<Vec<Arg>> = probes
        .iter()
        .map(|probe| {
            vec![
                rotation.into(),
                probe.look.word().into(),
                (&probe.target).into(),
                (&probe.result).into(),
                (&probe.detail).into(),
                probe.at_ms.into(),
                probe.failures.into(),
            ]
        })
        .collect();
    let head = "INSERT INTO probe (rotation_id, kind, target, result, detail, at_ms, failures)";
    let tail = "ON CONFLICT (rotation_id, kind, target) DO UPDATE SET result = excluded.result, \
         detail = excluded.detail, at_ms = excluded.at_ms, failures = excluded.failures";
    tx.insert(head, &rows, tail).await
}

/// Each consumer's latest answers.
pub fn evidence(rotation: &str) -> Query<Evidence> {
    Query {
        columns: "consumer, instance, holding, strength, at_ms, detail",
        from: "evidence WHERE rotation_id = $1".into(),
        order: "consumer, instance",
        args: vec![rotation.into()],
        read: read_evidence,
    }
}

fn read_evidence(row: &Row) -> Result<Evidence> {
    Ok(Evidence {
        consumer: row.text("consumer")?,
        instance: row.text("instance")?,
        holding: row.text("holding")?,
        strength: row.word("strength", Strength::from_word)?,
        at_ms: row.int("at_ms")?,
        detail: row.text("detail")?,
    })
}

/// Forgets a consumer's answers.
pub async fn drop_evidence(tx: &mut Tx, rotation: &str, consumer: &str) -> Result<()> {
    let gone = "DELETE FROM evidence WHERE rotation_id = $1 AND consumer = $2";
    tx.later(gone, &[rotation.into(), consumer.into()]).await
}

/// Keeps a round of a consumer's answers; an instance's new answer takes the place of its earlier one.
pub async fn keep_evidence(tx: &mut Tx, rotation: &str, round: &[Evidence]) -> Result<()> {
    let rows: Vec<Vec<Arg>> = round
        .iter()
        .map(|one| {
            vec![
                rotation.into(),
                (&one.consumer).into(),
                (&one.instance).into(),
                (&one.holding).into(),
                one.strength.word().into(),
                one.at_ms.into(),
                (&one.detail).into(),
            ]
        })
        .collect();
    let head =
        "INSERT INTO evidence (rotation_id, consumer, instance, holding, strength, at_ms, detail)";
    let tail = "ON CONFLICT (rotation_id, consumer, instance) DO UPDATE SET holding = excluded.holding, \
         strength = excluded.strength, at_ms = excluded.at_ms, detail = excluded.detail";
    tx.insert(head, &rows, tail).await
}

/// Waivers of a secret that still stand at a moment, oldest first.
pub fn waivers(secret_id: &str, now_ms: i64) -> Query<Waiver> {
    Query {
        columns: "subject, actor, reason, created_ms, until_ms",
        from: "waiver WHERE secret_id = $1 AND until_ms > $2".into(),
        order: "created_ms, id",
        args: vec![secret_id.into(), now_ms.into()],
        read: read_waiver,
    }
}

fn read_waiver(row: &Row) -> Result<Waiver> {
    Ok(Waiver {
        subject: row.text("subject")?,
        actor: row.text("actor")?,
        reason: row.text("reason")?,
        created_ms: row.int("created_ms")?,
        until_ms: row.int("until_ms")?,
    })
}

/// Adds a waiver.
pub async fn waive(tx: &mut Tx, id: &str, secret_id: &str, waiver: &Waiver) -> Result<()> {
    let row = vec![
        id.into(),
        secret_id.into(),
        (&waiver.subject).into(),
        (&waiver.actor).into(),
        (&waiver.reason).into(),
        waiver.created_ms.into(),
        waiver.until_ms.into(),
    ];
    let head = "INSERT INTO waiver (id, secret_id, subject, actor, reason, created_ms, until_ms)";
    tx.insert(head, &[row], "").await?;
    rotations::stir(tx, &[secret_id]).await
}

/// A credential's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// Our id.
    pub id: String,
    /// The secret.
    pub secret_id: String,
    /// The rotation that made it, where one did.
    pub rotation_id: Option<String>,
    /// The issuer's id.
    pub issuer_ref: Option<String>,
    /// Keyed fingerprint of its main published value.
    pub fingerprint: Option<String>,
    /// `candidate`, `current`, `previous`, `disabled`, `retiring`, `refused`, `replaced`, `unknown`, `destroyed`.
    pub state: String,
    /// When we first knew of it.
    pub born_ms: i64,
    /// When it was published.
    pub published_ms: Option<i64>,
}

/// Adds a credential.
pub async fn add_credential(tx: &mut Tx, row: &CredentialRow) -> Result<()> {
    let args = vec![
        (&row.id).into(),
        (&row.secret_id).into(),
        (&row.rotation_id).into(),
        (&row.issuer_ref).into(),
        (&row.fingerprint).into(),
        (&row.state).into(),
        row.born_ms.into(),
        row.published_ms.into(),
    ];
    let head = "INSERT INTO credential (id, secret_id, rotation_id, issuer_ref, fingerprint, state, born_ms, \
         published_ms)";
    tx.insert(head, &[args], "ON CONFLICT (id) DO NOTHING")
        .await
}

/// A credential by our id.
pub async fn credential(tx: &mut Tx, id: &str) -> Result<Option<CredentialRow>> {
    let sql = "SELECT id, secret_id, rotation_id, issuer_ref, fingerprint, state, born_ms, published_ms \
         FROM credential WHERE id = $1";
    tx.row(sql, &[id.into()])
        .await?
        .map(|row| read_credential(&row))
        .transpose()
}

/// What a rotation has to know of its two credentials, as far as they are there.
pub fn known_credentials(ids: [&Option<String>; 2]) -> Query<KnownCredential> {
    Query {
        columns: "id, issuer_ref, expires_ms",
        from: "credential WHERE id IN ($1, $2)".into(),
        order: "id",
        args: ids.map(Arg::from).into(),
        read: |row| {
            Ok(KnownCredential {
                id: row.text("id")?,
                issuer_ref: row.maybe_text("issuer_ref")?,
                expires_ms: row.maybe_int("expires_ms")?,
            })
        },
    }
}

/// Every credential of a secret, newest first.
pub async fn credentials(tx: &mut Tx, secret_id: &str) -> Result<Vec<CredentialRow>> {
    let sql = "SELECT id, secret_id, rotation_id, issuer_ref, fingerprint, state, born_ms, published_ms \
         FROM credential WHERE secret_id = $1 ORDER BY born_ms DESC";
    tx.rows(sql, &[secret_id.into()])
        .await?
        .iter()
        .map(read_credential)
        .collect()
}

/// Secrets that have a credential of this id at its issuer, whichever issuer that is.
pub async fn secrets_of_issuer_ref(tx: &mut Tx, issuer_ref: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT secret_id FROM credential WHERE issuer_ref = $1 ORDER BY secret_id";
    let rows = tx.rows(sql, &[issuer_ref.into()]).await?;
    rows.iter().map(|row| row.text("secret_id")).collect()
}

fn read_credential(row: &Row) -> Result<CredentialRow> {
    Ok(CredentialRow {
        id: row.text("id")?,
        secret_id: row.text("secret_id")?,
        rotation_id: row.maybe_text("rotation_id")?,
        issuer_ref: row.maybe_text("issuer_ref")?,
        fingerprint: row.maybe_text("fingerprint")?,
        state: row.text("state")?,
        born_ms: row.int("born_ms")?,
        published_ms: row.maybe_int("published_ms")?,
    })
}

/// Of a credential that was added just now.
impl From<CredentialRow> for KnownCredential {
    fn from(row: CredentialRow) -> Self {
        Self {
            id: row.id,
            issuer_ref: row.issuer_ref,
            expires_ms: None,
        }
    }
}

/// Moves a credential to another state; an ended one gets its date.
pub async fn credential_state(tx: &mut Tx, id: &str, state: &str) -> Result<()> {
    let sql = "UPDATE credential SET state = $2, ended_ms = CASE WHEN $3 = 1 THEN $4 ELSE ended_ms END WHERE id = $1";
    let ended = matches!(state, "refused" | "replaced" | "unknown" | "destroyed");
    let now = tx.now_ms();
    tx.later(sql, &[id.into(), state.into(), ended.into(), now.into()])
        .await
}

/// Fills in what was learnt about a credential.
pub async fn credential_learnt(
    tx: &mut Tx,
    id: &str,
    issuer_ref: Option<String>,
    published_ms: Option<i64>,
) -> Result<()> {
    let sql = "UPDATE credential SET issuer_ref = COALESCE($2, issuer_ref), \
         published_ms = COALESCE($3, published_ms) WHERE id = $1";
    tx.later(sql, &[id.into(), issuer_ref.into(), published_ms.into()])
        .await
}

/// Records what a destination serves now.
pub async fn published(
    tx: &mut Tx,
    secret_id: &str,
    destination: &str,
    version: &str,
    credential: &str,
) -> Result<()> {
    let now = tx.now_ms();
    let row = vec![
        secret_id.into(),
        destination.into(),
        version.into(),
        credential.into(),
        now.into(),
    ];
    let head = "INSERT INTO published (secret_id, destination, version, credential, at_ms)";
    let tail = "ON CONFLICT (secret_id, destination) DO UPDATE SET version = excluded.version, \
         credential = excluded.credential, at_ms = excluded.at_ms";
    tx.insert(head, &[row], tail).await
}

/// The credential that a destination shows, by our own writes.
pub async fn shown(tx: &mut Tx, secret_id: &str, destination: &str) -> Result<Option<String>> {
    let sql = "SELECT credential FROM published WHERE secret_id = $1 AND destination = $2";
    tx.row(sql, &[secret_id.into(), destination.into()])
        .await?
        .map(|row| row.text("credential"))
        .transpose()
}

/// Which version carries which credential in each destination, by our own writes: destination, version, our
/// id of the credential.
pub async fn serving(tx: &mut Tx, secret_id: &str) -> Result<Vec<(String, String, String)>> {
    let sql = "SELECT destination, version, credential FROM published WHERE secret_id = $1 ORDER BY destination";
    tx.rows(sql, &[secret_id.into()])
        .await?
        .iter()
        .map(|row| {
            Ok((
                row.text("destination")?,
                row.text("version")?,
                row.text("credential")?,
            ))
        })
        .collect()
}

/// The wrapped data key of a rotation: key id and bytes.
pub async fn data_key(tx: &mut Tx, rotation: &str) -> Result<Option<(String, Vec<u8>)>> {
    let sql = "SELECT key_id, wrapped FROM data_key WHERE rotation_id = $1";
    match tx.row(sql, &[rotation.into()]).await? {
        Some(row) => Ok(Some((row.text("key_id")?, row.bytes("wrapped")?))),
        None => Ok(None),
    }
}

/// Keeps the wrapped data key; the first one stays.
pub async fn keep_data_key(
    tx: &mut Tx,
    rotation: &str,
    key_id: &str,
    wrapped: Vec<u8>,
) -> Result<()> {
    let head = "INSERT INTO data_key (rotation_id, key_id, wrapped)";
    tx.insert(
        head,
        &[vec![rotation.into(), key_id.into(), wrapped.into()]],
        "ON CONFLICT (rotation_id) DO NOTHING",
    )
    .await
}

/// Names of the values sealed for a rotation.
pub fn sealed_names(rotation: &str) -> Query<String> {
    Query {
        columns: "name",
        from: "sealed WHERE rotation_id = $1".into(),
        order: "name",
        args: vec![rotation.into()],
        read: |row| row.text("name"),
    }
}

/// Every sealed value of a rotation: name and bytes.
pub async fn sealed(tx: &mut Tx, rotation: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let sql = "SELECT name, body FROM sealed WHERE rotation_id = $1";
    let rows = tx.rows(sql, &[rotation.into()]).await?;
    rows.iter()
        .map(|row| Ok((row.text("name")?, row.bytes("body")?)))
        .collect()
}

/// Destroys one sealed value of a rotation.
pub async fn forget_sealed(tx: &mut Tx, rotation: &str, name: &str) -> Result<()> {
    let sql = "DELETE FROM sealed WHERE rotation_id = $1 AND name = $2";
    tx.run(sql, &[rotation.into(), name.into()]).await.map(drop)
}

/// Keeps sealed values; the first under a name stays, so that a value once used is never replaced.
pub async fn keep_sealed(tx: &mut Tx, rotation: &str, values: &[(String, Vec<u8>)]) -> Result<()> {
    let rows: Vec<Vec<Arg>> = values
        .iter()
        .map(|(name, body)| vec![rotation.into(), name.into(), body.clone().into()])
        .collect();
    let head = "INSERT INTO sealed (rotation_id, name, body)";
    tx.insert(head, &rows, "ON CONFLICT (rotation_id, name) DO NOTHING")
        .await
}

/// Destroys every sealed value of a rotation and the key they were sealed with.
pub async fn shred(tx: &mut Tx, rotation: &str) -> Result<()> {
    tx.later(
        "DELETE FROM sealed WHERE rotation_id = $1",
        &[rotation.into()],
    )
    .await?;
    tx.later(
        "DELETE FROM data_key WHERE rotation_id = $1",
        &[rotation.into()],
    )
    .await
    .map(drop)
}
