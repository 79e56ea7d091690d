//! The whole inventory, file by file: shared files first, then each environment.

use super::definition::Definition;
use super::folders::{Folder, Listing, list};
use super::keys::{ENVIRONMENT, SCHEDULE, SHARED, TEAM};
use super::layers::merged;
use super::names::Names;
use super::resolve::{Around, Layered, Resolved, resolve, unknown_program};
use super::timing;
use super::world::{Environment, Owner, Scope, World, part, unknown};
use crate::config::file::{
    Entry, Keys, Place, Table, check, hash, is_name, not_a_name, parse, told_once,
};
use crate::config::{Config, FILE_NAME, Problem};
use keywheel_contract::SecretId;
use std::collections::BTreeMap;
use std::path::Path;

/// The inventory as the files say it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The environments, by name.
    pub environments: Vec<Environment>,
    /// Every secret, file by file.
    pub definitions: Vec<Definition>,
    /// The owners, by key.
    pub owners: BTreeMap<String, Owner>,
    /// Every file read with the SHA-256 of its text, in hexadecimal.
    pub files: Vec<(String, String)>,
    /// What works and should still be looked at.
    pub warnings: Vec<Problem>,
}

/// Reads every file of the inventory.
///
/// # Errors
/// Every problem of every file at once, in the order of files and lines.
pub fn read(config: &Config) -> Result<Snapshot, Vec<Problem>> {
    let listing = list(config)?;
    let load = |file: &str| std::fs::read_to_string(config.base.join(file));
    read_listed(config, &listing, &load)
}

/// How the text of a file is had.
pub(crate) type Load<'a> = &'a dyn Fn(&str) -> std::io::Result<String>;

/// Reads the files of a listing. Apart from `load` it is pure.
pub(crate) fn read_listed(
    config: &Config,
    listing: &Listing,
    load: Load<'_>,
) -> Result<Snapshot, Vec<Problem>> {
    let mut reader = Reader::new(config, load);
    reader.all(listing);
    reader.finish()
}

/// Every problem of every file, in the order of files and lines. Keeps names, and no definition.
pub fn problems(config: &Config) -> Vec<Problem> {
    let listing = match list(config) {
        Ok(listing) => listing,
        Err(problems) => return problems,
    };
    let load = |file: &str| std::fs::read_to_string(config.base.join(file));
    problems_listed(config, &listing, &load)
}

/// The same of the files of a listing. Apart from `load` it is pure.
pub(crate) fn problems_listed(config: &Config, listing: &Listing, load: Load<'_>) -> Vec<Problem> {
    let mut reader = Reader::new(config, load);
    reader.keeps = false;
    reader.all(listing);
    reader.finish().err().unwrap_or_default()
}

