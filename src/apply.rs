//! Applying the inventory's files to the journal: only differences are written, and a change that takes much
//! away is held.

use crate::config::{Config, Problem};
use crate::inventory::{Definition, Difference, Snapshot, difference, must_be_held, read};
use crate::journal::audit::{self, Entry};
use crate::journal::{self, Journal, Tx, files, secrets};
use std::collections::BTreeMap;

/// What applying did, or would do.
#[derive(Debug)]
pub struct Applied {
    /// The differences.
    pub difference: Difference,
    /// Why nothing was applied, where it takes too much away.
    pub held: Option<String>,
    /// Facts a person should know.
    pub warnings: Vec<String>,
}

/// Why the inventory was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The files.
    #[error("the inventory has {} problems", .0.len())]
    Problems(Vec<Problem>),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// Compares the files with the journal and changes nothing.
///
/// # Errors
/// The files have problems, or the journal cannot be read.
pub async fn compare(config: &Config, journal: &Journal) -> Result<Applied, ApplyError> {
    let snapshot = read(config).map_err(ApplyError::Problems)?;
    compared(&snapshot, journal).await
}

async fn compared(snapshot: &Snapshot, journal: &Journal) -> Result<Applied, ApplyError> {
    let known = journal
        .read(async |tx| secrets::definitions(tx).await)
        .await?;
    let mut found = difference(&known, &snapshot.definitions);
    found.due_at_once = 0;
    let held = must_be_held(&found, known.len());
    let warnings = snapshot.warnings.iter().map(ToString::to_string).collect();
    Ok(Applied {
        difference: found,
        held,
        warnings,
    })
}

/// Applies the files. What takes too much away is held unless `allow_retire`.
///
/// # Errors
/// The files have problems, or the journal cannot be written; then nothing was applied.
pub async fn apply(
    config: &Config,
    journal: &Journal,
    actor: &str,
    allow_retire: bool,
) -> Result<Applied, ApplyError> {
    let snapshot = read(config).map_err(ApplyError::Problems)?;
    let mut applied = compared(&snapshot, journal).await?;
    if allow_retire {
        applied.held = None;
    }
    if applied.held.is_none() {
        let (summary, actor) = (applied.difference.to_string(), actor.to_owned());
        let retired: Vec<String> = applied
            .difference
            .retired
            .iter()
            .map(ToString::to_string)
            .collect();
        journal
            .write(async move |tx| write(tx, &snapshot, &retired, &actor, &summary).await)
            .await?;
    }
    Ok(applied)
}

async fn write(
    tx: &mut Tx,
    snapshot: &Snapshot,
    retired: &[String],
    actor: &str,
    summary: &str,
) -> journal::Result<()> {
    let known: BTreeMap<String, Definition> = secrets::definitions(tx)
        .await?
        .into_iter()
        .map(|d| (d.id.to_string(), d))
        .collect();
    let changed: Vec<Definition> = snapshot
        .definitions
        .iter()
        .filter(|definition| known.get(definition.id.as_str()) != Some(definition))
        .cloned()
        .collect();
    secrets::apply(tx, &changed).await?;
    secrets::retire(tx, retired).await?;
    files::replace(tx, &snapshot.files).await?;
    files::replace_owners(tx, &snapshot.owners).await?;
    if changed.is_empty() && retired.is_empty() {
        return Ok(());
    }
    let entry = Entry {
        actor: actor.to_owned(),
        action: "inventory".to_owned(),
        outcome: "applied".to_owned(),
        detail: summary.to_owned(),
        ..Entry::default()
    };
    audit::append_apart(tx, "", entry).await
}

/// Reads the files again on behalf of a running daemon: whatever is wrong with them, the last good inventory
/// stays in force, and the log says so.
pub async fn reload(config: &Config, journal: &Journal) {
    match apply(config, journal, "daemon", false).await {
        Ok(Applied {
            held: Some(why), ..
        }) => {
            tracing::error!(
                "the inventory was NOT applied: {why}; the last good one stays in force"
            );
        }
        Ok(applied) if applied.difference.is_empty() => {}
        Ok(applied) => tracing::info!("inventory applied: {}", applied.difference),
        Err(ApplyError::Problems(problems)) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            tracing::error!(
                "the inventory was NOT applied ({} problems); the last good one stays in force",
                problems.len()
            );
        }
        Err(ApplyError::Journal(error)) => {
            tracing::error!(%error, "the inventory was NOT applied; the last good one stays in force");
        }
    }
}
