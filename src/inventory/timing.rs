//! Schedules by name, and the timing of one entry: the schedule below, its own keys on top.

use super::keys::SCHEDULE;
use super::layers::merged_timing;
use crate::config::file::{Entry, Place, Problem, Table, check, parse};
use keywheel_schedules::{PartialTiming, Timing, presets};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The presets that come with the product, by name. They have no problems; a test of theirs says so.
pub(crate) fn built_in() -> BTreeMap<String, Table> {
    let parsed = presets().iter().map(|(name, text)| {
        let (table, _) = parse(&format!("schedules/presets/{name}.toml"), text);
        ((*name).to_owned(), table)
    });
    parsed.collect()
}

/// Adds a schedule of the user's own. It takes the place of a preset only where it says so.
pub(crate) fn add_own(
    schedules: &mut BTreeMap<String, Table>,
    name: &str,
    file: &str,
    table: Table,
) -> Option<Problem> {
    let replaces = table.entry("replaces");
    let is_preset = presets().iter().any(|(preset, _)| *preset == name);
    let problem = match replaces {
        None if is_preset => {
            let message = format!("there is a preset `{name}`");
            let help = format!("say `replaces = \"{name}\"`, or give the file another name");
            Some(Problem::at(&Place::start(file), message).help(help))
        }
        Some(entry) if !is_preset || entry.node.text() != Some(name) => {
            let message = "`replaces` must name the preset that is called like this file";
            Some(Problem::at(&entry.node.place, message))
        }
        None | Some(_) => None,
    };
    schedules.insert(name.to_owned(), table);
    problem
}

/// The timing of an entry, or everything wrong with it. A problem with a key that is nowhere written is
/// reported at `fallback`.
pub(crate) fn resolved(
    schedule: &Table,
    entry: &Table,
    fallback: &Place,
) -> (Option<Timing>, Vec<Problem>) {
    let merged = merged_timing(schedule, entry.table("timing"));
    if !check(&merged, &SCHEDULE, fallback).is_empty() {
        // Reported where each file was checked.
        return (None, Vec::new());
    }
    let problems = wrong_values(&merged);
    if !problems.is_empty() {
        return (None, problems);
    }
    // Each key was read by itself just now, so together they can be read too.
    let timing = partial(merged.json()).unwrap_or_default();
    match timing.resolve() {
        Ok(timing) => (Some(timing), Vec::new()),
        Err(problems) => {
            let placed = problems.into_iter().map(|problem| {
                let place = merged
                    .node(problem.key)
                    .map_or(fallback, |node| &node.place);
                Problem::at(place, problem.message)
            });
            (None, placed.collect())
        }
    }
}

/// Keys whose values have the right type and still mean nothing, such as a zone that nobody knows.
fn wrong_values(merged: &Table) -> Vec<Problem> {
    let wrong = |(key, entry): (&str, &Entry)| {
        let alone = Map::from_iter([(key.to_owned(), entry.node.json())]);
        let error = partial(alone).err()?;
        let message = format!("`{key}` cannot be used: {error}");
        Some(Problem::at(&entry.node.place, message))
    };
    merged.iter().filter_map(wrong).collect()
}

fn partial(keys: Map<String, Value>) -> Result<PartialTiming, serde_json::Error> {
    serde_json::from_value(Value::Object(keys))
}

#[cfg(test)]
mod tests {
    use super::super::keys::SCHEDULE;
    use super::partial;
    use serde_json::{Map, Value};

    /// Null is a value that every key of a schedule takes, so an error means that the key is unknown.
    #[test]
    fn the_keys_are_those_of_the_schedules_crate() {
        let ours: Vec<_> = SCHEDULE
            .iter()
            .map(|key| key.name)
            .filter(|key| *key != "replaces")
            .collect();
        for key in &ours {
            let alone = Map::from_iter([((*key).to_owned(), Value::Null)]);
            assert!(partial(alone).is_ok(), "{key}");
        }
        let schema =
            serde_json::to_value(schemars::schema_for!(keywheel_schedules::PartialTiming)).unwrap();
        assert_eq!(schema["properties"].as_object().unwrap().len(), ours.len());
    }
}
