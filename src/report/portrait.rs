//! Everything about one secret: what `keywheel show` and its page tell.

use super::calendar::{Stage, stages};
use super::runs::{RunItem, run_item};
use super::status::{self, Item, Line};
use super::when::rfc3339;
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::overview::{self, RunLine};
use crate::journal::{Result, Tx, secrets};
use crate::rotation::facts::Evidence;
use serde::Serialize;

/// One secret.
#[derive(Debug, Clone, Serialize)]
pub struct Portrait {
    /// As status says it.
    #[serde(flatten)]
    pub item: Item,
    /// What breaks when it does.
    pub impact: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Key and kind of the issuer.
    pub issuer: Option<String>,
    /// When the scheduler acts.
    pub starts_at: Option<String>,
    /// Why then.
    pub start_reason: String,
    /// Where it is written.
    pub written_at: Option<String>,
    /// What a rotation would do.
    pub plan: Vec<Stage>,
    /// Credentials, newest first; never values.
    pub credentials: Vec<CredentialItem>,
    /// The last answer of each instance.
    pub instances: Vec<InstanceItem>,
    /// The last five rotations, newest first.
    pub history: Vec<RunItem>,
    /// The row and the rotation under way, for screens.
    #[serde(skip)]
    pub line: Line,
    /// The last five rotations as rows, for screens.
    #[serde(skip)]
    pub runs: Vec<RunLine>,
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialItem {
    /// Our id.
    pub credential: String,
    /// The issuer's id.
    pub issuer_ref: Option<String>,
    /// What became of it.
    pub state: String,
    /// When we first knew of it.
    pub born_at: String,
    /// When it was published.
    pub published_at: Option<String>,
}

/// One instance's last answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceItem {
    /// The consumer.
    pub consumer: String,
    /// Which running copy.
    pub instance: String,
    /// Our id of the credential it holds, `other` or `unknown`.
    pub holding: String,
    /// How we know.
    pub evidence: String,
    /// When.
    pub seen_at: String,
    /// A sentence.
    pub detail: String,
}

const CREDENTIALS: usize = 6;
const RUNS: usize = 5;

/// The portrait of a secret that the journal knows, retired or not.
///
/// # Errors
/// The journal cannot be read.
pub async fn portrait(tx: &mut Tx, id: &str) -> Result<Option<Portrait>> {
    let Some(secret) = secrets::by_id(tx, id).await? else {
        return Ok(None);
    };
    let lines = status::lines(tx, &[id.to_owned()]).await?;
    let Some(line) = lines.into_iter().next() else {
        return Ok(None);
    };
    let Some(item) = status::fill(tx, std::slice::from_ref(&line)).await?.pop() else {
        return Ok(None);
    };
    let definition = secrets::definition(tx, id).await?;
    let now = tx.now_ms();
    let runs = overview::latest(tx, id, RUNS as i64).await?;
    let evidence = match runs.first() {
        Some(run) => tx.all(ledger::evidence(&run.id)).await?,
        None => Vec::new(),
    };
    let credentials = ledger::credentials(tx, id).await?;
    Ok(Some(Portrait {
        item,
        impact: definition.as_ref().and_then(|one| one.impact.clone()),
        tags: secret.tags.split_whitespace().map(str::to_owned).collect(),
        issuer: definition
            .as_ref()
            .map(|one| format!("{} ({})", one.issuer.name, one.issuer.kind)),
        starts_at: secret.start_ms.map(rfc3339),
        start_reason: secret.start_reason,
        written_at: definition
            .as_ref()
            .map(|one| format!("{}:{}", one.origin.file, one.origin.line)),
        plan: definition.as_ref().map(stages).unwrap_or_default(),
        credentials: credentials
            .into_iter()
            .take(CREDENTIALS)
            .map(credential)
            .collect(),
        instances: evidence.into_iter().map(instance).collect(),
        history: runs.iter().map(|run| run_item(run, &[], now)).collect(),
        line,
        runs,
    }))
}

fn credential(row: CredentialRow) -> CredentialItem {
    CredentialItem {
        credential: row.id,
        issuer_ref: row.issuer_ref,
        state: row.state,
        born_at: rfc3339(row.born_ms),
        published_at: row.published_ms.map(rfc3339),
    }
}

fn instance(one: Evidence) -> InstanceItem {
    InstanceItem {
        consumer: one.consumer,
        instance: one.instance,
        holding: one.holding,
        evidence: one.strength.word().to_owned(),
        seen_at: rfc3339(one.at_ms),
        detail: one.detail,
    }
}
