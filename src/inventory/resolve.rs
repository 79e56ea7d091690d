//! One entry, with its layers put together, to a [`Definition`]: references followed, rules checked.

use super::definition::{Definition, Manage, Origin};
use super::timing;
use super::world::{Scope, World, unknown, unknown_name};
use crate::config::Config;
use crate::config::file::{Entry, Node, Place, Problem, Table};
use keywheel_contract::SecretId;

/// What one entry is resolved against.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) config: &'a Config,
    pub(crate) world: &'a World,
    pub(crate) scope: &'a Scope,
}

/// An entry with every layer put together.
pub(crate) struct Layered<'a> {
    pub(crate) id: SecretId,
    /// Where its key is written.
    pub(crate) at: &'a Place,
    pub(crate) table: Table,
}

/// What became of an entry.
#[derive(Default)]
pub(crate) struct Resolved {
    /// `None` where too much is missing.
    pub(crate) definition: Option<Definition>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// Resolves one entry; every problem is reported, none stops the others from being found.
pub(crate) fn resolve(around: Around<'_>, layered: &Layered<'_>) -> Resolved {
    let mut resolved = Resolved::default();
    let definition = Resolver {
        around,
        layered,
        resolved: &mut resolved,
    }
    .definition();
    resolved.definition = definition;
    resolved
}

/// Carries what every part needs; the parts live in `issuer`, `destinations` and `consumers`.
pub(super) struct Resolver<'a> {
    pub(super) around: Around<'a>,
    pub(super) layered: &'a Layered<'a>,
    pub(super) resolved: &'a mut Resolved,
}

impl<'a> Resolver<'a> {
    fn definition(mut self) -> Option<Definition> {
        let (table, id) = (&self.layered.table, self.layered.id.clone());
        let issuer = self.issuer();
        let destinations = self.destinations(&issuer);
        #[cfg(feature = "aws")]
        let issuer = self.delegated(issuer, &destinations);
        let timing = self.timing();
        let asked = timing.as_ref().map(|timing| timing.proof);
        let consumers = self.consumers(&issuer, &destinations, asked);
        self.generated(&issuer, &destinations, &consumers);
        self.covered(&issuer, timing.as_ref());
        self.use_is_told(&issuer);
        self.one_machine(&issuer, &destinations);
        Some(Definition {
            owner: self.owner(),
            impact: table.string("impact"),
            tags: table.texts("tags"),
            manage: manage(table),
            issuer: issuer.spec,
            in_place: self.reason("in_place"),
            no_consumers: self.reason("no_consumers"),
            new_used: table.flag("new_used"),
            current_id: table.string("current_id"),
            destinations,
            consumers,
            schedule: table.string("schedule").unwrap_or_default(),
            timing: timing?,
            formerly: self.formerly(),
            origin: origin(self.layered.at),
            id,
        })
    }

    fn owner(&mut self) -> String {
        let Some(entry) = self.needed(
            "owner",
            "say who answers for it, or give the environment a default",
        ) else {
            return String::new();
        };
        self.problem(unknown("owner", &entry.node, &self.around.world.owners));
        entry.node.text().unwrap_or_default().to_owned()
    }

    fn timing(&mut self) -> Option<keywheel_schedules::Timing> {
        let known = &self.around.world.schedules;
        let entry = self.needed("schedule", "say one, or give the environment a default")?;
        let name = entry.node.text()?;
        let Some(schedule) = known.get(name) else {
            let names = known.keys().map(String::as_str);
            self.problem(Some(unknown_name("schedule", name, &entry.node, names)));
            return None;
        };
        let (timing, problems) = timing::resolved(schedule, &self.layered.table, &entry.node.place);
        self.resolved.problems.extend(problems);
        timing
    }

    /// A text that gives a reason; an empty one is none.
    fn reason(&mut self, key: &str) -> Option<String> {
        let node = self.layered.table.node(key)?;
        if node.text().is_some_and(|text| text.trim().is_empty()) {
            let problem = Problem::at(&node.place, format!("`{key}` has no reason"));
            self.problem(Some(
                problem.help("write why, in a few words, for the audit"),
            ));
        }
        node.text().map(str::to_owned)
    }

    fn formerly(&mut self) -> Vec<SecretId> {
        let nodes = self.layered.table.node("formerly").and_then(Node::list);
        let mut ids = Vec::new();
        for node in nodes.unwrap_or_default() {
            match former(node, self.layered.id.environment()) {
                Some(Ok(id)) if id != self.layered.id => ids.push(id),
                Some(Ok(_)) => {
                    let message = "a secret was not formerly what it is called now";
                    self.problem(Some(Problem::at(&node.place, message)));
                }
                Some(Err(error)) => self.problem(Some(Problem::at(&node.place, error.to_string()))),
                None => {}
            }
        }
        ids
    }

    /// The key and its value, or the problem that it is missing.
    pub(super) fn needed(&mut self, key: &str, help: &str) -> Option<&'a Entry> {
        let entry = self.layered.table.entry(key);
        if entry.is_none() {
            let message = format!("`{}` has no `{key}`", self.layered.id);
            self.problem(Some(Problem::at(self.layered.at, message).help(help)));
        }
        entry
    }

    pub(super) fn problem(&mut self, problem: Option<Problem>) {
        self.resolved.problems.extend(problem);
    }

    /// The problem that a program is not declared, if so.
    pub(super) fn program(&mut self, node: &Node) {
        let problem = unknown_program(self.around.config, node);
        self.problem(problem);
    }

    /// Fills `{environment}` and `{name}` in.
    pub(super) fn filled(&self, text: &str) -> String {
        let id = &self.layered.id;
        text.replace("{environment}", id.environment())
            .replace("{name}", id.name())
    }
}

/// The problem that a program is not declared in `keywheel.toml`, if so.
pub(super) fn unknown_program(config: &Config, node: &Node) -> Option<Problem> {
    let name = node.text()?;
    let declared = config.programs.keys().map(String::as_str);
    (!config.programs.contains_key(name)).then(|| {
        let problem = unknown_name("program", name, node, declared);
        let help = problem.help.clone();
        problem.help(help.unwrap_or_else(|| format!("declare `programs.{name}` in keywheel.toml")))
    })
}

/// A former name, in the same environment unless it says another.
fn former(
    node: &Node,
    environment: &str,
) -> Option<Result<SecretId, keywheel_contract::InvalidId>> {
    let text = node.text()?;
    Some(match text.contains('/') {
        true => text.parse(),
        false => SecretId::new(environment, text),
    })
}

fn manage(table: &Table) -> Manage {
    match table.text("manage") {
        Some("track") => Manage::Track,
        Some("approve") => Manage::Approve,
        _ => Manage::Auto,
    }
}

pub(super) fn origin(place: &Place) -> Origin {
    Origin {
        file: place.file.to_string(),
        line: place.line,
    }
}
