//! `units`: which services of its machine's systemd a daemon restarts and reloads for whom.
//!
//! Whoever edits the inventory must not have the daemon, which may be root, restart anything that runs on its machine.

use super::file::{Problem, Table};
use std::collections::BTreeMap;

/// An allow-list: names of services, and `NAME@*.service` for every instance of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Units(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// The template, with its `@`.
    InstancesOf(String),
}

impl Units {
    /// Whether some pattern fits the unit.
    pub fn allow(&self, unit: &str) -> bool {
        wrong_unit(unit).is_none()
            && self.0.iter().any(|pattern| match pattern {
                Pattern::Exact(allowed) => allowed == unit,
                Pattern::InstancesOf(template) => unit.starts_with(template.as_str()),
            })
    }
}

/// What is wrong with the name of a service that runs, if anything (systemd.unit(5), "Description").
pub(crate) fn wrong_unit(name: &str) -> Option<String> {
    let Some(stem) = name.strip_suffix(".service") else {
        return Some(format!(
            "`{name}` is no service: write `NAME.service`, or `NAME@INSTANCE.service`"
        ));
    };
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
    if stem.is_empty() || stem.starts_with('@') || name.len() > LONGEST || !stem.chars().all(plain)
    {
        return Some(format!("`{name}` is not the name of a unit"));
    }
    stem.ends_with('@')
        .then(|| format!("`{name}` is a template, which does not run: name an instance of it"))
}

/// Of the name of a unit (`UNIT_NAME_MAX` of systemd, with its end).
const LONGEST: usize = 255;

/// The list of each environment.
pub(super) fn units(config: &Table, problems: &mut Vec<Problem>) -> BTreeMap<String, Units> {
    let mut units = BTreeMap::new();
    for (environment, entry) in config.entries("units") {
        let mut allowed = Units::default();
        for node in entry.node.list().unwrap_or_default() {
            match node.text().map(pattern) {
                Some(Ok(pattern)) => allowed.0.push(pattern),
                Some(Err(message)) => problems.push(Problem::at(&node.place, message)),
                None => {}
            }
        }
        units.insert(environment.to_owned(), allowed);
    }
    units
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let template = text.strip_suffix("*.service").filter(|t| t.ends_with('@'));
    // Every instance is as good a name as this one.
    let example = template.map(|template| format!("{template}1.service"));
    match (wrong_unit(example.as_deref().unwrap_or(text)), template) {
        (Some(_), Some(_)) => Err(format!("`{text}` is not the name of a unit")),
        (Some(wrong), None) => Err(wrong),
        (None, Some(template)) => Ok(Pattern::InstancesOf(template.to_owned())),
        (None, None) => Ok(Pattern::Exact(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    const SMALL: &str = "journal = \"sqlite://keywheel.db\"\nseal = { key_file = \"seal.key\" }\n";

    fn read(units: &str) -> Result<Config, String> {
        let text = format!("{SMALL}units = {{ production = [{units}] }}\n");
        Config::parse(&text, Path::new("/etc")).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn a_unit_is_allowed_by_name_or_as_an_instance() {
        let config = read("\"orders.service\", \"worker@*.service\"")
            .ok()
            .unwrap();
        let units = &config.units["production"];
        for allowed in [
            "orders.service",
            "worker@1.service",
            "worker@a\\x2db.service",
        ] {
            assert!(units.allow(allowed), "{allowed}");
        }
        for refused in [
            "orders2.service",
            "worker.service",
            "worker@.service",
            "worker2@1.service",
            "worker@1.service/../ssh.service",
            "worker@1.socket",
            "orders",
        ] {
            assert!(!units.allow(refused), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_a_service_is_said() {
        for (text, words) in [
            ("orders", "NAME.service"),
            ("orders.timer", "NAME.service"),
            ("*.service", "not the name of a unit"),
            ("order*.service", "not the name of a unit"),
            ("@*.service", "not the name of a unit"),
            ("worker@.service", "name an instance"),
            ("a b.service", "not the name of a unit"),
        ] {
            let said = read(&format!("{text:?}")).err().unwrap_or_default();
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
