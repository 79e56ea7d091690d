//! `journal`: where our own database is.

use super::file::{Problem, Table};
use std::path::Path;

const SQLITE: &str = "sqlite://";

/// The address with a SQLite file made absolute, so that the current folder never matters.
pub(super) fn journal(config: &Table, base: &Path, problems: &mut Vec<Problem>) -> String {
    let Some(node) = config.node("journal") else {
        return String::new();
    };
    let text = node.text().unwrap_or_default();
    if let Some(file) = text.strip_prefix(SQLITE) {
        return format!("{SQLITE}{}", base.join(file).display());
    }
    if node.text().is_some() && !is_postgres(text) {
        problems.push(
            Problem::at(&node.place, "`journal` is not the address of a database")
                .help("write `sqlite://keywheel.db` or `postgres://host/database`"),
        );
    } else if text.contains("password=") {
        problems.push(
            Problem::at(&node.place, "`journal` holds a literal secret")
                .help("leave the password out and give it in a password file (PGPASSFILE)"),
        );
    }
    text.to_owned()
}

fn is_postgres(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}
