//! Where a credential of ours lies, such as the one that a store is spoken to with, and which [`addresses`] it may be
//! shown to. It is read at each use, so that a replaced one is picked up. A crate of its own, for the contract does no
//! input and output.

pub mod addresses;

use keywheel_contract::{Error, Result, SecretValue};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Longest credential read from a file, in bytes.
const LONGEST: u64 = 64 * 1024;

/// `{ env = "…" }` or `{ file = "…" }`; never a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reference {
    /// An environment variable of the daemon.
    Env(String),
    /// A file; a relative path counts from the folder of `keywheel.toml`.
    File(PathBuf),
}

impl Reference {
    /// The text there now, without the line end that editors add.
    ///
    /// # Errors
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): it is not set, empty, or not text.
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): its file cannot be read now.
    pub async fn read(&self, base: &Path) -> Result<SecretValue> {
        let whole = match self {
            Self::Env(name) => std::env::var(name)
                .map(SecretValue::from)
                .map_err(|_| Error::invalid(format!("{self} is not set")))?,
            Self::File(path) => self.read_file(&base.join(path)).await?,
        };
        let text = whole.expose_secret_str().map(str::trim_end);
        match text.filter(|text| !text.is_empty()) {
            Some(text) => Ok(SecretValue::from(text.to_owned())),
            None => Err(Error::invalid(format!("{self} is empty or not text"))),
        }
    }

    async fn read_file(&self, path: &Path) -> Result<SecretValue> {
        let cannot = |why: &dyn std::fmt::Display| {
            Error::unavailable(format!("{self} cannot be read: {why}"))
        };
        let known = tokio::fs::metadata(path).await;
        let known = known.map_err(|error| cannot(&error.kind()))?;
        if !known.is_file() || known.len() > LONGEST {
            return Err(cannot(&"it is not a file of at most 64 KiB"));
        }
        let bytes = tokio::fs::read(path).await;
        Ok(SecretValue::new(
            bytes.map_err(|error| cannot(&error.kind()))?,
        ))
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}
