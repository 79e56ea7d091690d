//! Whether the admin may close connections of others: looked at before a password is taken away, for afterwards it is
//! too late to refuse.

use crate::server::{Admin, text};
use keywheel_contract::{Error, Result};
use sqlx::{Column as _, Row as _};

/// Any of these suffices. From MariaDB 11 on `SUPER` does no more: who has nothing else is told afterwards (1095).
const RIGHTS: [&str; 4] = [
    "ALL PRIVILEGES",
    "CONNECTION ADMIN",
    "CONNECTION_ADMIN",
    "SUPER",
];

impl Admin<'_> {
    /// Also true where nothing is to be closed.
    ///
    /// # Errors
    /// `Denied`: it may not.
    pub(crate) async fn ensure_may_close(&mut self) -> Result<()> {
        if !self.server.options.end_sessions {
            return Ok(());
        }
        // Ours, with those of the roles that are active.
        let rows = self.read("its rights", "SHOW GRANTS".to_owned()).await?;
        for row in rows {
            let column = row.columns().first().map(|column| column.name().to_owned());
            let line = text(&row, &column.unwrap_or_default())?;
            if line.is_some_and(|line| gives(&line)) {
                return Ok(());
            }
        }
        Err(Error::denied(format!(
            "`admin` of {} may not close connections of others, which `end_sessions` takes: GRANT CONNECTION ADMIN ON *.* \
             (MySQL: CONNECTION_ADMIN); nothing was changed",
            self.server.address
        )))
    }
}

/// A line of `SHOW GRANTS`, which may end with a hash: it is read and never shown.
fn gives(line: &str) -> bool {
    let everywhere = line.split_once(" ON *.* TO ").map(|(rights, _)| rights);
    let rights = everywhere.and_then(|rights| rights.strip_prefix("GRANT "));
    rights.is_some_and(|rights| rights.split(", ").any(|right| RIGHTS.contains(&right)))
}

#[cfg(test)]
mod tests {
    use super::gives;

    #[test]
    fn a_right_is_read_where_it_is_for_all() {
        for (line, expected) in [
            (
                "GRANT CREATE USER, CONNECTION ADMIN ON *.* TO `k`@`%` IDENTIFIED BY PASSWORD '*00'",
                true,
            ),
            (
                "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
                true,
            ),
            ("GRANT CONNECTION_ADMIN ON *.* TO `k`@`%`", true),
            ("GRANT SELECT, SUPER ON *.* TO `k`@`%`", true),
            ("GRANT CREATE USER ON *.* TO `k`@`%`", false),
            ("GRANT CREATE USER ON *.* TO `SUPER`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `shop`.* TO `k`@`%`", false),
            ("GRANT `CONNECTION ADMIN` TO `k`@`%`", false),
        ] {
            assert_eq!(gives(line), expected, "{line}");
        }
    }
}
