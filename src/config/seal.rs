//! `seal`: where the key is that seals values in the journal.

use super::file::Table;
use std::path::{Path, PathBuf};

/// The seal key, by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Absolute.
    pub key_file: PathBuf,
}

pub(super) fn seal(config: &Table, base: &Path) -> Seal {
    let file = config.table("seal").and_then(|seal| seal.text("key_file"));
    Seal {
        key_file: base.join(file.unwrap_or_default()),
    }
}
