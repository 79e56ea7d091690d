//! What two accounts that take turns may do, compared: a consumer moved to the other one must miss nothing.

use super::standing::ensure_passwords_alone;
use crate::account::Seen;
use crate::server::{Admin, text};
use crate::{account, mariadb, quote};
use keywheel_contract::{Error, Result};
use keywheel_database::lacks;
use std::collections::{BTreeMap, BTreeSet};

/// What one account has.
struct Held {
    rights: BTreeSet<String>,
    settings: BTreeMap<String, String>,
}

impl Admin<'_> {
    /// Compares the account of another user with the one that takes over from it.
    ///
    /// # Errors
    /// `Invalid`: the one that takes over lacks what that one has, with the first few of it.
    pub(crate) async fn ensure_misses_nothing(&mut self, current: &str) -> Result<()> {
        let next = self.server.user().to_owned();
        let had = self.held(current).await?;
        let has = self.held(&next).await?;
        lacks(current, &next, &missing(&had, &has))
    }

    async fn held(&mut self, user: &str) -> Result<Held> {
        let host = self.server.options.host().to_owned();
        let name = format!("{user}@{host}");
        let rows = self.read("the account", mariadb::question(user, &host));
        let rows = rows.await?;
        let row = rows.first().ok_or_else(|| account::is_missing(&name))?;
        let column = text(row, "Priv")?.unwrap_or_default();
        ensure_passwords_alone(&mariadb::read(&column, Seen::default())?, &name)?;
        let quoted = quote::account(user, &host);
        let lines = self.lines("its rights", format!("SHOW GRANTS FOR {quoted}"));
        let lines = lines.await?;
        let rights = lines.iter().map(|line| rights(line, &quoted));
        let rights: Option<Vec<Vec<String>>> = rights.collect();
        let rights = rights.ok_or_else(|| cannot_be_compared(&name))?;
        Ok(Held {
            rights: rights.into_iter().flatten().collect(),
            settings: mariadb::settings(&column)?,
        })
    }
}

fn missing(had: &Held, has: &Held) -> Vec<String> {
    let is_covered = |right: &&String| {
        let object = right.split_once(" on ").map(|(_, object)| object);
        let all = object.map(|object| format!("ALL PRIVILEGES on {object}"));
        let grants = right.starts_with("GRANT OPTION on ");
        has.rights.contains(*right) || (!grants && all.is_some_and(|all| has.rights.contains(&all)))
    };
    let rights = had.rights.iter().filter(|right| !is_covered(right));
    let names: BTreeSet<&String> = had.settings.keys().chain(has.settings.keys()).collect();
    let differ = |name: &&&String| had.settings.get(**name) != has.settings.get(**name);
    let settings = names.iter().filter(differ).map(|name| {
        let value = had.settings.get(*name).map_or("not set", String::as_str);
        format!("the setting {name}: {value}")
    });
    rights.cloned().chain(settings).collect()
}

/// The rights of one line of `SHOW GRANTS`, each for itself, without whose they are. What is behind the account may be a
/// hash: it is looked at and never shown. `None`: it cannot be read.
fn rights(line: &str, account: &str) -> Option<Vec<String>> {
    if line.starts_with("SET DEFAULT ROLE ") {
        // It is among the settings.
        return Some(Vec::new());
    }
    let (granted, behind) = line
        .strip_prefix("GRANT ")?
        .split_once(&format!(" TO {account}"))?;
    let Some((privileges, object)) = granted.rsplit_once(" ON ") else {
        let admin = behind.contains("WITH ADMIN OPTION");
        let how = if admin { " with admin option" } else { "" };
        return Some(vec![format!("the role {granted}{how}")]);
    };
    let privileges = each(privileges).into_iter().flat_map(columns);
    let mut rights: Vec<String> = privileges
        .filter(|privilege| privilege != "USAGE")
        .map(|privilege| format!("{privilege} on {object}"))
        .collect();
    if behind.contains(" WITH GRANT OPTION") {
        rights.push(format!("GRANT OPTION on {object}"));
    }
    Some(rights)
}

