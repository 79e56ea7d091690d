//! What the admin may do beside changing accounts: looked at before anything changes. Whoever may not close connections
//! would be told so too late, and whoever may not see those of others would see none, and be told nothing at all.

use crate::server::Admin;
use keywheel_contract::{Error, Result};

/// Any of these suffices. From MariaDB 11 on `SUPER` does no more: who has nothing else is told afterwards (1095).
const CLOSES: [&str; 4] = [
    "ALL PRIVILEGES",
    "CONNECTION ADMIN",
    "CONNECTION_ADMIN",
    "SUPER",
];
/// Either suffices.
const SEES: [&str; 2] = ["ALL PRIVILEGES", "PROCESS"];

impl Admin<'_> {
    /// Also true where nothing is to be closed.
    ///
    /// # Errors
    /// `Denied`: it may not.
    pub(crate) async fn ensure_may_close(&mut self) -> Result<()> {
        let options = &self.server.options;
        if !options.end_sessions && !options.alternates() || self.has(&CLOSES).await? {
            return Ok(());
        }
        let why = match options.alternates() {
            true => "two users in turn take",
            false => "`end_sessions` takes",
        };
        Err(Error::denied(format!(
            "`admin` of {} may not close connections of others, which {why}: GRANT CONNECTION ADMIN ON *.* \
             (MySQL: CONNECTION_ADMIN); nothing was changed",
            self.server.address
        )))
    }

    /// # Errors
    /// `Denied`: it sees no connections but its own.
    pub(crate) async fn ensure_sees_others(&mut self) -> Result<()> {
        match self.has(&SEES).await? {
            true => Ok(()),
            false => Err(Error::denied(format!(
                "`admin` of {} may not see who is logged in: GRANT PROCESS ON *.*",
                self.server.address
            ))),
        }
    }

    async fn has(&mut self, rights: &[&str]) -> Result<bool> {
        // Ours, with those of the roles that are active.
        let lines = self.lines("its rights", "SHOW GRANTS".to_owned()).await?;
        Ok(lines.iter().any(|line| gives(line, rights)))
    }
}

/// A line of `SHOW GRANTS`, which may end with a hash: it is read and never shown.
fn gives(line: &str, wanted: &[&str]) -> bool {
    let everywhere = line.split_once(" ON *.* TO ").map(|(rights, _)| rights);
    let rights = everywhere.and_then(|rights| rights.strip_prefix("GRANT "));
    rights.is_some_and(|rights| rights.split(", ").any(|right| wanted.contains(&right)))
}

#[cfg(test)]
mod tests {
    use super::{CLOSES, SEES, gives};

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
            assert_eq!(gives(line, &CLOSES), expected, "{line}");
        }
        let line = "GRANT PROCESS, CREATE USER ON *.* TO `k`@`%`";
        assert!(gives(line, &SEES) && !gives(line, &CLOSES));
    }
}
