//! `keywheel plan`: what will start when and why; for one secret, what its rotation would do. Changes nothing.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{Envelope, Prose};
use super::selector::Selector;
use crate::journal::{Journal, Tx, overview, secrets};
use crate::report::calendar::{Stage, StartItem, stages, start};
use keywheel_schedules::Span;
use std::collections::HashSet;

/// Shows what will start when and why, and changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// How far ahead, such as 30d.
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    until: Span,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Prose,
}

const PAGE: i64 = 500;

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let daemons = Daemons::of(&journal).await?;
    let now = journal.clock().now_ms();
    let all = args.selector.selection().is_empty();
    let ids = args.selector.resolve_or_all(&journal).await?;
    if !args.output.is_json() {
        anstream::println!("{}", daemons.heading(&journal.address().to_string(), now));
    }
    let mut envelope = Envelope::open(args.output, "keywheel/plan/1", now, &daemons.alive)?;
    let one = ids.first().filter(|_| !all && ids.len() == 1).cloned();
    let ids: HashSet<String> = ids.into_iter().collect();
    let until = now + args.until.millis();
    for skip in (0..).step_by(PAGE as usize) {
        let page = starts(&journal, until, skip).await?;
        if page.is_empty() {
            break;
        }
        for item in page.iter().filter(|item| all || ids.contains(&item.id)) {
            match args.output.is_json() {
                true => envelope.item(item)?,
                false => anstream::println!("{}", line(item)),
            }
        }
    }
    envelope.close();
    if let Some(id) = one.filter(|_| !args.output.is_json()) {
        show_stages(&journal, id).await?;
    }
    Ok(Exit::Done)
}

async fn starts(journal: &Journal, until_ms: i64, skip: i64) -> Result<Vec<StartItem>, Failure> {
    let work = async move |tx: &mut Tx| {
        let page = overview::coming(tx, until_ms, skip, PAGE).await?;
        let ids: Vec<String> = page.iter().map(|one| one.id.clone()).collect();
        let definitions = secrets::definitions_by_id(tx, &ids).await?;
        let items = page.iter().map(|one| start(one, definitions.get(&one.id)));
        Ok(items.collect())
    };
    Ok(journal.read(work).await?)
}

fn line(item: &StartItem) -> String {
    let at = item.starts_at.as_ref().or(item.due_at.as_ref());
    let opens = item
        .opens_at
        .as_ref()
        .map_or_else(String::new, |at| format!("; its window opens {at}"));
    format!(
        "{}  {}  {}{opens}",
        at.map_or("", String::as_str),
        item.id,
        item.reason
    )
}

async fn show_stages(journal: &Journal, id: String) -> Result<(), Failure> {
    let work = async move |tx: &mut Tx| secrets::definition(tx, &id).await;
    let Some(definition) = journal.read(work).await? else {
        return Ok(());
    };
    anstream::println!("a rotation of {} would be:", definition.id);
    for Stage { phase, lasts, what } in stages(&definition) {
        let lasts = lasts.map_or_else(String::new, |lasts| format!(" (up to {lasts})"));
        anstream::println!("  {phase}{lasts}");
        for line in what {
            anstream::println!("    {line}");
        }
    }
    Ok(())
}
