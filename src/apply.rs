//! Applying the inventory's files to the journal: only files that changed are read, only differences are written,
//! and a change that takes much away is held.
//!
//! First everything is looked at and nothing written, file by file. Only where no file has a problem is it written,
//! each file in a transaction of its own: never more than one file is held in memory, a daemon at work waits for one
//! file at most, and what a crash leaves out is found and applied by the next start.

mod review;
mod spread;
mod write;

use crate::config::{Config, Problem};
use crate::inventory::{Difference, Sources, Tally, must_be_held, problems};
use crate::journal::{self, Journal};
use keywheel_schedules::Spread;
use review::{Detail, Review, review};

/// What applying did, or would do.
#[derive(Debug)]
pub struct Applied {
    /// How much differs.
    pub difference: Tally,
    /// What differs, where it was only compared.
    pub detail: Difference,
    /// Why nothing was applied, where it takes too much away.
    pub held: Option<String>,
    /// Facts a person should know of the files that changed.
    pub warnings: Vec<String>,
    /// How many secrets were given a first start by a spread.
    pub first_starts: usize,
}

/// What a person allows or asks for beside the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Also takes many secrets out of service at once.
    pub allow_retire: bool,
    /// Spreads first starts, so that going live starts nothing at once.
    pub spread: Option<Spread>,
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

/// Compares the files with the journal and changes nothing. Holds every difference, for a person to read.
///
/// # Errors
/// The files have problems, or the journal cannot be read.
pub async fn compare(config: &Config, journal: &Journal) -> Result<Applied, ApplyError> {
    let sources = Sources::open(config).map_err(ApplyError::Problems)?;
    let review = reviewed(config, &sources, journal, Detail::Kept, None).await?;
    Ok(told(&sources, &review))
}

/// Applies the files. What takes too much away is held unless that is allowed.
///
/// # Errors
/// The files have problems, or a spread is longer than a period: then nothing was applied. The journal cannot be written, or a file was edited
/// meanwhile: then some files may have been applied, and applying again does the rest.
pub async fn apply(
    config: &Config,
    journal: &Journal,
    actor: &str,
    wishes: Wishes,
) -> Result<Applied, ApplyError> {
    let sources = Sources::open(config).map_err(ApplyError::Problems)?;
    let spread = wishes.spread;
    let review = reviewed(config, &sources, journal, Detail::Counted, spread).await?;
    let mut applied = told(&sources, &review);
    if wishes.allow_retire {
        applied.held = None;
    }
    if applied.held.is_none() {
        applied.first_starts = write::write(&sources, &review, journal, actor, spread).await?;
    }
    Ok(applied)
}

/// Looks at what changed. Whatever may be wrong is told by reading all files: only so is every problem told at once,
/// with both places where two files contradict each other.
async fn reviewed<'a>(
    config: &Config,
    sources: &'a Sources<'_>,
    journal: &Journal,
    detail: Detail,
    spread: Option<Spread>,
) -> Result<Review<'a>, ApplyError> {
    let review = review(sources, journal, detail, spread).await?;
    if review.is_sound && !review.is_suspicious() {
        return match review.too_short.is_empty() {
            true => Ok(review),
            false => Err(ApplyError::Problems(review.too_short)),
        };
    }
    let mut found = problems(config);
    if found.is_empty() && !review.is_sound {
        let message = "was edited while it was read; apply it again";
        found.push(Problem::whole("inventory", message));
    }
    match found.is_empty() {
        true => Ok(review),
        false => Err(ApplyError::Problems(found)),
    }
}

fn told(sources: &Sources<'_>, review: &Review<'_>) -> Applied {
    let warnings = sources.warnings.iter().chain(&review.warnings);
    Applied {
        difference: review.tally.clone(),
        detail: review.detail.clone(),
        held: must_be_held(review.tally.retired, review.total),
        warnings: warnings.map(ToString::to_string).collect(),
        first_starts: 0,
    }
}

/// Reads the files again on behalf of a running daemon: whatever is wrong with them, the last good inventory
/// stays in force, and the log says so.
pub async fn reload(config: &Config, journal: &Journal) {
    match apply(config, journal, "daemon", Wishes::default()).await {
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