/// What is not understood may be a right that the other account lacks.
fn cannot_be_compared(name: &str) -> Error {
    Error::invalid(format!(
        "`SHOW GRANTS FOR` account {name} has a line that cannot be read, so that its rights cannot be compared: look at \
         it. Before 10.4.13 MariaDB quotes names otherwise, and `DENY` is not known here; nothing was changed"
    ))
}

/// At commas outside parentheses.
fn each(list: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let outside = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    list.split(outside).map(str::trim).collect()
}

/// `SELECT (a, b)` for each column alone.
fn columns(privilege: &str) -> Vec<String> {
    let listed = privilege
        .strip_suffix(')')
        .and_then(|rest| rest.split_once(" ("));
    match listed {
        None => vec![privilege.to_owned()],
        Some((privilege, columns)) => columns
            .split(", ")
            .map(|column| format!("{privilege} ({column})"))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, missing, rights};

    fn held(lines: &[&str], settings: &[(&str, &str)]) -> Held {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Held {
            rights: lines
                .iter()
                .flat_map(|line| rights(line, "`a`@`%`").unwrap())
                .collect(),
            settings: settings.iter().map(pair).collect(),
        }
    }

    #[test]
    fn each_right_stands_for_itself_and_nothing_of_a_hash_is_kept() {
        for (line, expected) in [
            (
                "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*00'",
                &[][..],
            ),
            (
                "GRANT PROCESS, FILE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*00' WITH GRANT OPTION",
                &["PROCESS on *.*", "FILE on *.*", "GRANT OPTION on *.*"],
            ),
            (
                "GRANT SELECT (`id`, `name`), INSERT ON `shop`.`orders` TO `a`@`%`",
                &[
                    "SELECT (`id`) on `shop`.`orders`",
                    "SELECT (`name`) on `shop`.`orders`",
                    "INSERT on `shop`.`orders`",
                ],
            ),
            (
                "GRANT EXECUTE ON PROCEDURE `shop`.`pay` TO `a`@`%`",
                &["EXECUTE on PROCEDURE `shop`.`pay`"],
            ),
            (
                "GRANT `readers` TO `a`@`%` WITH ADMIN OPTION",
                &["the role `readers` with admin option"],
            ),
            ("SET DEFAULT ROLE `readers` FOR `a`@`%`", &[]),
        ] {
            let read = rights(line, "`a`@`%`").unwrap();
            assert_eq!(read, expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_never_no_right() {
        for line in [
            "GRANT FILE ON *.* TO \"a\"@\"%\"",
            "GRANT FILE ON *.* TO 'a'@'%'",
            "GRANT FILE ON *.* TO a@%",
            "DENY FILE ON *.* TO `a`@`%`",
            "",
        ] {
            assert_eq!(rights(line, "`a`@`%`"), None, "{line}");
        }
    }

    #[test]
    fn more_is_no_lack() {
        let few = held(&["GRANT SELECT, INSERT ON `shop`.* TO `a`@`%`"], &[]);
        let all = held(&["GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`"], &[]);
        let grants = held(
            &["GRANT SELECT ON `shop`.* TO `a`@`%` WITH GRANT OPTION"],
            &[],
        );
        assert_eq!(missing(&few, &all), Vec::<String>::new());
        assert_eq!(missing(&all, &few), ["ALL PRIVILEGES on `shop`.*"]);
        assert_eq!(missing(&grants, &all), ["GRANT OPTION on `shop`.*"]);
        let limited = held(&[], &[("max_user_connections", "30")]);
        assert_eq!(
            missing(&limited, &held(&[], &[])),
            ["the setting max_user_connections: 30"]
        );
        assert_eq!(
            missing(&held(&[], &[]), &limited),
            ["the setting max_user_connections: not set"]
        );
    }
}
