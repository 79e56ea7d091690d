//! Writing what a review found: one file in one transaction, and what is retired after all that is new.

use super::ApplyError;
use super::review::{Changed, Review, in_force};
use super::spread;
use crate::config::Problem;
use crate::inventory::{Definition, Marks, Owner, Sources, Tally, difference};
use crate::journal::audit::{self, Entry};
use crate::journal::files::{self, AppliedFile};
use crate::journal::{self, Journal, Tx, enrol, environments};
use keywheel_schedules::Spread;
use std::collections::BTreeMap;

/// Files recorded in one transaction where no secret of them differs.
const BATCH: usize = 100;

/// Writes everything; says how many secrets were given a first start.
pub(super) async fn write(
    sources: &Sources<'_>,
    review: &Review<'_>,
    journal: &Journal,
    actor: &str,
    spread: Option<Spread>,
) -> Result<usize, ApplyError> {
    let mut given = 0;
    if review.around_differs {
        around(sources, journal).await?;
    }
    let (differing, same): (Vec<_>, Vec<_>) =
        review.changed.iter().partition(|changed| changed.differs);
    for changed in differing {
        given += team(sources, changed, journal, actor, spread).await?;
    }
    for batch in same.chunks(BATCH) {
        let files: Vec<AppliedFile> = batch.iter().map(|changed| applied(changed)).collect();
        let work = async move |tx: &mut Tx| files::renew(tx, &files).await;
        journal.write(work).await?;
    }
    retire(review, journal, actor).await?;
    if let Some(over) = spread {
        given += spread::elsewhere(journal, actor, over).await?;
    }
    Ok(given)
}

fn applied(changed: &Changed<'_>) -> AppliedFile {
    AppliedFile {
        path: changed.file.path.to_owned(),
        hash: changed.hash.clone(),
        around: changed.file.around.to_owned(),
    }
}

/// Owners, and the files that are no team file.
async fn around(sources: &Sources<'_>, journal: &Journal) -> journal::Result<()> {
    let owners: BTreeMap<String, Owner> = sources.owners();
    let plain = |(path, hash): &(String, String)| AppliedFile {
        path: path.clone(),
        hash: hash.clone(),
        around: String::new(),
    };
    let files: Vec<AppliedFile> = sources.files.iter().map(plain).collect();
    let limits = sources.limits.clone();
    let work = async move |tx: &mut Tx| {
        files::replace_owners(tx, &owners).await?;
        environments::replace(tx, &limits).await?;
        for file in &files {
            files::record(tx, file, &Marks::default()).await?;
        }
        Ok(())
    };
    journal.write(work).await
}

/// One team file. It is read a second time, so that no more than one is ever held. Says how many of its secrets were
/// given a first start.
async fn team(
    sources: &Sources<'_>,
    changed: &Changed<'_>,
    journal: &Journal,
    actor: &str,
    spread: Option<Spread>,
) -> Result<usize, ApplyError> {
    let read = sources.text(changed.file).ok();
    let Some((text, _)) = read.filter(|(_, hash)| *hash == changed.hash) else {
        let message = "was edited while it was applied; apply it again";
        let problem = Problem::whole(changed.file.path, message);
        return Err(ApplyError::Problems(vec![problem]));
    };
    let team = sources.team(changed.file, &text);
    let (file, actor) = (applied(changed), actor.to_owned());
    let work = async move |tx: &mut Tx| {
        let given = enrol(tx, &file.path, &team.definitions, &actor, spread).await?;
        files::record(tx, &file, &team.marks).await?;
        Ok(given)
    };
    Ok(journal.write(work).await?)
}

async fn enrol(
    tx: &mut Tx,
    path: &str,
    definitions: &[Definition],
    actor: &str,
    spread: Option<Spread>,
) -> journal::Result<usize> {
    let ids = definitions
        .iter()
        .flat_map(|definition| std::iter::once(&definition.id).chain(&definition.formerly));
    let ids: Vec<String> = ids.map(ToString::to_string).collect();
    let known = in_force(tx, &ids).await?;
    let differs = |definition: &&Definition| known.get(definition.id.as_str()) != Some(*definition);
    let changed: Vec<Definition> = definitions.iter().filter(differs).cloned().collect();
    if changed.is_empty() {
        return Ok(0);
    }
    let given = enrol::apply_spread(tx, &changed, spread).await?;
    let mut found = difference(&known.into_values().collect::<Vec<_>>(), &changed);
    found.retired.clear();
    let mut tally = Tally::default();
    tally.add(&found);
    // Otherwise only lines moved.
    if !tally.is_empty() {
        told(tx, actor, format!("{path}: {tally}")).await?;
    }
    if let Some(over) = spread {
        spread::record(tx, actor, path, given, over).await?;
    }
    Ok(given)
}

/// Last, so that a secret that moved to another file is there already.
async fn retire(review: &Review<'_>, journal: &Journal, actor: &str) -> journal::Result<()> {
    if review.tally.retired == 0 && review.gone.is_empty() {
        return Ok(());
    }
    let changed = review.changed.iter().map(|changed| changed.file.path);
    for path in changed {
        let ids = review.retired_of(journal, path).await?;
        out_of_service(journal, path, ids, actor).await?;
    }
    for path in &review.gone {
        let ids = review.retired_of(journal, path).await?;
        out_of_service(journal, path, ids, actor).await?;
        let path = path.clone();
        let work = async move |tx: &mut Tx| files::forget(tx, &path).await;
        journal.write(work).await?;
    }
    Ok(())
}

async fn out_of_service(
    journal: &Journal,
    path: &str,
    ids: Vec<String>,
    actor: &str,
) -> journal::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let tally = Tally {
        retired: ids.len(),
        ..Tally::default()
    };
    let (detail, actor) = (format!("{path}: {tally}"), actor.to_owned());
    let work = async move |tx: &mut Tx| {
        enrol::retire(tx, &ids).await?;
        told(tx, &actor, detail.clone()).await
    };
    journal.write(work).await
}

/// An audit row about the inventory.
pub(super) async fn told(tx: &mut Tx, actor: &str, detail: String) -> journal::Result<()> {
    let entry = Entry {
        actor: actor.to_owned(),
        action: "inventory".to_owned(),
        outcome: "applied".to_owned(),
        detail,
        ..Entry::default()
    };
    audit::append_apart(tx, "", entry).await
}
