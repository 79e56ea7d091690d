//! What applying would do: looks at every file that changed, one at a time, and writes nothing.

use super::spread;
use crate::config::Problem;
use crate::inventory::{Crowd, Definition, Difference, Sources, Tally, Team, TeamFile};
use crate::inventory::{difference, mark_of};
use crate::journal::files::{self, AppliedFile};
use crate::journal::{Journal, Result, Tx, enrol, environments, secrets};
use keywheel_schedules::Spread;
use std::collections::{BTreeMap, BTreeSet};

/// Definitions, or marks of files, asked for at a time.
const BATCH: usize = 500;

/// What is to be known of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Detail {
    /// How many there are.
    #[default]
    Counted,
    /// Each of them.
    Kept,
}

/// Everything that writing has to know, and no definition.
#[derive(Default)]
pub(super) struct Review<'a> {
    /// Files whose text, or what it is layered over, is not what was applied.
    pub(super) changed: Vec<Changed<'a>>,
    /// Files that were applied and are gone.
    pub(super) gone: Vec<String>,
    /// Whether a file that is no team file differs from what was applied.
    pub(super) around_differs: bool,
    /// How much differs.
    pub(super) tally: Tally,
    /// What differs, where that is kept.
    pub(super) detail: Difference,
    keeps: Detail,
    /// Secrets in service before, where the number matters.
    pub(super) total: usize,
    pub(super) warnings: Vec<Problem>,
    /// Whether no file that was looked at has a problem.
    pub(super) is_sound: bool,
    /// Secrets whose period is shorter than the spread that would give them a first start.
    pub(super) too_short: Vec<Problem>,
    spread: Option<Spread>,
    unchanged: Vec<String>,
    crowd: Crowd,
    renamed: BTreeSet<String>,
}

/// A file to be applied.
pub(super) struct Changed<'a> {
    pub(super) file: TeamFile<'a>,
    pub(super) hash: String,
    /// Whether a secret of it differs, or only what surrounds them.
    pub(super) differs: bool,
}

/// Looks at the files.
pub(super) async fn review<'a>(
    sources: &'a Sources<'_>,
    journal: &Journal,
    keeps: Detail,
    spread: Option<Spread>,
) -> Result<Review<'a>> {
    let (applied, mut before, limits) = journal
        .read(async |tx| {
            let limits = environments::limits(tx).await?;
            Ok((files::applied(tx).await?, enrol::files(tx).await?, limits))
        })
        .await?;
    let mut review = Review {
        around_differs: limits != sources.limits,
        is_sound: sources.is_sound,
        keeps,
        spread,
        ..Review::default()
    };
    for file in sources.teams() {
        if !review.is_sound {
            return Ok(review);
        }
        review
            .look(sources, file, applied.get(file.path), journal)
            .await?;
    }
    before.extend(applied.keys().cloned());
    review.close(sources, &applied, before);
    review.look_elsewhere(journal).await?;
    if review.changed.is_empty() && review.gone.is_empty() {
        return Ok(review);
    }
    review.meet(journal).await?;
    review.count_retired(journal).await?;
    Ok(review)
}

impl<'a> Review<'a> {
    /// Whether files may contradict each other.
    pub(super) fn is_suspicious(&self) -> bool {
        self.crowd.is_suspicious()
    }

    async fn look(
        &mut self,
        sources: &Sources<'_>,
        file: TeamFile<'a>,
        applied: Option<&AppliedFile>,
        journal: &Journal,
    ) -> Result<()> {
        let Ok((text, hash)) = sources.text(file) else {
            self.is_sound = false;
            return Ok(());
        };
        if applied.is_some_and(|known| known.hash == hash && known.around == file.around) {
            self.unchanged.push(file.path.to_owned());
            return Ok(());
        }
        let team = sources.team(file, &text);
        self.is_sound &= team.is_sound;
        if let Some(over) = self.spread {
            let found = spread::too_short(journal, &team.definitions, over).await?;
            self.too_short.extend(found);
        }
        let (found, is_same) = compared(journal, file.path, &team.definitions).await?;
        let renamed = found.renamed.iter().map(|(former, _)| former.to_string());
        self.renamed.extend(renamed);
        self.tally.add(&found);
        if self.keeps == Detail::Kept {
            self.detail.extend(found);
        }
        let Team {
            marks, warnings, ..
        } = team;
        self.crowd.add(marks);
        self.warnings.extend(warnings);
        let marks_stand = applied.is_some_and(|known| file.is_of_version(&known.around));
        self.changed.push(Changed {
            file,
            hash,
            differs: !(is_same && marks_stand),
        });
        Ok(())
    }

