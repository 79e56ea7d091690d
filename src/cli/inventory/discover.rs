//! `keywheel inventory discover`: what a store holds beside what the inventory says of it.

use crate::cli::acting::Bench;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::heading::Daemons;
use crate::cli::output::{self, Column, Envelope, Output};
use crate::discover::everything;
use crate::inventory::{Holding, Side, Snapshot, StoreSpec, holdings, read};
use crate::report::when::{ago, rfc3339};
use serde::Serialize;
use std::collections::BTreeMap;

/// Lists what a store holds and compares it with the inventory's files; reads no value and changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The store as the inventory of an environment names it, such as production/main.
    #[arg(value_name = "ENVIRONMENT/STORE")]
    store: StoreName,
    /// Also lists what is on both sides.
    #[arg(long)]
    all: bool,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// `environment/store`.
#[derive(Debug, Clone)]
pub(super) struct StoreName {
    pub(super) environment: String,
    pub(super) store: String,
}

impl std::str::FromStr for StoreName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (environment, store) = text
            .split_once('/')
            .ok_or("write it as environment/store, such as production/main")?;
        Ok(Self {
            environment: environment.to_owned(),
            store: store.to_owned(),
        })
    }
}

/// A store and everything it holds.
pub(super) struct Discovered {
    pub(super) inventory: Snapshot,
    pub(super) holdings: Vec<Holding>,
    pub(super) daemons: Daemons,
    pub(super) now_ms: i64,
    pub(super) journal: String,
}

const COLUMNS: [Column; 5] = [
    ("SIDE", 17),
    ("PATH", 44),
    ("FIELDS", 16),
    ("WRITTEN", 8),
    ("SECRET", 40),
];

/// One item.
#[derive(Serialize)]
struct Item<'a> {
    side: &'static str,
    environment: &'a str,
    store: &'a str,
    path: &'a str,
    fields: &'a [String],
    id: Option<&'a str>,
    owner: Option<&'a str>,
    written_at: Option<String>,
    natively_managed_by: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
    unnamed_fields: &'a [String],
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let found = discover(context, &args.store).await?;
    match args.output {
        output if output.is_json() => write_items(&args.store, output, &found)?,
        output => write_rows(output, &found, args.all),
    }
    summary(&args.store, &found.holdings);
    let asks = found.holdings.iter().any(Holding::is_finding);
    Ok(if asks { Exit::Attention } else { Exit::Done })
}

/// Reads the inventory's files and lists the store.
pub(super) async fn discover(context: &Context, name: &StoreName) -> Result<Discovered, Failure> {
    let Bench {
        config,
        journal,
        tools,
    } = Bench::open(context).await?;
    let inventory = read(&config)?;
    let spec = spec(&inventory, name)?;
    let what = |error| {
        let (environment, store) = (&name.environment, &name.store);
        Failure::new(Exit::Failed, format!("{environment}/{store}: {error}"))
    };
    let store = tools.store(spec).await.map_err(what)?;
    let listed = everything(store.as_ref(), |_| {}).await.map_err(what)?;
    Ok(Discovered {
        holdings: holdings(&name.environment, spec, listed, &inventory.definitions),
        inventory,
        daemons: Daemons::of(&journal).await?,
        now_ms: journal.clock().now_ms(),
        journal: journal.address().to_string(),
    })
}

fn spec<'a>(inventory: &'a Snapshot, name: &StoreName) -> Result<&'a StoreSpec, Failure> {
    let mut all = inventory.environments.iter();
    let Some(environment) = all.find(|one| one.name == name.environment) else {
        let known = inventory.environments.iter().map(|one| one.name.as_str());
        return Err(unknown("environment", &name.environment, known));
    };
    let known = environment.stores.keys().map(String::as_str);
    let found = environment.stores.get(&name.store);
    found.ok_or_else(|| {
        unknown(
            "store",
            &format!("{}/{}", name.environment, name.store),
            known,
        )
    })
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    Failure::new(Exit::Failed, format!("no {what} is called {name}"))
        .next(format!("there is {}", known.join(", ")))
}

fn write_items(name: &StoreName, output: Output, found: &Discovered) -> Result<(), Failure> {
    let mut envelope = Envelope::open(
        output,
        "keywheel/inventory-discover/1",
        found.now_ms,
        &found.daemons.alive,
    )?;
    for holding in &found.holdings {
        envelope.item(&Item {
            side: holding.side.word(),
            environment: &name.environment,
            store: &name.store,
            path: &holding.listed.path,
            fields: &holding.listed.fields,
            id: holding.id.as_ref().map(|id| id.as_str()),
            owner: holding.owner.as_deref(),
            written_at: holding.listed.written_at_ms.map(rfc3339),
            natively_managed_by: holding.listed.natively_managed_by.as_deref(),
            tags: &holding.listed.tags,
            unnamed_fields: &holding.unnamed,
        })?;
    }
    envelope.close();
    Ok(())
}

/// On a screen, what is on both sides is counted and not listed.
fn write_rows(output: Output, found: &Discovered, all: bool) {
    let is_shown = |holding: &&Holding| {
        all || output != Output::Table || holding.side != Side::Known || !holding.unnamed.is_empty()
    };
    if output == Output::Table {
        anstream::println!("{}", found.daemons.heading(&found.journal, found.now_ms));
    }
    let shown = found.holdings.iter().filter(is_shown);
    let rows: Vec<Vec<String>> = shown.map(|one| row(one, found.now_ms)).collect();
    anstream::print!("{}", output::rows(output, &COLUMNS, &rows));
}

fn row(holding: &Holding, now_ms: i64) -> Vec<String> {
    let listed = &holding.listed;
    let secret = match (&holding.id, &listed.natively_managed_by) {
        (Some(id), None) if holding.unnamed.is_empty() => id.to_string(),
        (Some(id), None) => format!("{id}, not {}", holding.unnamed.join(", ")),
        (Some(id), Some(by)) => format!("{id}, rotated by {by}"),
        (None, Some(by)) => format!("rotated by {by}"),
        (None, None) => String::new(),
    };
    vec![
        holding.side.word().replace('_', " "),
        listed.path.clone(),
        listed.fields.join(" "),
        ago(listed.written_at_ms, now_ms),
        secret,
    ]
}

fn summary(name: &StoreName, holdings: &[Holding]) {
    let count = |side: Side| holdings.iter().filter(|one| one.side == side).count();
    let new = count(Side::NotInInventory);
    anstream::eprintln!(
        "{} known, {new} not in the inventory, {} not in the store, {} rotated by another system",
        count(Side::Known),
        count(Side::NotInStore),
        count(Side::NativelyManaged),
    );
    if new > 0 {
        let (environment, store) = (&name.environment, &name.store);
        anstream::eprintln!("next: keywheel inventory import {environment}/{store}");
    }
}

#[cfg(test)]
mod tests {
    use super::StoreName;

    #[test]
    fn a_store_is_named_with_its_environment() {
        let name: StoreName = "production/main".parse().unwrap();
        assert_eq!(
            (name.environment.as_str(), name.store.as_str()),
            ("production", "main")
        );
        assert!("main".parse::<StoreName>().is_err());
    }
}
