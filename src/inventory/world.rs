//! What entries refer to: owners, templates, schedules, and for each environment its stores and issuers.

use super::definition::StoreSpec;
use super::layers::merged;
use crate::config::Config;
use crate::config::file::{Node, Problem, Table, did_you_mean};
use keywheel_schedules::Span;
use std::collections::BTreeMap;

/// Who answers for secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// Address of the team.
    pub email: Option<String>,
    /// Channel, such as `slack:#team`.
    pub chat: Option<String>,
    /// Pager, such as `pagerduty:team`.
    pub page: Option<String>,
    /// The owner who is told next.
    pub escalate_to: Option<String>,
    /// How long before that.
    pub after: Option<Span>,
}

/// An environment as its `environment.toml` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name, equal to its folder's.
    pub name: String,
    /// Rotations that the schedule may start in 24 hours; no limit where it is left out.
    pub max_starts_per_day: Option<u32>,
    /// Every store that its secrets may name, by key.
    pub stores: BTreeMap<String, StoreSpec>,
}

/// What holds for all environments.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) owners: Table,
    pub(crate) templates: Table,
    pub(crate) stores: Table,
    pub(crate) issuers: Table,
    /// Presets and own schedules by name.
    pub(crate) schedules: BTreeMap<String, Table>,
}

/// What holds for one environment.
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) defaults: Table,
    pub(crate) stores: Table,
    pub(crate) issuers: Table,
}

impl World {
    /// From `keywheel.toml` and `shared.toml`, the latter on top.
    pub(crate) fn new(config: &Config, shared: &Table) -> Self {
        Self {
            owners: part(shared, "owners"),
            templates: part(shared, "templates"),
            stores: merged([&part(&config.tree, "stores"), &part(shared, "stores")]),
            issuers: merged([&part(&config.tree, "issuers"), &part(shared, "issuers")]),
            schedules: BTreeMap::new(),
        }
    }

    /// An environment on top of it.
    pub(crate) fn scope(&self, name: &str, environment: &Table) -> Scope {
        Scope {
            name: name.to_owned(),
            defaults: part(environment, "defaults"),
            stores: merged([&self.stores, &part(environment, "stores")]),
            issuers: merged([&self.issuers, &part(environment, "issuers")]),
        }
    }

    /// The owners, in their final type.
    pub(crate) fn owners(&self) -> BTreeMap<String, Owner> {
        let owners = self.owners.iter();
        owners
            .filter_map(|(name, entry)| Some((name.to_owned(), owner(entry.node.table()?))))
            .collect()
    }

    /// Owners who escalate to nobody known. An address or a channel is taken as it is.
    pub(crate) fn wrong_escalations(&self) -> Vec<Problem> {
        let owners = self
            .owners
            .iter()
            .filter_map(|(_, entry)| entry.node.table());
        let next = owners.filter_map(|owner| owner.node("escalate_to"));
        next.filter(|node| !node.text().is_some_and(|text| text.contains(['@', ':'])))
            .filter_map(|node| unknown("owner", node, &self.owners))
            .collect()
    }
}

impl Scope {
    /// A store by its key, as definitions keep it; without kind and settings where nobody knows the key.
    pub(crate) fn store(&self, name: &str) -> StoreSpec {
        let mut options = self.stores.table(name).map(Table::json).unwrap_or_default();
        let kind = options.remove("kind");
        let kind = kind.as_ref().and_then(serde_json::Value::as_str);
        StoreSpec {
            name: name.to_owned(),
            kind: kind.unwrap_or_default().to_owned(),
            options,
        }
    }

    /// All of them, by key.
    pub(crate) fn every_store(&self) -> BTreeMap<String, StoreSpec> {
        let names = self.stores.names();
        names
            .map(|name| (name.to_owned(), self.store(name)))
            .collect()
    }
}

fn owner(table: &Table) -> Owner {
    Owner {
        email: table.string("email"),
        chat: table.string("chat"),
        page: table.string("page"),
        escalate_to: table.string("escalate_to"),
        after: table.text("after").and_then(|text| text.parse().ok()),
    }
}

/// A table below a key; empty where there is none.
pub(crate) fn part(table: &Table, key: &str) -> Table {
    table.table(key).cloned().unwrap_or_default()
}

/// The problem that a name is not in its table, if so.
pub(crate) fn unknown(what: &str, node: &Node, known: &Table) -> Option<Problem> {
    let name = node.text()?;
    known
        .entry(name)
        .is_none()
        .then(|| unknown_name(what, name, node, known.names()))
}

/// The problem that nobody has this name.
pub(crate) fn unknown_name<'a>(
    what: &str,
    name: &str,
    node: &Node,
    known: impl IntoIterator<Item = &'a str>,
) -> Problem {
    let problem = Problem::at(&node.place, format!("unknown {what} `{name}`"));
    problem.maybe_help(did_you_mean(name, known))
}
