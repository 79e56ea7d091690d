//! The inventory one team file at a time, so that applying it never holds more than the largest file.

use super::definition::Definition;
use super::folders::list;
use super::marks::Marks;
use super::read::Reader;
use super::resolve::Around;
use super::world::{Environment, Owner, Scope, World};
use crate::config::file::hash;
use crate::config::{Config, Problem};
use std::collections::BTreeMap;

/// Everything that team files are layered over, and where those files are.
pub struct Sources<'a> {
    config: &'a Config,
    world: World,
    environments: Vec<Part>,
    /// Path and hash of every file that is no team file.
    pub files: Vec<(String, String)>,
    /// Rotations that the schedule may start in 24 hours, by environment.
    pub limits: BTreeMap<String, Option<i64>>,
    /// What works and should still be looked at.
    pub warnings: Vec<Problem>,
    /// Whether no problem was found outside of the team files.
    pub is_sound: bool,
}

struct Part {
    scope: Scope,
    around: String,
    teams: Vec<String>,
}

/// One team file; its text is read by [`Sources::text`].
#[derive(Debug, Clone, Copy)]
pub struct TeamFile<'a> {
    environment: usize,
    /// Relative to `keywheel.toml`.
    pub path: &'a str,
    /// Version of this program, a space, and a hash of everything that it is layered over.
    pub around: &'a str,
}

impl TeamFile<'_> {
    /// Whether the version is the one that wrote this.
    pub fn is_of_version(self, around: &str) -> bool {
        let version = |text: &str| text.split_once(' ').map(|(version, _)| version.to_owned());
        version(self.around) == version(around)
    }
}

/// What one team file says.
#[derive(Debug)]
pub struct Team {
    /// Its secrets.
    pub definitions: Vec<Definition>,
    /// What of it concerns other files.
    pub marks: Marks,
    /// What works and should still be looked at.
    pub warnings: Vec<Problem>,
    /// Whether no problem was found in it.
    pub is_sound: bool,
}

impl<'a> Sources<'a> {
    /// Reads everything but the team files.
    ///
    /// # Errors
    /// A folder cannot be read. Other problems only make it unsound: [`read`](super::read()) tells them.
    pub fn open(config: &'a Config) -> Result<Self, Vec<Problem>> {
        let listing = list(config)?;
        let load = |file: &str| std::fs::read_to_string(config.base.join(file));
        let mut reader = Reader::new(config, &load);
        let world = reader.world(&listing);
        let shared = reader.snapshot.files.len();
        let mut environments = Vec::new();
        for (name, folder) in &listing.environments {
            let own = reader.snapshot.files.len();
            let scope = reader.scope(&world, name, folder);
            let files = &reader.snapshot.files;
            let below = files[..shared].iter().chain(&files[own..]);
            environments.push(Part {
                scope,
                around: around(below),
                teams: folder.teams.clone(),
            });
        }
        reader.unused_hosts(&listing);
        Ok(Self {
            config,
            world,
            environments,
            is_sound: reader.problems.is_empty() && listing.problems.is_empty(),
            files: reader.snapshot.files,
            limits: limits(&reader.snapshot.environments),
            warnings: reader.snapshot.warnings,
        })
    }

    /// The owners, by key.
    pub fn owners(&self) -> BTreeMap<String, Owner> {
        self.world.owners()
    }

    /// Every team file, environment by environment.
    pub fn teams(&self) -> impl Iterator<Item = TeamFile<'_>> {
        let parts = self.environments.iter().enumerate();
        parts.flat_map(|(environment, part)| {
            part.teams.iter().map(move |path| TeamFile {
                environment,
                path,
                around: &part.around,
            })
        })
    }

    /// The text of a team file, and its hash.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn text(&self, file: TeamFile<'_>) -> std::io::Result<(String, String)> {
        let text = std::fs::read_to_string(self.config.base.join(file.path))?;
        let hash = hash(&text);
        Ok((text, hash))
    }

    /// What a team file says, by its text.
    pub fn team(&self, file: TeamFile<'_>, text: &str) -> Team {
        let load = |_: &str| Ok(text.to_owned());
        let mut reader = Reader::new(self.config, &load);
        let around = Around {
            config: self.config,
            world: &self.world,
            scope: &self.environments[file.environment].scope,
        };
        reader.team(around, file.path);
        let definitions = reader.snapshot.definitions;
        Team {
            marks: Marks::of(&definitions),
            definitions,
            warnings: reader.snapshot.warnings,
            is_sound: reader.problems.is_empty(),
        }
    }
}

fn limits(environments: &[Environment]) -> BTreeMap<String, Option<i64>> {
    let limit = |one: &Environment| (one.name.clone(), one.max_starts_per_day.map(i64::from));
    environments.iter().map(limit).collect()
}

/// Another version may understand the same files in another way, so it reads them all once.
fn around<'f>(files: impl Iterator<Item = &'f (String, String)>) -> String {
    let files = files.map(|(path, hash)| format!("{path} {hash}\n"));
    let text: String = files.collect();
    format!("{} {}", env!("CARGO_PKG_VERSION"), hash(&text))
}
