//! The team file that entries are written into: found, read, added to. What stands in it is never changed.

use crate::config::Config;
use crate::config::file::is_name;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A team file that exists or is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Where it is.
    path: PathBuf,
    /// Relative to `keywheel.toml`, as problems name it.
    pub shown: String,
    /// The environment whose folder it lies in.
    pub environment: String,
    /// What stands in it; none where it does not exist.
    pub before: Option<String>,
}

/// Why entries cannot be written there.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// Nobody would read it.
    #[error(
        "`{shown}` is no file for secrets: they lie in {inventory}/ENVIRONMENT/NAME.toml, and not in environment.toml"
    )]
    Elsewhere {
        /// As it was given.
        shown: String,
        /// The folder of the inventory.
        inventory: String,
    },
    /// The operating system.
    #[error("{shown}: {error}")]
    System {
        /// The file.
        shown: String,
        /// Its answer.
        error: std::io::Error,
    },
    /// Somebody wrote to it since it was read.
    #[error("{0} was edited meanwhile; nothing was written")]
    Edited(String),
}

impl Team {
    /// Finds and reads it.
    ///
    /// # Errors
    /// It would not be read as part of the inventory, or cannot be read now.
    pub fn find(config: &Config, given: &Path) -> Result<Self, TeamError> {
        let shown = given.display().to_string();
        let elsewhere = || TeamError::Elsewhere {
            shown: shown.clone(),
            inventory: config.inventory.display().to_string(),
        };
        let name = given.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| is_team(name)).ok_or_else(elsewhere)?;
        let folder = given.parent().filter(|folder| *folder != Path::new(""));
        let real = |path: &Path| path.canonicalize().map_err(|_| elsewhere());
        let folder = real(folder.unwrap_or(Path::new(".")))?;
        let below = folder.parent().ok_or_else(elsewhere)?;
        let environment = folder.file_name().and_then(|name| name.to_str());
        let environment = environment
            .filter(|name| is_name(name))
            .ok_or_else(elsewhere)?;
        if below != real(&config.inventory)? {
            return Err(elsewhere());
        }
        let path = config.inventory.join(environment).join(name);
        let shown = path
            .strip_prefix(&config.base)
            .unwrap_or(&path)
            .display()
            .to_string();
        let before = read(&path).map_err(|error| TeamError::System {
            shown: shown.clone(),
            error,
        })?;
        Ok(Self {
            environment: environment.to_owned(),
            path,
            shown,
            before,
        })
    }

    /// The whole text with more entries at its end.
    pub(super) fn with(&self, entries: &str) -> String {
        let head = self.head();
        format!("{head}{entries}")
    }

    /// What stands above new entries.
    pub(super) fn head(&self) -> String {
        match &self.before {
            None => HEAD.to_owned(),
            Some(text) if text.is_empty() || text.ends_with('\n') => text.clone(),
            Some(text) => format!("{text}\n"),
        }
    }

    /// Writes it with more entries at its end, all or nothing.
    ///
    /// # Errors
    /// Somebody wrote to it since it was read, or the operating system refuses; then it is as it was.
    pub fn add(&self, entries: &str) -> Result<(), TeamError> {
        let system = |error| TeamError::System {
            shown: self.shown.clone(),
            error,
        };
        if read(&self.path).map_err(system)? != self.before {
            return Err(TeamError::Edited(self.shown.clone()));
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        // Files that begin with a point are no part of the inventory.
        let beside = folder.join(format!(".{name}.new"));
        let done = self.replace(&beside, &self.with(entries));
        if done.is_err() {
            // It may not have been made at all; the first error is the one to tell.
            drop(std::fs::remove_file(&beside));
        }
        done.map_err(system)
    }

    fn replace(&self, beside: &Path, text: &str) -> std::io::Result<()> {
        let mut file = std::fs::File::create(beside)?;
        if self.before.is_some() {
            file.set_permissions(std::fs::metadata(&self.path)?.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(beside, &self.path)
    }
}

/// What a new file begins with.
const HEAD: &str = "# Imported by `keywheel inventory import`. `track` keeps dates and starts nothing; to hand a secret over, say\n\
     # who issues it, who uses it, and `manage = \"auto\"`.\n";

fn is_team(name: &str) -> bool {
    name.ends_with(".toml") && !name.starts_with('.') && name != "environment.toml"
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
