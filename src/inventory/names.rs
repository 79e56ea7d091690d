//! Rules between entries: no id and no place twice, no unknown neighbour.

use super::definition::Definition;
use crate::config::Problem;
use crate::config::file::{Node, Place, Table, did_you_mean};
use keywheel_contract::SecretId;
use std::collections::{BTreeMap, HashMap};

/// What was seen so far of every entry.
#[derive(Default)]
pub(super) struct Names {
    ids: BTreeMap<SecretId, Place>,
    formers: BTreeMap<SecretId, (SecretId, Place)>,
    /// Who publishes to a field of a place: environment, store, path, field.
    published: HashMap<[String; 4], SecretId>,
    /// Names in `apart_from` of the environment being read.
    neighbours: Vec<(String, Node)>,
}

impl Names {
    /// Takes an id; the problem is that somebody has it.
    pub(super) fn take(&mut self, id: &SecretId, at: &Place) -> Option<Problem> {
        if let Some(first) = self.ids.get(id) {
            let message = format!("`{id}` is already defined at {}:{}", first.file, first.line);
            return Some(Problem::at(at, message).help("give one of them another name"));
        }
        self.ids.insert(id.clone(), at.clone());
        None
    }

    /// Notes what else an entry claims. `table` is where it is written.
    pub(super) fn note(
        &mut self,
        definition: &Definition,
        table: &Table,
        at: &Place,
    ) -> Vec<Problem> {
        let mut problems = self.former_ids(definition, table, at);
        problems.extend(self.places(definition, table, at));
        let neighbours = table
            .table("timing")
            .and_then(|timing| timing.node("apart_from"));
        let nodes = neighbours.and_then(Node::list).unwrap_or_default();
        let named = nodes
            .iter()
            .filter_map(|node| Some((node.text()?.to_owned(), node.clone())));
        self.neighbours.extend(named);
        problems
    }

    fn former_ids(&mut self, definition: &Definition, table: &Table, at: &Place) -> Vec<Problem> {
        let at = table.node("formerly").map_or(at, |node| &node.place);
        let mut problems = Vec::new();
        for former in &definition.formerly {
            let claim = (definition.id.clone(), at.clone());
            if let Some((other, _)) = self.formers.insert(former.clone(), claim) {
                let message = format!("`{other}` says too that it was `{former}`");
                problems.push(Problem::at(at, message));
            }
        }
        problems
    }

    fn places(&mut self, definition: &Definition, table: &Table, at: &Place) -> Vec<Problem> {
        let at = table.node("publish_to").map_or(at, |node| &node.place);
        let mut problems = Vec::new();
        for (name, key) in claimed(definition) {
            let other = self.published.insert(key, definition.id.clone());
            if let Some(other) = other.filter(|other| *other != definition.id) {
                let message = format!("`{other}` publishes to `{name}` too");
                let help = "two secrets in one place would overwrite each other";
                problems.push(Problem::at(at, message).help(help));
            }
        }
        problems
    }

    /// Neighbours that the environment does not have; forgets them for the next environment.
    pub(super) fn wrong_neighbours(&mut self, environment: &str) -> Vec<Problem> {
        let neighbours = std::mem::take(&mut self.neighbours);
        let unknown = |(name, _): &(String, Node)| {
            let id = SecretId::new(environment, name);
            !id.is_ok_and(|id| self.ids.contains_key(&id))
        };
        let wrong = neighbours.iter().filter(|neighbour| unknown(neighbour));
        wrong
            .map(|(name, node)| {
                let ids = self.ids.keys().filter(|id| id.environment() == environment);
                let message = format!("unknown secret `{name}` in `apart_from`");
                let help = did_you_mean(name, ids.map(SecretId::name));
                Problem::at(&node.place, message).maybe_help(help)
            })
            .collect()
    }

    /// Former ids that are somebody's id today.
    pub(super) fn clashes(&self) -> Vec<Problem> {
        let taken = self.formers.iter().filter_map(|(former, (_, at))| {
            let now = self.ids.get(former)?;
            let message = format!(
                "`formerly` names `{former}`, which is defined at {}:{}",
                now.file, now.line
            );
            Some(Problem::at(at, message))
        });
        taken.collect()
    }
}

/// Every field of every place, with the name messages use.
pub(super) fn claimed(definition: &Definition) -> Vec<(String, [String; 4])> {
    let mut claimed = Vec::new();
    for destination in &definition.destinations {
        let key = |field: &str| {
            let environment = definition.id.environment();
            [
                environment,
                &destination.store.name,
                &destination.path,
                field,
            ]
            .map(str::to_owned)
        };
        if destination.fields.is_empty() {
            claimed.push((destination.name(), key("")));
        }
        for field in destination.fields.keys() {
            claimed.push((format!("{} {field}", destination.name()), key(field)));
        }
    }
    claimed
}
