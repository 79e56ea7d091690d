//! How a `dotenv` store is configured.

use serde::Deserialize;
use std::path::PathBuf;

/// Options of the store `dotenv`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DotenvOptions {
    /// The folder below which the files lie; a place's path is relative to it.
    pub root: PathBuf,
}

impl DotenvOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["root"];
}