    async fn look_elsewhere(&mut self, journal: &Journal) -> Result<()> {
        let Some(over) = self.spread else {
            return Ok(());
        };
        let changed = self.changed.iter().map(|changed| changed.file.path);
        let read: BTreeSet<&str> = changed
            .chain(self.gone.iter().map(String::as_str))
            .collect();
        let found = spread::too_short_elsewhere(journal, &read, over).await?;
        self.too_short.extend(found);
        Ok(())
    }

    fn close(
        &mut self,
        sources: &Sources<'_>,
        applied: &BTreeMap<String, AppliedFile>,
        before: Vec<String>,
    ) {
        let there: BTreeSet<&str> = sources
            .teams()
            .map(|file| file.path)
            .chain(sources.files.iter().map(|(path, _)| path.as_str()))
            .collect();
        let gone = before
            .into_iter()
            .filter(|path| !there.contains(path.as_str()));
        self.gone = gone.collect::<BTreeSet<_>>().into_iter().collect();
        let mut around = sources.files.iter();
        self.around_differs |=
            around.any(|(path, hash)| applied.get(path).is_none_or(|known| known.hash != *hash));
    }

    /// Brings what changed together with what did not.
    async fn meet(&mut self, journal: &Journal) -> Result<()> {
        self.crowd.settle();
        for batch in self.unchanged.chunks(BATCH / 10) {
            let paths = batch.to_vec();
            let marks = journal.read(async move |tx| files::marks_of(tx, &paths).await);
            self.crowd.meet(&marks.await?);
        }
        if !self.crowd.seeks() {
            return Ok(());
        }
        for batch in self.unchanged.chunks(BATCH / 10) {
            let paths = batch.to_vec();
            let marks = journal.read(async move |tx| files::marks_of(tx, &paths).await);
            self.crowd.find(&marks.await?);
        }
        Ok(())
    }

    async fn count_retired(&mut self, journal: &Journal) -> Result<()> {
        let changed = self.changed.iter().map(|changed| changed.file.path);
        let gone = self.gone.iter().map(String::as_str);
        let paths: Vec<String> = changed.chain(gone).map(str::to_owned).collect();
        let mut retired = 0;
        for path in paths {
            let ids = self.retired_of(journal, &path).await?;
            retired += ids.len();
            if self.keeps == Detail::Kept {
                let ids = ids.iter().filter_map(|id| id.parse().ok());
                self.detail.retired.extend(ids);
            }
        }
        self.tally.retired = retired;
        if retired > 0 {
            self.total = journal.read(async |tx| enrol::count(tx).await).await?;
        }
        Ok(())
    }

    /// Secrets in service that a file brought and no file has now.
    pub(super) async fn retired_of(&self, journal: &Journal, path: &str) -> Result<Vec<String>> {
        let path = path.to_owned();
        let ids = journal.read(async move |tx| enrol::ids_of(tx, &path).await);
        let mut ids = ids.await?;
        ids.retain(|id| !self.crowd.has(mark_of(id)) && !self.renamed.contains(id));
        Ok(ids)
    }
}

/// What differs in one file, retired secrets aside, and whether it brought exactly these definitions before.
async fn compared(
    journal: &Journal,
    path: &str,
    definitions: &[Definition],
) -> Result<(Difference, bool)> {
    let path = path.to_owned();
    let ids = definitions
        .iter()
        .flat_map(|definition| std::iter::once(&definition.id).chain(&definition.formerly));
    let ids: Vec<String> = ids.map(ToString::to_string).collect();
    let (known, brought) = journal
        .read(async move |tx| {
            Ok((
                in_force(tx, &ids).await?,
                enrol::ids_of(tx, &path).await?.len(),
            ))
        })
        .await?;
    let is_same = brought == definitions.len()
        && definitions
            .iter()
            .all(|definition| known.get(definition.id.as_str()) == Some(definition));
    let known: Vec<Definition> = known.into_values().collect();
    let mut found = difference(&known, definitions);
    found.retired.clear();
    Ok((found, is_same))
}

/// Definitions in force of these secrets.
pub(super) async fn in_force(tx: &mut Tx, ids: &[String]) -> Result<BTreeMap<String, Definition>> {
    let mut found = BTreeMap::new();
    for batch in ids.chunks(BATCH) {
        found.extend(secrets::definitions_by_id(tx, batch).await?);
    }
    Ok(found)
}
