//! The one walk over folders: which files there are, and what each is.

use crate::config::{Config, Problem};
use std::collections::BTreeMap;
use std::path::Path;

/// Every file of the inventory, by what it is. Paths are relative to `keywheel.toml`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// `inventory/shared.toml`, where there is one.
    pub(crate) shared: Option<String>,
    /// The user's own schedules.
    pub(crate) schedules: Vec<String>,
    /// The environments, by folder name.
    pub(crate) environments: BTreeMap<String, Folder>,
    /// Files that nobody would read.
    pub(crate) problems: Vec<Problem>,
}

/// One environment's folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Its `environment.toml`.
    pub(crate) environment: Option<String>,
    /// Every other file.
    pub(crate) teams: Vec<String>,
}

/// Folders below an environment are only looked into so that a lost file is reported.
const DEEPEST: usize = 4;

/// Walks the folders that the configuration names.
///
/// # Errors
/// A folder cannot be read. The folder of own schedules need not exist.
pub(crate) fn list(config: &Config) -> Result<Listing, Vec<Problem>> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    walk(&config.inventory, DEEPEST, &mut files, &mut problems);
    let inventory = std::mem::take(&mut files);
    if config.schedules.exists() {
        walk(&config.schedules, DEEPEST, &mut files, &mut problems);
    }
    if problems.is_empty() {
        Ok(Listing::of(config, &inventory, &files))
    } else {
        Err(problems)
    }
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let shown = folder.display().to_string();
            return problems.push(Problem::whole(shown, format!("cannot be read: {error}")));
        }
    };
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() && depth > 0 {
            walk(&path, depth - 1, files, problems);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path.display().to_string());
        }
    }
}

impl Listing {
    /// Sorts files by what they are.
    pub(crate) fn of(config: &Config, inventory: &[String], schedules: &[String]) -> Self {
        let mut listing = Self::default();
        for file in inventory {
            let parts = below(&config.inventory, file);
            listing.add(shown(config, file), &parts);
        }
        for file in schedules {
            let shown = shown(config, file);
            match below(&config.schedules, file).len() {
                1 => listing.schedules.push(shown),
                _ => listing.lost(shown, "schedules lie directly in their folder"),
            }
        }
        listing.sort();
        listing
    }

    fn add(&mut self, file: String, parts: &[String]) {
        match parts {
            [name] if name == "shared.toml" => self.shared = Some(file),
            [_] => self.lost(
                file,
                "secrets lie in a folder for each environment, the rest in shared.toml",
            ),
            [environment, name] => {
                let folder = self.environments.entry(environment.clone()).or_default();
                if name == "environment.toml" {
                    folder.environment = Some(file);
                } else {
                    folder.teams.push(file);
                }
            }
            _ => self.lost(
                file,
                "files lie directly in the folder of their environment",
            ),
        }
    }

    fn lost(&mut self, file: String, rule: &str) {
        let problem = Problem::whole(file, "nobody reads this file");
        self.problems.push(problem.help(rule));
    }

    fn sort(&mut self) {
        self.schedules.sort();
        self.environments
            .values_mut()
            .for_each(|folder| folder.teams.sort());
    }
}

/// The parts of a path below a folder.
fn below(folder: &Path, file: &str) -> Vec<String> {
    let path = Path::new(file);
    let rest = path.strip_prefix(folder).unwrap_or(path);
    let parts = rest.components();
    parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect()
}

/// How messages and origins name a file.
fn shown(config: &Config, file: &str) -> String {
    let path = Path::new(file);
    path.strip_prefix(&config.base)
        .unwrap_or(path)
        .display()
        .to_string()
}
