//! `journal`: where our own database is.

use super::file::{Problem, Table, has_password_in_url};
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
    } else if text.contains("password=") || has_password_in_url(text) {
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

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn problems(journal: &str) -> String {
        let text = format!("journal = \"{journal}\"\nseal = {{ key_file = \"seal.key\" }}\n");
        let problems = Config::parse(&text, Path::new("/etc")).err();
        let told = problems.unwrap_or_default();
        told.iter().map(|problem| format!("{problem}\n")).collect()
    }

    #[test]
    fn a_host_or_database_may_look_random_and_a_password_may_not_be_there() {
        let random = "Example0A1b2C3d4E5f6G7h8I9j0";
        for fine in [
            format!("postgres://keywheel@{random}.db.internal/{random}"),
            format!("postgresql://{random}@db.internal:5432/{random}?sslmode=require"),
            "postgres://[::1]:5432/keywheel".to_owned(),
        ] {
            assert_eq!(problems(&fine), "", "{fine}");
        }
        for wrong in [
            "postgres://keywheel:example@db.internal/keywheel",
            "postgres://db.internal/keywheel?password=example",
        ] {
            let told = problems(wrong);
            assert!(told.contains("`journal` holds a literal secret"), "{told}");
            assert!(!told.contains("example"), "{told}");
        }
    }
}
