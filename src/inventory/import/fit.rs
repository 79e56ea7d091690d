//! Whether drafts are right among everything else: the inventory is read as if they were written already, by the
//! same rules as `keywheel check`. So a written file never has a problem that nobody was told of.

use super::text::text;
use super::{Draft, Finding, Team};
use crate::config::{Config, Problem};
use crate::inventory::folders::{Listing, list};
use crate::inventory::read::problems_listed;
use std::ops::Range;

/// Drafts that the inventory takes, and why it does not take the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// The drafts.
    pub drafts: Vec<Draft>,
    /// Their text.
    pub text: String,
    /// Why the others are not among them.
    pub findings: Vec<Finding>,
}

/// Tries drafts out in a file.
///
/// # Errors
/// The inventory has problems that are not theirs.
pub fn fitted(
    config: &Config,
    team: &Team,
    mut drafts: Vec<Draft>,
) -> Result<Fitted, Vec<Problem>> {
    let mut listing = list(config)?;
    add(&mut listing, team);
    let above = team.head().matches('\n').count();
    let mut findings = Vec::new();
    loop {
        let (text, lines) = text(&drafts, above);
        let found = tried(config, team, &listing, &text);
        if found.is_empty() {
            return Ok(Fitted {
                drafts,
                text,
                findings,
            });
        }
        // Each round takes at least one draft away, so that it ends.
        let wrong = ours(team, &found, &lines)?;
        for (index, problem) in &wrong {
            findings.push(finding(&drafts[*index], problem));
        }
        let is_wrong = |index: usize| wrong.iter().any(|(one, _)| *one == index);
        let kept = drafts.into_iter().enumerate();
        drafts = kept
            .filter(|(index, _)| !is_wrong(*index))
            .map(|(_, draft)| draft)
            .collect();
    }
}

fn add(listing: &mut Listing, team: &Team) {
    let folder = listing
        .environments
        .entry(team.environment.clone())
        .or_default();
    if !folder.teams.contains(&team.shown) {
        folder.teams.push(team.shown.clone());
        folder.teams.sort();
    }
}

fn tried(config: &Config, team: &Team, listing: &Listing, text: &str) -> Vec<Problem> {
    let whole = team.with(text);
    let load = |file: &str| match file == team.shown {
        true => Ok(whole.clone()),
        false => std::fs::read_to_string(config.base.join(file)),
    };
    problems_listed(config, listing, &load)
}

/// Each problem with the draft in whose lines it is.
fn ours<'p>(
    team: &Team,
    problems: &'p [Problem],
    lines: &[Range<usize>],
) -> Result<Vec<(usize, &'p Problem)>, Vec<Problem>> {
    let index = |problem: &Problem| {
        let line = usize::try_from(problem.line).ok()?;
        let at = lines.partition_point(|lines| lines.end <= line);
        let inside = lines.get(at)?.contains(&line);
        (problem.file == team.shown && inside).then_some(at)
    };
    let pair = |problem: &'p Problem| index(problem).map(|index| (index, problem));
    let foreign = |problem: &&Problem| index(problem).is_none();
    match problems.iter().filter(foreign).cloned().collect::<Vec<_>>() {
        others if others.is_empty() => Ok(problems.iter().filter_map(pair).collect()),
        others => Err(others),
    }
}

fn finding(draft: &Draft, problem: &Problem) -> Finding {
    Finding {
        help: problem.help.clone(),
        ..Finding::new(&draft.source, problem.message.clone())
    }
}
