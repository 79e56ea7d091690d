//! The server, as the user that may change the account.

use crate::account::{self, Account, Seen};
use crate::link::{Address, Effect, Link};
use crate::options::MysqlOptions;
use crate::{mariadb, oracle};
use keywheel_contract::{Error, Result};
use sqlx::mysql::MySqlRow;
use sqlx::{Column as _, Row as _};
use std::path::{Path, PathBuf};

/// Where it is, who we are there, and which account we change.
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) options: MysqlOptions,
    user: String,
    base: PathBuf,
}

/// A connection on which we are the admin.
pub(crate) struct Admin<'a> {
    pub(crate) server: &'a Server,
    pub(crate) link: Link,
    pub(crate) dialect: Dialect,
}

/// Whose statements a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    MariaDb,
    MySql,
}

/// A change is given up by the server after this long, seconds, so that none lands hours later. MariaDB, the only one
/// that reads what is behind `M!`, waits for its own tables as long as it takes otherwise. Names are quoted as `quote.rs`
/// does, whatever the server's own settings.
const SESSION: &str = "SET SESSION lock_wait_timeout = 5, sql_mode = '', sql_quote_show_create = 1 \
     /*M!, max_statement_time = 6 */";

impl Server {
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub(crate) fn new(options: MysqlOptions, user: String, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            address: Address::new(&options, base)?,
            options,
            user,
            base: base.to_owned(),
        })
    }

    /// Logs in, with the password as it lies there now.
    pub(crate) async fn admin(&self) -> Result<Admin<'_>> {
        let admin = &self.options.admin;
        let password = admin.password.read(&self.base).await?;
        let link = self.address.connect(&admin.user, &password).await;
        let told = |trouble: crate::link::Trouble| {
            trouble.error(&self.address, "the login of `admin`", Effect::Reads)
        };
        let mut admin = Admin {
            server: self,
            link: link.map_err(told)?,
            dialect: Dialect::MariaDb,
        };
        admin.link.run(SESSION.to_owned()).await.map_err(told)?;
        admin.dialect = admin.dialect().await?;
        Ok(admin)
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// User and host part.
    pub(crate) fn parts(&self) -> (&str, &str) {
        (&self.user, self.options.host())
    }

    /// As people write it.
    pub(crate) fn account_name(&self) -> String {
        let (user, host) = self.parts();
        format!("{user}@{host}")
    }
}

impl Admin<'_> {
    async fn dialect(&mut self) -> Result<Dialect> {
        let version = "SELECT VERSION() AS Version".to_owned();
        let rows = self.read("its version", version).await?;
        let version = rows.first().map(|row| text(row, "Version")).transpose()?;
        dialect(&version.flatten().unwrap_or_default())
    }

    /// One statement that changes nothing; errors name what was asked for.
    pub(crate) async fn read(&mut self, what: &str, statement: String) -> Result<Vec<MySqlRow>> {
        let rows = self.link.rows(statement).await;
        rows.map_err(|trouble| {
            let what = format!("the question for {what}");
            trouble.error(&self.server.address, &what, Effect::Reads)
        })
    }

    /// The same, for rows of one text each, whatever their column is called.
    pub(crate) async fn lines(&mut self, what: &str, statement: String) -> Result<Vec<String>> {
        let rows = self.read(what, statement).await?;
        let line = |row: &MySqlRow| {
            let column = row.columns().first().map(|column| column.name().to_owned());
            text(row, &column.unwrap_or_default()).map(Option::unwrap_or_default)
        };
        rows.iter().map(line).collect()
    }

    /// The account that gets new passwords, where it exists.
    pub(crate) async fn account(&mut self) -> Result<Option<Account>> {
        let (user, host) = self.server.parts();
        let question = match self.dialect {
            Dialect::MariaDb => mariadb::question(user, host),
            Dialect::MySql => oracle::question(user, host),
        };
        let rows = self.read("the account", question).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let of = |name: &str| text(row, name).map(Option::unwrap_or_default);
        let account = match self.dialect {
            Dialect::MariaDb => {
                let at = of("At")?.parse();
                let at = at.map_err(|_| Error::unavailable("the server tells no time"))?;
                let digest = of("Digest")?;
                mariadb::read(&of("Priv")?, Seen { digest, at })?
            }
            Dialect::MySql => {
                let retained = text(row, "Retained")?;
                oracle::read(
                    &of("Plugin")?,
                    &of("Current")?,
                    retained.as_deref(),
                    &of("Locked")?,
                )?
            }
        };
        Ok(Some(account))
    }

    /// The same, where it must exist.
    pub(crate) async fn existing(&mut self) -> Result<Account> {
        let found = self.account().await?;
        found.ok_or_else(|| account::is_missing(&self.server.account_name()))
    }
}

/// Columns are text or bytes, as versions and collations have it.
pub(crate) fn text(row: &MySqlRow, name: &str) -> Result<Option<String>> {
    let bytes: Option<Vec<u8>> = row
        .try_get_unchecked(name)
        .map_err(|_| Error::unavailable(format!("the server tells no `{name}`")))?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| Error::unavailable(format!("`{name}` of the server is no text")))
}

/// Two passwords at once take MariaDB 10.4 or MySQL 8.0.14.
fn dialect(version: &str) -> Result<Dialect> {
    let numbers = version.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<u32> = numbers
        .take(3)
        .map_while(|part| part.parse().ok())
        .collect();
    let (dialect, least) = match version.contains("MariaDB") {
        true => (Dialect::MariaDb, [10, 4, 3]),
        false => (Dialect::MySql, [8, 0, 14]),
    };
    match numbers.as_slice() >= least.as_slice() {
        true => Ok(dialect),
        false => Err(Error::invalid(format!(
            "the server is of version `{version}`: two passwords at once take MariaDB 10.4.3 or MySQL 8.0.14"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, dialect};

    #[test]
    fn versions_that_know_two_passwords_are_told_from_others() {
        for (version, expected) in [
            ("10.11.19-MariaDB-0+deb12u1-log", Some(Dialect::MariaDb)),
            ("5.5.5-10.3.39-MariaDB", None),
            ("10.3.39-MariaDB", None),
            ("11.4.2-MariaDB", Some(Dialect::MariaDb)),
            ("8.0.36", Some(Dialect::MySql)),
            ("8.4.0-commercial", Some(Dialect::MySql)),
            ("9.1.0", Some(Dialect::MySql)),
            ("8.0.11-TiDB-v8.5.0", None),
            ("5.7.44", None),
            ("", None),
        ] {
            assert_eq!(dialect(version).ok(), expected, "{version}");
        }
    }
}
