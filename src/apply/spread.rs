//! `--spread`: what is checked before anything is written, and the secrets whose entries did not change.

use super::write::told;
use crate::config::Problem;
use crate::inventory::Definition;
use crate::journal::{self, Journal, Tx, spread};
use keywheel_schedules::Spread;
use std::collections::BTreeSet;

/// Secrets in one transaction.
const BATCH: i64 = 150;

/// A problem for each of these secrets that the spread would give a first start and whose period is shorter.
pub(super) async fn too_short(
    journal: &Journal,
    definitions: &[Definition],
    over: Spread,
) -> journal::Result<Vec<Problem>> {
    let definitions = definitions.to_vec();
    let work = async move |tx: &mut Tx| spread::too_short(tx, &definitions, over).await;
    let found = journal.read(work).await?;
    Ok(found.iter().map(|one| problem(one, over)).collect())
}

fn problem((definition, period): &(Definition, Spread), over: Spread) -> Problem {
    let (id, origin) = (&definition.id, &definition.origin);
    let message = format!("{id} is rotated every {period}, and a spread over {over} is longer");
    let problem = Problem {
        line: origin.line,
        column: 1,
        ..Problem::whole(&origin.file, message)
    };
    problem.help("say a shorter --spread, or apply entries like this one first, without it")
}

/// The same of secrets in files that are not read again.
pub(super) async fn too_short_elsewhere(
    journal: &Journal,
    read: &BTreeSet<&str>,
    over: Spread,
) -> journal::Result<Vec<Problem>> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let mut page = candidates(journal, after).await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = last.id.to_string();
        page.retain(|one| !read.contains(one.origin.file.as_str()));
        found.extend(too_short(journal, &page, over).await?);
    }
}

async fn candidates(journal: &Journal, after: String) -> journal::Result<Vec<Definition>> {
    let work = async move |tx: &mut Tx| spread::candidates(tx, &after, BATCH).await;
    journal.read(work).await
}

/// Gives first starts to secrets whose entries did not change; says to how many.
pub(super) async fn elsewhere(
    journal: &Journal,
    actor: &str,
    over: Spread,
) -> journal::Result<usize> {
    let (mut given, mut after) = (0, String::new());
    loop {
        let (from, actor) = (after.clone(), actor.to_owned());
        let work = async move |tx: &mut Tx| some(tx, &from, &actor, over).await;
        let (count, last) = journal.write(work).await?;
        given += count;
        match last {
            Some(last) => after = last,
            None => return Ok(given),
        }
    }
}

/// One page, and where the next one begins.
async fn some(
    tx: &mut Tx,
    after: &str,
    actor: &str,
    over: Spread,
) -> journal::Result<(usize, Option<String>)> {
    let page = spread::candidates(tx, after, BATCH).await?;
    let given = spread::give(tx, &page, over).await?;
    record(tx, actor, "entries that did not change", given, over).await?;
    Ok((given, page.last().map(|one| one.id.to_string())))
}

/// One audit row for each transaction that gave first starts.
pub(super) async fn record(
    tx: &mut Tx,
    actor: &str,
    what: &str,
    given: usize,
    over: Spread,
) -> journal::Result<()> {
    match given {
        0 => Ok(()),
        _ => {
            told(
                tx,
                actor,
                format!("{what}: {given} first starts spread over {over}"),
            )
            .await
        }
    }
}
