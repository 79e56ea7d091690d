//! How every secret stands, worst first.
//!
//! One walk over narrow rows sorts ids by health. Of many secrets only the worst are shown, and the database passes
//! over those of which there is nothing to say, so that memory does not grow with the inventory. Everything else is
//! looked up page by page for what is shown.

mod fill;
pub(super) mod health;
mod item;

pub use fill::fill;
pub use health::{Health, health};
pub use item::{Ask, ConsumerItem, DestinationItem, Item, RotationItem, Standby, WaitItem};

use super::select::Selection;
use crate::journal::overview::{self, RunLine, SecretLine};
use crate::journal::{Result, Tx, enrol, secrets};
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
    /// Ids of what is shown, worst first, then by id.
    pub shown: Vec<(Health, String)>,
    /// How many of each health were counted and are not shown.
    pub hidden: BTreeMap<Health, usize>,
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

/// Walks over the journal. Of more than `shown_max` secrets the worst are shown, and none that is calm.
///
/// # Errors
/// The journal cannot be read.
pub async fn overview(tx: &mut Tx, selection: &Selection, shown_max: usize) -> Result<Overview> {
    let mut gathered = Gathered::new(shown_max);
    let total = match selection.is_empty() && shown_max != usize::MAX {
        true => enrol::count(tx).await?,
        false => 0,
    };
    let few = total <= shown_max;
    let now = tx.now_ms();
    let reported = overview::reported(tx).await?;
    let mut after = String::new();
    loop {
        let page = match few {
            true => overview::secrets(tx, &after, PAGE).await?,
            false => overview::restless(tx, &after, PAGE).await?,
        };
        let Some(last) = page.last().map(|secret| secret.id.clone()) else {
            break;
        };
        let mut runs = by_secret(overview::unfinished(tx, &after, &last).await?);
        after = last;
        for secret in meant(tx, selection, page).await? {
            let run = runs.remove(&secret.id);
            gathered.add(&line(secret, run, &reported, now), now);
        }
    }
    let passed_over = total.saturating_sub(gathered.overview.total());
    gathered.calm(Health::Ok, passed_over);
    Ok(gathered.done())
}

/// How these secrets stand, at most 500 of them, in the order of the ids; unknown ones are left out.
///
/// # Errors
/// The journal cannot be read.
pub async fn lines(tx: &mut Tx, ids: &[String]) -> Result<Vec<Line>> {
    let now = tx.now_ms();
    let reported = overview::reported(tx).await?;
    let mut runs = by_secret(overview::unfinished_of(tx, ids).await?);
    let found = overview::secrets_by_id(tx, ids).await?;
    let mut found: BTreeMap<String, SecretLine> = found
        .into_iter()
        .map(|secret| (secret.id.clone(), secret))
        .collect();
    let secrets = ids.iter().filter_map(|id| found.remove(id));
    let lines = secrets.map(|secret| {
        let run = runs.remove(&secret.id);
        line(secret, run, &reported, now)
    });
    Ok(lines.collect())
}

/// The newest where there are two: they come newest last.
fn by_secret(runs: Vec<RunLine>) -> BTreeMap<String, RunLine> {
    let runs = runs.into_iter();
    runs.map(|run| (run.secret_id.clone(), run)).collect()
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

struct Gathered {
    overview: Overview,
    shown_max: usize,
}

impl Gathered {
    fn new(shown_max: usize) -> Self {
        Self {
            overview: Overview::default(),
            shown_max,
        }
    }

    fn add(&mut self, line: &Line, now_ms: i64) {
        *self.overview.counts.entry(line.health).or_default() += 1;
        let late = line.secret.next_rotation_ms.is_some_and(|due| due < now_ms);
        self.overview.overdue += usize::from(late && line.secret.retired_ms.is_none());
        let id = line.secret.id.clone();
        self.overview.shown.push((line.health, id));
        if self.overview.shown.len() / 2 > self.shown_max {
            self.hide();
        }
    }

    /// Counts calm secrets without showing them.
    fn calm(&mut self, health: Health, count: usize) {
        if count > 0 {
            *self.overview.counts.entry(health).or_default() += count;
            *self.overview.hidden.entry(health).or_default() += count;
        }
    }

    /// Leaves the worst, so that memory does not grow with the inventory.
    fn hide(&mut self) {
        self.overview.shown.sort();
        let calm_from = self
            .overview
            .shown
            .partition_point(|(health, _)| !health.is_calm());
        let rest = self.overview.shown.split_off(calm_from.min(self.shown_max));
        for (health, _) in rest {
            *self.overview.hidden.entry(health).or_default() += 1;
        }
    }

    fn done(mut self) -> Overview {
        let few = self.overview.total() <= self.shown_max;
        match few {
            true => self.overview.shown.sort(),
            false => self.hide(),
        }
        self.overview
    }
}

#[cfg(test)]
mod tests {
    use super::{Gathered, Health, Line};
    use crate::journal::overview::SecretLine;
    use Health::{Blocked, Ok, Overdue};

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

    fn gathered(overdue: usize, calm: usize, shown_max: usize) -> super::Overview {
        let mut gathered = Gathered::new(shown_max);
        for id in 0..calm {
            gathered.add(&line(id, Ok), 0);
        }
        for id in 0..overdue {
            gathered.add(&line(calm + id, Overdue), 0);
        }
        gathered.add(&line(9_999, Blocked), 0);
        gathered.done()
    }

    #[test]
    fn few_are_all_shown_worst_first() {
        let overview = gathered(1, 3, 200);
        let shown: Vec<Health> = overview.shown.iter().map(|(health, _)| *health).collect();
        assert_eq!(shown, [Blocked, Overdue, Ok, Ok, Ok]);
        assert_eq!((overview.hidden.len(), overview.total()), (0, 5));
    }

    #[test]
    fn of_many_the_calm_ones_are_counted_only() {
        for calm in [199, 200, 1_000] {
            let overview = gathered(1, calm, 200);
            assert_eq!(overview.shown.len(), 2, "{calm}");
            assert_eq!(overview.hidden, [(Ok, calm)].into());
            assert_eq!(overview.total(), calm + 2);
        }
        let all = gathered(1, 1_000, usize::MAX);
        assert_eq!((all.shown.len(), all.hidden.len()), (1_002, 0));
    }

    #[test]
    fn of_many_that_are_not_calm_the_worst_are_shown() {
        let overview = gathered(1_000, 50, 200);
        assert_eq!(overview.shown.len(), 200);
        assert_eq!(overview.shown[0].0, Blocked);
        assert_eq!(overview.hidden, [(Overdue, 801), (Ok, 50)].into());
        assert_eq!(overview.total(), 1_051);
    }
}
