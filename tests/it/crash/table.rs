//! What the sweep has visited, as a table: kinds of effect by windows, then everything else.

use super::rig::Outcome;
use super::world::{Loss, Lost};
use keywheel::rotation::words::{KINDS, Kind};
use keywheel::seam::{Seam, WINDOWS, Window};
use std::collections::BTreeMap;
use std::fmt;

const LOSSES: [Lost; 3] = [Lost::Answer, Lost::Call, Lost::Late];
/// Seams that are not around an effect.
const OTHERS: [Seam; 5] = [
    Seam::Leased,
    Seam::Claiming,
    Seam::Claimed,
    Seam::Sequencing,
    Seam::Sequenced,
];

/// Deaths and losses, by where, and what was wrong afterwards.
#[derive(Default)]
pub(crate) struct Table {
    runs: usize,
    /// Runs in vain, for a real call outlasted the patience of the engine; each was run again.
    repeated: usize,
    deaths: BTreeMap<(Kind, Window), usize>,
    others: BTreeMap<Seam, usize>,
    losses: BTreeMap<(Kind, Lost), usize>,
    /// Second deaths run, and those there are.
    pub(crate) pairs: (usize, usize),
    pub(crate) violations: Vec<String>,
}

impl Table {
    /// How much was run, for a line.
    pub(crate) fn counts(&self) -> String {
        let (pairs, violations) = (self.pairs.0, self.violations.len());
        format!(
            "{} runs, {pairs} second deaths, {violations} violations, {} repeated for an answer that took too long",
            self.runs, self.repeated
        )
    }

    /// Adds one run.
    pub(crate) fn add(&mut self, label: &str, loss: Option<&Loss>, outcome: &Outcome) {
        self.runs += 1;
        self.repeated += outcome.repeated;
        for seam in &outcome.died {
            match seam {
                Seam::Effect { kind, window, .. } => {
                    *self.deaths.entry((*kind, *window)).or_default() += 1;
                }
                other => *self.others.entry(other.clone()).or_default() += 1,
            }
        }
        if let Some(loss) = loss {
            *self.losses.entry((loss.kind, loss.how)).or_default() += 1;
        }
        let told = outcome
            .violations
            .iter()
            .map(|text| format!("{label}: {text}"));
        self.violations.extend(told);
    }

    /// Cells that nothing died in.
    pub(crate) fn unvisited(&self) -> Vec<String> {
        let around = KINDS
            .into_iter()
            .flat_map(|kind| WINDOWS.map(|window| (kind, window)))
            .filter(|cell| !self.deaths.contains_key(cell))
            .map(|(kind, window)| format!("{} {window:?}", kind.word()));
        let others = OTHERS
            .into_iter()
            .filter(|seam| !self.others.contains_key(seam))
            .map(|seam| seam.name());
        around.chain(others).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}", "died at")?;
        for window in WINDOWS {
            write!(f, "{:>10}", format!("{window:?}").to_lowercase())?;
        }
        for loss in LOSSES {
            write!(f, "{:>13}", format!("lost {loss:?}").to_lowercase())?;
        }
        writeln!(f)?;
        for kind in KINDS {
            write!(f, "{:<26}", kind.word())?;
            for window in WINDOWS {
                write!(f, "{:>10}", self.deaths.get(&(kind, window)).unwrap_or(&0))?;
            }
            for loss in LOSSES {
                write!(f, "{:>13}", self.losses.get(&(kind, loss)).unwrap_or(&0))?;
            }
            writeln!(f)?;
        }
        for seam in OTHERS {
            writeln!(
                f,
                "{:<26}{:>10}",
                seam.name(),
                self.others.get(&seam).unwrap_or(&0)
            )?;
        }
        let (run, all) = self.pairs;
        writeln!(
            f,
            "pairs: {run} of {all}, one for every fourth first death, chosen by its place in the list"
        )?;
        write!(
            f,
            "runs: {}, violations: {}",
            self.runs,
            self.violations.len()
        )
    }
}
