//! `keywheel plan`: what will start when and why; for one secret, what its rotation would do. Changes nothing.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{Envelope, Prose};
use super::selector::Selector;
use crate::actions::Tools;
use crate::inventory::Definition;
use crate::journal::{Journal, Tx, overview, quotas, secrets};
use crate::quotas::{Demand, Narrowest};
use crate::report::calendar::{Stage, StartItem, stages, start};
use crate::report::when::span;
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
    let (config, journal) = context.open().await?;
    let tools = Tools::new(&config, &journal).await?;
    let mut demand = Demand::default();
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
        let chosen = page
            .iter()
            .filter(|(item, _)| all || ids.contains(&item.id));
        for (item, definition) in chosen {
            for destination in definition.iter().flat_map(|one| &one.destinations) {
                // What is wrong with a store is the business of `check`.
                if let Ok(store) = tools.store(&destination.store).await {
                    demand.add(store.as_ref());
                }
            }
            match args.output.is_json() {
                true => envelope.item(item)?,
                false => anstream::println!("{}", line(item)),
            }
        }
    }
    let paces = journal.read(async |tx| quotas::paces(tx).await).await?;
    let narrowest = demand.narrowest(&paces);
    if let (Some(narrowest), false) = (&narrowest, args.output.is_json()) {
        anstream::println!("{}", at_the_earliest(narrowest));
    }
    envelope.close_with("narrowest_quota", &narrowest)?;
    if let Some(id) = one.filter(|_| !args.output.is_json()) {
        show_stages(&journal, id).await?;
    }
    Ok(Exit::Done)
}

fn at_the_earliest(narrowest: &Narrowest) -> String {
    let Narrowest {
        quota,
        calls,
        per_minute,
        seconds,
    } = narrowest;
    let lasts = span(i64::try_from(*seconds).unwrap_or(i64::MAX / 1_000) * 1_000);
    format!(
        "all at once, they take their stores at least {lasts}: {quota} allows {per_minute} calls a minute, and they make {calls}"
    )
}

/// A start, and the definition as it is now.
type Start = (StartItem, Option<Definition>);

async fn starts(journal: &Journal, until_ms: i64, skip: i64) -> Result<Vec<Start>, Failure> {
    let work = async move |tx: &mut Tx| {
        let page = overview::coming(tx, until_ms, skip, PAGE).await?;
        let ids: Vec<String> = page.iter().map(|one| one.id.clone()).collect();
        let mut definitions = secrets::definitions_by_id(tx, &ids).await?;
        let items = page.iter().map(|one| {
            let definition = definitions.remove(&one.id);
            (start(one, definition.as_ref()), definition)
        });
        Ok(items.collect())
    };
    Ok(journal.read(work).await?)
}

fn line(item: &StartItem) -> String {
    let at = item
        .starts_at
        .as_ref()
        .or(item.first_at.as_ref())
        .or(item.due_at.as_ref());
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
