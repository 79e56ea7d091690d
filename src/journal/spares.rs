//! Spare credentials: made ahead by a person, sealed, tried now and then, each taken once.

use super::bundle::Query;
use super::error::Result;
use super::ledger;
use super::sql::{Arg, Row, Tx, marks};

/// A spare that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    /// Ours; its value is sealed under it.
    pub id: String,
    /// The secret.
    pub secret_id: String,
    /// The issuer's id.
    pub issuer_ref: String,
    /// Keyed fingerprint of the value that the main destination would show.
    pub fingerprint: String,
    /// When it was added, epoch milliseconds.
    pub added_ms: i64,
    /// Who added it.
    pub added_by: String,
    /// When it was last known to work, epoch milliseconds.
    pub tested_ms: Option<i64>,
}

/// Why a spare is no longer ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It became the candidate of a rotation.
    Taken,
    /// Its issuer refuses it.
    Dead,
    /// A person took it out.
    Removed,
}

/// Every end.
pub const ENDS: [End; 3] = [End::Taken, End::Dead, End::Removed];

impl End {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Dead => "dead",
            Self::Removed => "removed",
        }
    }
}

const COLUMNS: &str = "id, secret_id, issuer_ref, fingerprint, added_ms, added_by, tested_ms";

impl Spare {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            secret_id: row.text("secret_id")?,
            issuer_ref: row.text("issuer_ref")?,
            fingerprint: row.text("fingerprint")?,
            added_ms: row.int("added_ms")?,
            added_by: row.text("added_by")?,
            tested_ms: row.maybe_int("tested_ms")?,
        })
    }
}

/// Adds one, to be tried again at `test_ms`.
pub async fn add(tx: &mut Tx, spare: &Spare, test_ms: i64) -> Result<()> {
    let row = vec![
        (&spare.id).into(),
        (&spare.secret_id).into(),
        (&spare.issuer_ref).into(),
        (&spare.fingerprint).into(),
        "ready".into(),
        spare.added_ms.into(),
        (&spare.added_by).into(),
        spare.tested_ms.into(),
        test_ms.into(),
    ];
    let head = "INSERT INTO spare (id, secret_id, issuer_ref, fingerprint, state, added_ms, added_by, tested_ms, test_ms)";
    tx.insert(head, &[row], "").await
}

/// Those of a secret that are ready, the oldest first.
pub fn ready(secret_id: &str) -> Query<Spare> {
    of_secrets(vec![secret_id.into()])
}

/// Those of these secrets, at most 500 of them, by secret, the oldest first.
pub async fn ready_of(tx: &mut Tx, ids: &[String]) -> Result<Vec<Spare>> {
    tx.all(of_secrets(ids.iter().map(Arg::from).collect()))
        .await
}

fn of_secrets(ids: Vec<Arg>) -> Query<Spare> {
    Query {
        columns: COLUMNS,
        from: format!(
            "spare WHERE secret_id IN ({}) AND state = 'ready'",
            marks(ids.len())
        ),
        order: "secret_id, added_ms, id",
        args: ids,
        read: Spare::read,
    }
}

/// One, where it is ready.
pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Spare>> {
    let sql = format!("SELECT {COLUMNS} FROM spare WHERE id = $1 AND state = 'ready'");
    let row = tx.row(sql, &[id.into()]).await?;
    row.as_ref().map(Spare::read).transpose()
}

/// Ends a ready spare; its sealed value is gone after it. `false` where somebody else did before.
pub async fn end(tx: &mut Tx, id: &str, end: End, detail: &str) -> Result<bool> {
    let sql = "UPDATE spare SET state = $2, detail = $3 WHERE id = $1 AND state = 'ready'";
    if tx
        .run(sql, &[id.into(), end.word().into(), detail.into()])
        .await?
        == 0
    {
        return Ok(false);
    }
    ledger::shred(tx, id).await?;
    Ok(true)
}

/// It works, and is tried again at `test_ms`.
pub async fn works(tx: &mut Tx, id: &str, test_ms: i64) -> Result<()> {
    let sql = "UPDATE spare SET tested_ms = $2, test_ms = $3 WHERE id = $1 AND state = 'ready'";
    let args = [id.into(), tx.now_ms().into(), test_ms.into()];
    tx.run(sql, &args).await.map(drop)
}

/// One that is to be tried now, put off to `until_ms` so that no other replica tries it too.
pub async fn take_due(tx: &mut Tx, until_ms: i64) -> Result<Option<Spare>> {
    let sql = format!(
        "UPDATE spare SET test_ms = $2 WHERE state = 'ready' AND test_ms <= $1 AND id = \
         (SELECT id FROM spare WHERE state = 'ready' AND test_ms <= $1 ORDER BY test_ms LIMIT 1) RETURNING {COLUMNS}"
    );
    let row = tx.row(sql, &[tx.now_ms().into(), until_ms.into()]).await?;
    row.as_ref().map(Spare::read).transpose()
}

/// Whether this value was ever a credential of the secret, or is a spare of it. One that was taken out may come again:
/// it may have looked dead because its issuer was set up wrongly.
pub async fn is_known(tx: &mut Tx, secret_id: &str, fingerprint: &str) -> Result<bool> {
    let sql = "SELECT id FROM spare WHERE secret_id = $1 AND fingerprint = $2 AND state IN ('ready', 'taken') UNION \
         SELECT id FROM credential WHERE secret_id = $1 AND fingerprint = $2 LIMIT 1";
    let row = tx.row(sql, &[secret_id.into(), fingerprint.into()]).await?;
    Ok(row.is_some())
}

/// Whether the issuer's id names a spare of the secret, or a credential of it that has not ended.
pub async fn is_named(tx: &mut Tx, secret_id: &str, issuer_ref: &str) -> Result<bool> {
    let sql = "SELECT id FROM spare WHERE secret_id = $1 AND issuer_ref = $2 AND state = 'ready' UNION \
         SELECT id FROM credential WHERE secret_id = $1 AND issuer_ref = $2 AND ended_ms IS NULL LIMIT 1";
    let row = tx.row(sql, &[secret_id.into(), issuer_ref.into()]).await?;
    Ok(row.is_some())
}

/// Ends every ready spare of these secrets; at most 500 of them.
pub async fn end_all(tx: &mut Tx, ids: &[String], how: End, detail: &str) -> Result<()> {
    for spare in ready_of(tx, ids).await? {
        end(tx, &spare.id, how, detail).await?;
    }
    Ok(())
}

/// A secret with fewer spares than its inventory wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Low {
    /// The secret.
    pub secret_id: String,
    /// How many are ready.
    pub ready: i64,
    /// How many should be.
    pub wanted: i64,
}

/// Such secrets, by id.
pub async fn low(tx: &mut Tx, limit: i64) -> Result<Vec<Low>> {
    let sql = "SELECT id, standby, ready FROM (SELECT secret.id, secret.standby, (SELECT COUNT(*) FROM spare \
         WHERE spare.secret_id = secret.id AND spare.state = 'ready') AS ready FROM secret \
         WHERE secret.standby > 0 AND secret.retired_ms IS NULL) AS counted WHERE ready < standby ORDER BY id LIMIT $1";
    let read = |row: &Row| {
        Ok(Low {
            secret_id: row.text("id")?,
            ready: row.int("ready")?,
            wanted: row.int("standby")?,
        })
    };
    tx.rows(sql, &[limit.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}
