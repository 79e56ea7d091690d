//! One connection to the server, bounded in every wait, and what can go wrong on it.

use crate::options::MysqlOptions;
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySqlConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// How long connecting may take, login included.
const CONNECTING: Duration = Duration::from_secs(8);
/// How long one statement may take. The server gives up a lock earlier by itself.
const ANSWERING: Duration = Duration::from_secs(10);

/// Where the server is.
pub(crate) struct Address {
    host: String,
    port: u16,
    encrypted: bool,
    ca_file: Option<PathBuf>,
}

/// Why a connection or a statement brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server said no, by this number.
    Refused(u16),
    /// No answer, or one that is not understood: a change may have happened.
    Lost,
}

/// A connection; it closes when this is dropped.
pub(crate) struct Link(MySqlConnection);

impl Address {
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub(crate) fn new(options: &MysqlOptions, base: &Path) -> Result<Self> {
        let place = options.place()?;
        Ok(Self {
            encrypted: place.encrypted,
            host: place.host,
            port: place.port,
            ca_file: options.ca_file.as_ref().map(|file| base.join(file)),
        })
    }

    /// A new connection, logged in.
    pub(crate) async fn connect(
        &self,
        user: &str,
        password: &SecretValue,
    ) -> std::result::Result<Link, Trouble> {
        let options = self.options(user, password).ok_or(Trouble::Lost)?;
        answered(timeout(CONNECTING, options.connect()).await).map(Link)
    }

    /// `None` where the password is no text, which no client could send. Nothing is set that needs a right.
    fn options(&self, user: &str, password: &SecretValue) -> Option<MySqlConnectOptions> {
        let options = MySqlConnectOptions::new()
            .host(&self.host)
            .port(self.port)
            .username(user)
            .password(password.expose_secret_str()?)
            .ssl_mode(match self.encrypted {
                true => MySqlSslMode::VerifyIdentity,
                false => MySqlSslMode::Disabled,
            })
            // It would log statements that hold hashes.
            .disable_statement_logging();
        Some(match &self.ca_file {
            Some(file) => options.ssl_ca(file),
            None => options,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mysql at {}:{}", self.host, self.port)
    }
}

impl Link {
    /// The rows of one statement of ours, with every text in it quoted.
    pub(crate) async fn rows(
        &mut self,
        statement: String,
    ) -> std::result::Result<Vec<MySqlRow>, Trouble> {
        let asked = self.0.fetch_all(sqlx::raw_sql(AssertSqlSafe(statement)));
        answered(timeout(ANSWERING, asked).await)
    }

    /// Says goodbye; whether the server hears of it does not matter.
    pub(crate) async fn close(self) {
        drop(timeout(ANSWERING, self.0.close()).await);
    }

    /// One statement that has none.
    pub(crate) async fn run(&mut self, statement: String) -> std::result::Result<(), Trouble> {
        self.rows(statement).await.map(drop)
    }
}

fn answered<T>(
    answer: std::result::Result<sqlx::Result<T>, tokio::time::error::Elapsed>,
) -> std::result::Result<T, Trouble> {
    match answer {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(sqlx::Error::Database(error))) => {
            let number = error.try_downcast_ref::<MySqlDatabaseError>();
            Err(number.map_or(Trouble::Lost, |error| Trouble::Refused(error.number())))
        }
        Ok(Err(_)) | Err(_) => Err(Trouble::Lost),
    }
}

/// Whether something may be changed where a statement did not succeed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Not at all.
    Reads,
    /// Perhaps, unless it was refused.
    Changes,
    /// It is: a statement before it has done so.
    Continues,
}

/// The account is not as it was read, or that is long ago: `SIGNAL` of ours, from the numbers that are free for that.
pub(crate) const CHANGED: u16 = 31_000;

