//! A configuration with as many secrets as a cell wants, as people would write it: a file for each team.

use super::definitions::{PER_FILE, name, path};
use super::ground::{Backend, disk, new_database};
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One secret in this many has no consumer, so that its rotation runs through.
pub(crate) const ALONE: usize = 1_000;

/// A folder with `keywheel.toml`; removed with the value.
pub(crate) struct Folder {
    folder: TempDir,
    /// The journal's address.
    pub(crate) url: String,
}

impl Folder {
    /// Writes it.
    pub(crate) async fn write(backend: &Backend, size: usize) -> Result<Self> {
        let made = Self::empty(backend).await?;
        for first in (0..size).step_by(PER_FILE) {
            made.team(first, first..(first + PER_FILE).min(size))?;
        }
        Ok(made)
    }

    /// Writes one whose only team's file is this.
    pub(crate) async fn with_team(backend: &Backend, text: &str) -> Result<Self> {
        let made = Self::empty(backend).await?;
        fs::write(made.path().join("inventory/production/team.toml"), text)?;
        Ok(made)
    }

    async fn empty(backend: &Backend) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("inventory-")
            .tempdir_in(disk())?;
        let url = match backend {
            Backend::Sqlite => "sqlite://keywheel.db".to_owned(),
            Backend::Postgres(url) => new_database(url).await?,
        };
        let made = Self { folder, url };
        made.settings()?;
        Ok(made)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every file of the inventory.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.path().join("inventory/production"))?;
        let files = entries.map(|entry| Ok(entry?.path()));
        files.collect()
    }

    fn settings(&self) -> Result<()> {
        fs::create_dir_all(self.path().join("inventory/production"))?;
        fs::create_dir_all(self.path().join("schedules"))?;
        fs::create_dir_all(self.path().join("published"))?;
        let files = [
            (
                "keywheel.toml",
                format!("journal = \"{}\"\n{SETTINGS}", self.url),
            ),
            ("inventory/shared.toml", SHARED.to_owned()),
            (
                "inventory/production/environment.toml",
                ENVIRONMENT.to_owned(),
            ),
            ("schedules/figures.toml", SCHEDULE.to_owned()),
        ];
        for (file, text) in files {
            fs::write(self.path().join(file), text)?;
        }
        Ok(())
    }

    fn team(&self, first: usize, numbers: std::ops::Range<usize>) -> Result<()> {
        let mut text = String::new();
        for number in numbers {
            let (name, path) = (name(number), path(number));
            write!(
                text,
                "[secrets.{name}]\nlike = \"token\"\ntags = [\"figures\"]\n\
                 impact = \"one of many services is down\"\n\
                 publish_to = [{{ store = \"main\", path = \"{path}\", \
                 fields = {{ TOKEN = \"{{value}}\", TOKEN_OLD = \"{{previous.value}}\" }} }}]\n"
            )?;
            match number % ALONE {
                0 => text.push_str(
                    "no_consumers = \"it is rotated through while the figures are taken\"\n",
                ),
                _ => text.push_str(CONSUMER),
            }
        }
        let file = format!("inventory/production/team-{:04}.toml", first / PER_FILE);
        Ok(fs::write(self.path().join(file), text)?)
    }
}

const SETTINGS: &str = "inventory = \"inventory\"\nschedules = \"schedules\"\nlisten = \"127.0.0.1:0\"\n\
     seal = { key_file = \"seal.key\" }\n";
const SHARED: &str = "[owners]\nteam = { email = \"team@example.com\" }\n\
     [templates.token]\nissuer = { kind = \"random\", length = 48 }\n";
const ENVIRONMENT: &str = "environment = \"production\"\n\
     defaults = { owner = \"team\", schedule = \"figures\", manage = \"auto\" }\n\
     [stores.main]\nkind = \"files\"\nroot = \"published\"\n";
const SCHEDULE: &str = "every = \"30d\"\njitter = \"0s\"\ndue_soon = \"7d\"\nproof = \"claimed\"\n\
     prove_within = \"1h\"\noverlap = \"0s\"\nquiet = \"0s\"\nundo = \"0s\"\n";
const CONSUMER: &str = "consumers.app = { role = \"accepts\", \
     notify = { http = \"http://127.0.0.1:9/-/reload\" }, \
     verify = { http = \"http://127.0.0.1:9/.well-known/keywheel\" } }\n";