/// Collects while files go by; holds the tree of one team file at a time.
pub(super) struct Reader<'a> {
    config: &'a Config,
    load: Load<'a>,
    pub(super) snapshot: Snapshot,
    pub(super) problems: Vec<Problem>,
    names: Names,
    /// Whether definitions are wanted.
    keeps: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(config: &'a Config, load: Load<'a>) -> Self {
        let mut snapshot = Snapshot::default();
        snapshot
            .files
            .push((FILE_NAME.to_owned(), config.hash.clone()));
        Self {
            config,
            load,
            snapshot,
            problems: Vec::new(),
            names: Names::default(),
            keeps: true,
        }
    }

    fn all(&mut self, listing: &Listing) {
        self.problems.extend(listing.problems.iter().cloned());
        let world = self.world(listing);
        self.snapshot.owners = world.owners();
        for (name, folder) in &listing.environments {
            self.environment(&world, name, folder);
        }
        self.unused_hosts(listing);
    }

    /// Everything that entries refer to.
    pub(super) fn world(&mut self, listing: &Listing) -> World {
        let shared = match &listing.shared {
            Some(file) => self.open(file, &SHARED),
            None => Table::default(),
        };
        let mut world = World::new(self.config, &shared);
        self.programs(&shared);
        self.programs(&self.config.tree.clone());
        self.problems.extend(world.wrong_escalations());
        world.schedules = timing::built_in();
        for file in &listing.schedules {
            let table = self.open(file, &SCHEDULE);
            let name = Path::new(file)
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy();
            let problem = timing::add_own(&mut world.schedules, &name, file, table);
            self.problems.extend(problem);
        }
        world
    }

    /// What holds for an environment.
    pub(super) fn scope(&mut self, world: &World, name: &str, folder: &Folder) -> Scope {
        let Some(file) = &folder.environment else {
            let first = folder.teams.first().map(String::as_str).unwrap_or_default();
            let beside = Path::new(first)
                .with_file_name("environment.toml")
                .display()
                .to_string();
            let help = format!("write `environment = \"{name}\"` into it");
            self.problems
                .push(Problem::whole(beside, "is missing").help(help));
            return world.scope(name, &Table::default());
        };
        let table = self.open(file, &ENVIRONMENT);
        self.programs(&table);
        if let Some(node) = table
            .node("environment")
            .filter(|node| node.text() != Some(name))
        {
            let message = format!("`environment` differs from the folder's name, `{name}`");
            self.problems.push(Problem::at(&node.place, message));
        }
        if let Some(node) = table.node("environment").filter(|_| !is_name(name)) {
            self.problems.push(not_a_name(name, &node.place));
        }
        let scope = world.scope(name, &table);
        self.snapshot.environments.push(Environment {
            name: name.to_owned(),
            max_starts_per_day: table.count("max_starts_per_day"),
            stores: scope.every_store(),
        });
        scope
    }

    fn environment(&mut self, world: &World, name: &str, folder: &Folder) {
        let scope = self.scope(world, name, folder);
        for file in &folder.teams {
            let around = Around {
                config: self.config,
                world,
                scope: &scope,
            };
            self.team(around, file);
        }
        self.problems.extend(self.names.wrong_neighbours(name));
    }

    /// One team file.
    pub(super) fn team(&mut self, around: Around<'_>, file: &str) {
        let team = self.open(file, &TEAM);
        for (name, entry) in team.entries("secrets") {
            self.secret(around, &team, name, entry);
        }
    }

    fn secret(&mut self, around: Around<'_>, team: &Table, name: &str, entry: &Entry) {
        let layered = match layered(around, team, name, entry) {
            Ok(layered) => layered,
            Err(problem) => return self.problems.extend(problem),
        };
        self.problems
            .extend(self.names.take(&layered.id, &entry.key));
        let Resolved {
            definition,
            problems,
            warnings,
        } = resolve(around, &layered);
        self.problems.extend(problems);
        self.snapshot.warnings.extend(warnings);
        if let Some(definition) = definition {
            self.problems
                .extend(self.names.note(&definition, &layered.table, &entry.key));
            self.snapshot
                .definitions
                .extend(self.keeps.then_some(definition));
        }
    }

    /// Reads, parses and checks one file. A file that is not TOML is not checked further: what could be
    /// understood of it serves references only.
    pub(super) fn open(&mut self, file: &str, keys: &Keys) -> Table {
        let text = match (self.load)(file) {
            Ok(text) => text,
            Err(error) => {
                self.problems
                    .push(Problem::whole(file, format!("cannot be read: {error}")));
                return Table::default();
            }
        };
        self.snapshot.files.push((file.to_owned(), hash(&text)));
        let (table, problems) = parse(file, &text);
        if problems.is_empty() {
            self.problems
                .extend(check(&table, keys, &Place::start(file)));
        }
        self.problems.extend(problems);
        table
    }

    /// Stores and issuers whose program is not declared.
    fn programs(&mut self, table: &Table) {
        let tables = ["stores", "issuers"]
            .into_iter()
            .flat_map(|key| table.entries(key));
        for (_, entry) in tables {
            let program = entry.node.table().and_then(|table| table.node("program"));
            let problem = program.and_then(|node| unknown_program(self.config, node));
            self.problems.extend(problem);
        }
    }

    /// Hosts of an environment that nobody has: most likely misspelt.
    pub(super) fn unused_hosts(&mut self, listing: &Listing) {
        for (name, entry) in self.config.tree.entries("hosts") {
            if !listing.environments.contains_key(name) {
                let message = format!("`hosts.{name}` is for an environment that has no folder");
                self.snapshot
                    .warnings
                    .push(Problem::at(&entry.key, message));
            }
        }
    }

    fn finish(mut self) -> Result<Snapshot, Vec<Problem>> {
        self.problems.extend(self.names.clashes());
        self.snapshot.warnings = told_once(self.snapshot.warnings);
        let problems = told_once(self.problems);
        if problems.is_empty() {
            Ok(self.snapshot)
        } else {
            Err(problems)
        }
    }
}

/// Puts the layers of an entry together. An unknown template is the problem; so is an id that cannot be one,
/// except where the check of names has reported that already.
pub(super) fn layered<'a>(
    around: Around<'_>,
    team: &Table,
    name: &str,
    entry: &'a Entry,
) -> Result<Layered<'a>, Option<Problem>> {
    let id = SecretId::new(&around.scope.name, name)
        .map_err(|error| is_name(name).then(|| Problem::at(&entry.key, error.to_string())))?;
    let own = entry.node.table().ok_or(None)?;
    let templates = &around.world.templates;
    if let Some(problem) = own
        .node("like")
        .and_then(|node| unknown("template", node, templates))
    {
        return Err(Some(problem));
    }
    let template = own
        .text("like")
        .map(|like| part(templates, like))
        .unwrap_or_default();
    let defaults = [&around.config.tree, team].map(|table| part(table, "defaults"));
    let [from_config, from_team] = &defaults;
    let layers = [
        from_config,
        &around.scope.defaults,
        from_team,
        &template,
        own,
    ];
    Ok(Layered {
        id,
        at: &entry.key,
        table: merged(layers),
    })
}
