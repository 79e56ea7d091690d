//! How every secret stands, worst first.
//!
//! One walk over narrow rows sorts secrets by health. What is calm is only counted unless it is to be shown, so
//! that memory grows with what needs attention and not with the inventory. Destinations, consumers and the old
//! credential are looked up page by page for what is shown, and for nothing else.

mod fill;
pub(super) mod health;
mod item;

pub use fill::fill;
pub use health::{Health, health};
pub use item::{Ask, ConsumerItem, DestinationItem, Item, RotationItem, WaitItem};

use super::select::Selection;
use crate::journal::overview::{self, RunLine, SecretLine};
use crate::journal::{Result, Tx, secrets};
use std::collections::{BTreeMap, BTreeSet};

/// Rows read at a time.
const PAGE: i64 = 5_000;

/// One secret and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub health: Health,
    /// Its row.
    pub secret: SecretLine,
    /// The rotation under way, the newest where there are two.
    pub run: Option<RunLine>,
}

/// All secrets that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// How many there are of each health.
    pub counts: BTreeMap<Health, usize>,
    /// Past due, whatever their health.
    pub overdue: usize,
    /// What is shown, worst first, then by id.
    pub lines: Vec<Line>,
    /// Calm ones that were counted and are not among the lines.
    pub hidden: usize,
}

impl Overview {
    /// How many secrets were asked for.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether anything needs a person.
    pub fn needs_attention(&self) -> bool {
        self.counts.keys().any(|health| health.needs_attention())
    }
}

/// Walks over the journal. Calm secrets are shown while there are at most `calm_max` secrets shown in all.
///
/// # Errors
/// The journal cannot be read.
pub async fn overview(tx: &mut Tx, selection: &Selection, calm_max: usize) -> Result<Overview> {
    let now = tx.now_ms();
    let mut runs: BTreeMap<String, RunLine> = overview::unfinished(tx)
        .await?
        .into_iter()
        .map(|run| (run.secret_id.clone(), run))
        .collect();
    let reported = overview::reported(tx).await?;
    let mut gathered = Gathered::default();
    let mut after = String::new();
    loop {
        let page = overview::secrets(tx, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        let page = meant(tx, selection, page).await?;
        for secret in page {
            let run = runs.remove(&secret.id);
            gathered.add(line(secret, run, &reported, now), now, calm_max);
        }
    }
    Ok(gathered.done())
}

/// Retired secrets are shown only where they are named.
async fn meant(
    tx: &mut Tx,
    selection: &Selection,
    page: Vec<SecretLine>,
) -> Result<Vec<SecretLine>> {
    let is_meant = |secret: &SecretLine| {
        let named = !selection.names.is_empty() || secret.retired_ms.is_none();
        named
            && selection.names_id(&secret.id)
            && selection.lets_through(&secret.environment, &secret.owner, &secret.tags)
    };
    let page: Vec<SecretLine> = page.into_iter().filter(is_meant).collect();
    if !selection.asks_definition() {
        return Ok(page);
    }
    let mut kept = Vec::new();
    for chunk in page.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(|secret| secret.id.clone()).collect();
        let uses = secrets::uses(tx, &ids).await?;
        let is_used = |secret: &&SecretLine| {
            uses.get(&secret.id)
                .is_some_and(|uses| selection.uses(uses))
        };
        kept.extend(chunk.iter().filter(is_used).cloned());
    }
    Ok(kept)
}

fn line(
    secret: SecretLine,
    run: Option<RunLine>,
    reported: &BTreeSet<String>,
    now_ms: i64,
) -> Line {
    let health = health(&secret, run.as_ref(), reported.contains(&secret.id), now_ms);
    Line {
        health,
        secret,
        run,
    }
}

#[derive(Default)]
struct Gathered {
    overview: Overview,
    calm: Vec<Line>,
}

impl Gathered {
    fn add(&mut self, line: Line, now_ms: i64, calm_max: usize) {
        *self.overview.counts.entry(line.health).or_default() += 1;
        let late = line.secret.next_rotation_ms.is_some_and(|due| due < now_ms);
        self.overview.overdue += usize::from(late && line.secret.retired_ms.is_none());
        if !line.health.is_calm() {
            self.overview.lines.push(line);
        } else if calm_max == usize::MAX {
            self.calm.push(line);
        } else {
            self.overview.hidden += 1;
            if self.calm.len() < calm_max {
                self.calm.push(line);
            }
        }
        let shown = self.overview.lines.len() + self.overview.hidden;
        if calm_max != usize::MAX && shown > calm_max {
            self.calm = Vec::new();
        }
    }

    fn done(mut self) -> Overview {
        if self.overview.hidden == self.calm.len() {
            self.overview.hidden = 0;
        } else if self.overview.hidden > 0 {
            self.calm.clear();
        }
        self.overview.lines.append(&mut self.calm);
        self.overview
            .lines
            .sort_by(|a, b| (a.health, &a.secret.id).cmp(&(b.health, &b.secret.id)));
        self.overview
    }
}

#[cfg(test)]
mod tests {
    use super::{Gathered, Health, Line};
    use crate::journal::overview::SecretLine;

    fn line(id: usize, health: Health) -> Line {
        let secret = SecretLine {
            id: format!("production/s{id:04}"),
            ..SecretLine::default()
        };
        Line {
            health,
            secret,
            run: None,
        }
    }

    fn gathered(calm: usize, calm_max: usize) -> super::Overview {
        let mut gathered = Gathered::default();
        for id in 0..calm {
            gathered.add(line(id, Health::Ok), 0, calm_max);
        }
        gathered.add(line(9_998, Health::Overdue), 0, calm_max);
        gathered.add(line(9_999, Health::Blocked), 0, calm_max);
        gathered.done()
    }

    #[test]
    fn few_are_all_shown_worst_first() {
        let overview = gathered(3, 200);
        let shown: Vec<Health> = overview.lines.iter().map(|line| line.health).collect();
        use Health::{Blocked, Ok, Overdue};
        assert_eq!(shown, [Blocked, Overdue, Ok, Ok, Ok]);
        assert_eq!((overview.hidden, overview.total()), (0, 5));
    }

    #[test]
    fn of_many_the_calm_ones_are_counted_only() {
        for calm in [199, 200, 1_000] {
            let overview = gathered(calm, 200);
            assert_eq!(overview.lines.len(), 2, "{calm}");
            assert_eq!((overview.hidden, overview.total()), (calm, calm + 2));
        }
        let all = gathered(1_000, usize::MAX);
        assert_eq!((all.lines.len(), all.hidden), (1_002, 0));
    }
}
