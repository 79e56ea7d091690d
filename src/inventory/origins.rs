//! `keywheel show ID --origin`: each resolved value of one secret with the file and line that decided it.

use super::definition::Origin;
use super::folders::{Listing, list};
use super::keys::TEAM;
use super::layers::merged_timing;
use super::read::{Load, Reader, layered};
use super::resolve::{Around, origin, resolve};
use super::world::{Scope, World};
use crate::config::file::{Entry, Node, Table, Tree, did_you_mean, told_once};
use crate::config::{Config, Problem};
use keywheel_contract::SecretId;

/// One value of a secret and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedValue {
    /// The key with those above it, such as `consumers.chat-api.verify.http`.
    pub key: String,
    /// The value as TOML would write it, text without its quotes.
    pub value: String,
    /// The layer that won.
    pub origin: Origin,
}

/// Every value of one secret, in the order of keys.
///
/// # Errors
/// No such secret, or the problems of the files that define it.
pub fn origins(config: &Config, id: &SecretId) -> Result<Vec<ResolvedValue>, Vec<Problem>> {
    let listing = list(config)?;
    let load = |file: &str| std::fs::read_to_string(config.base.join(file));
    origins_listed(config, &listing, &load, id)
}

/// The same for the files of a listing. Apart from `load` it is pure.
pub(crate) fn origins_listed(
    config: &Config,
    listing: &Listing,
    load: Load<'_>,
    id: &SecretId,
) -> Result<Vec<ResolvedValue>, Vec<Problem>> {
    let environment = id.environment();
    let Some(folder) = listing.environments.get(environment) else {
        let known = listing.environments.keys().map(String::as_str);
        let problem = Problem::whole("inventory", format!("unknown environment `{environment}`"));
        return Err(vec![problem.maybe_help(did_you_mean(environment, known))]);
    };
    let mut reader = Reader::new(config, load);
    let world = reader.world(listing);
    let scope = reader.scope(&world, environment, folder);
    let mut known = Vec::new();
    for file in &folder.teams {
        let team = reader.open(file, &TEAM);
        let secrets = team.table("secrets");
        if let Some(entry) = secrets.and_then(|secrets| secrets.entry(id.name())) {
            let around = Around {
                config,
                world: &world,
                scope: &scope,
            };
            return values(around, &team, id, entry, reader.problems);
        }
        known.extend(
            secrets
                .into_iter()
                .flat_map(Table::names)
                .map(str::to_owned),
        );
    }
    let problem = Problem::whole("inventory", format!("unknown secret `{id}`"));
    let help = did_you_mean(id.name(), known.iter().map(String::as_str));
    Err(vec![problem.maybe_help(help)])
}

fn values(
    around: Around<'_>,
    team: &Table,
    id: &SecretId,
    entry: &Entry,
    mut problems: Vec<Problem>,
) -> Result<Vec<ResolvedValue>, Vec<Problem>> {
    let layered = layered(around, team, id.name(), entry).map_err(Vec::from_iter)?;
    problems.extend(resolve(around, &layered).problems);
    if !problems.is_empty() {
        return Err(told_once(problems));
    }
    let table = whole(around.world, around.scope, layered.table);
    let mut values = Vec::new();
    flatten("", &table, &mut values);
    Ok(values)
}

/// The entry with the schedule below its timing, and the used issuer's settings below its own.
fn whole(world: &World, scope: &Scope, mut table: Table) -> Table {
    let schedule = table
        .text("schedule")
        .and_then(|name| world.schedules.get(name));
    let timing = schedule.map(|schedule| merged_timing(schedule, table.table("timing")));
    let issuer = used(scope, &table);
    for (key, merged) in [("timing", timing), ("issuer", issuer)] {
        // A place of its own is never shown: only the leaves have one.
        let place = table
            .entry(key)
            .or(table.entry("schedule"))
            .map(|entry| entry.key.clone());
        if let (Some(merged), Some(place)) = (merged, place) {
            let node = Node {
                place: place.clone(),
                tree: Tree::Table(merged),
            };
            table.insert(key, Entry { key: place, node });
        }
    }
    table
}

fn used(scope: &Scope, table: &Table) -> Option<Table> {
    let own = table.table("issuer")?;
    let base = scope.issuers.table(own.text("use")?)?;
    let mut merged = base.clone();
    for (key, entry) in own.iter() {
        merged.insert(key, entry.clone());
    }
    Some(merged)
}

fn flatten(above: &str, table: &Table, values: &mut Vec<ResolvedValue>) {
    for (key, entry) in table.iter() {
        let key = match above {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        flatten_node(key, &entry.node, values);
    }
}

fn flatten_node(key: String, node: &Node, values: &mut Vec<ResolvedValue>) {
    match &node.tree {
        Tree::Table(table) => flatten(&key, table, values),
        Tree::List(nodes) if nodes.iter().any(|node| node.table().is_some()) => {
            for (index, node) in nodes.iter().enumerate() {
                flatten_node(format!("{key}[{index}]"), node, values);
            }
        }
        _ => values.push(ResolvedValue {
            key,
            value: shown(node),
            origin: origin(&node.place),
        }),
    }
}

fn shown(node: &Node) -> String {
    match &node.tree {
        Tree::Text(text) => text.clone(),
        _ => node.json().to_string(),
    }
}