impl Trouble {
    /// What it means, in words of our own: those of the server may repeat the statement.
    pub(crate) fn error(self, address: &Address, what: &str, effect: Effect) -> Error {
        let may_have_happened = match (effect, self) {
            (Effect::Reads, _) => false,
            (Effect::Changes, Self::Refused(number)) => AFTER_A_PART.contains(&number),
            (Effect::Changes, Self::Lost) | (Effect::Continues, _) => true,
        };
        if may_have_happened {
            let message = format!("{address} did not finish {what}: it may have happened");
            return Error::unknown_outcome(message);
        }
        let Self::Refused(number) = self else {
            return Error::unavailable(format!("{address} did not answer {what}"));
        };
        let (kind, why) = meaning(number);
        Error::new(
            kind,
            format!("{address} refused {what}: {why} (error {number})"),
        )
    }
}

/// Shut down, killed, out of time, and connections that may not be closed, which is tried last: what was done before
/// stays.
const AFTER_A_PART: [u16; 5] = [1053, 1095, 1317, 1927, 1969];

/// By number: the texts are translated and differ between versions.
fn meaning(number: u16) -> (ErrorKind, &'static str) {
    match number {
        1045 | 1130 | 1698 | 4151 | 3118 => (
            ErrorKind::Denied,
            "the name or password of `admin` is wrong, or it is not let in from here",
        ),
        1142 | 1143 | 1044 | 1095 | 1227 | 1370 | 3170 | 1410 => (
            ErrorKind::Denied,
            "`admin` may not: the rights it needs stand in docs/providers/mysql.md",
        ),
        // The reason is told as a warning only; that the account is there was seen just before.
        1396 | 1819 | 1290 => (
            ErrorKind::Invalid,
            "its password policy takes no hashes, or the account is gone: see docs/providers/mysql.md",
        ),
        1836 | 4093 => (
            ErrorKind::Invalid,
            "it is read only: name the primary in `address`",
        ),
        CHANGED => (
            ErrorKind::Conflict { seen: None },
            "the account was changed in the meantime, or the change arrived late",
        ),
        1040 | 1203 | 1205 | 1213 | 1226 | 1053 | 1317 | 1927 | 1969 => {
            (ErrorKind::Unavailable, "it is not ready")
        }
        _ => (ErrorKind::Unavailable, "for a reason we do not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, CHANGED, Effect, Trouble, meaning};
    use keywheel_contract::ErrorKind;

    #[test]
    fn what_a_person_must_mend_is_not_tried_again() {
        for (number, kind) in [
            (1045, ErrorKind::Denied),
            (1095, ErrorKind::Denied),
            (1227, ErrorKind::Denied),
            (1290, ErrorKind::Invalid),
            (1396, ErrorKind::Invalid),
            (1040, ErrorKind::Unavailable),
            (1205, ErrorKind::Unavailable),
            (CHANGED, ErrorKind::Conflict { seen: None }),
            (9999, ErrorKind::Unavailable),
        ] {
            assert_eq!(meaning(number).0, kind, "{number}");
        }
    }

    #[test]
    fn what_was_done_in_part_is_never_told_as_undone() {
        let address = Address {
            host: "h".to_owned(),
            port: 1,
            encrypted: false,
            ca_file: None,
        };
        let doubt = ErrorKind::UnknownOutcome;
        for (trouble, effect, kind) in [
            (Trouble::Refused(1227), Effect::Changes, ErrorKind::Denied),
            (Trouble::Refused(1227), Effect::Continues, doubt.clone()),
            (Trouble::Refused(1095), Effect::Changes, doubt.clone()),
            (Trouble::Refused(1053), Effect::Changes, doubt.clone()),
            (
                Trouble::Refused(1053),
                Effect::Reads,
                ErrorKind::Unavailable,
            ),
            (Trouble::Lost, Effect::Changes, doubt.clone()),
            (Trouble::Lost, Effect::Continues, doubt),
            (Trouble::Lost, Effect::Reads, ErrorKind::Unavailable),
        ] {
            let told = trouble.error(&address, "the change", effect);
            assert_eq!(told.kind, kind, "{trouble:?}");
        }
    }
}
