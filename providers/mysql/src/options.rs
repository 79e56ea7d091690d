//! How an issuer `mysql` is configured.

use keywheel_contract::{Error, Result};
use keywheel_database::{AdminOptions, Passwords, Place};
use serde::Deserialize;
use std::path::PathBuf;

/// Options of the issuer `mysql`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MysqlOptions {
    /// `host:port` of the server; port 3306 where left out. Anything but this machine is spoken to over TLS.
    pub address: String,
    /// PEM file of further authorities that may have signed the server's certificate. With it TLS is asked for on this
    /// machine too.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who changes the account.
    pub admin: AdminOptions,
    /// The account that gets new passwords, two at once.
    #[serde(default)]
    pub user: Option<String>,
    /// Instead of one: the two accounts that take turns.
    #[serde(default)]
    pub users: Vec<String>,
    /// Their host part; `%` where left out.
    #[serde(default)]
    pub user_host: Option<String>,
    /// Letters and digits of a password; 32 where left out.
    #[serde(default)]
    pub length: Option<usize>,
    /// Whether all connections of `user`, where that is one, are closed when a password is taken away, for they may have been opened with it;
    /// whatever their host part.
    #[serde(default)]
    pub end_sessions: bool,
}

/// The usual port.
const PORT: u16 = 3306;
/// Longest name of a user, characters, as MySQL has it; MariaDB takes 80.
const LONGEST_USER: usize = 80;
/// Longest host part (`HOSTNAME_LENGTH`).
const LONGEST_HOST: usize = 255;

impl MysqlOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "address",
        "ca_file",
        "admin",
        "user",
        "users",
        "user_host",
        "length",
        "end_sessions",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.place()?;
        self.passwords()?;
        let unfit = |name: &str, longest: usize| {
            name.is_empty() || name.chars().count() > longest || name.contains(char::is_control)
        };
        let wrong = self.wrong_users().or_else(|| {
            let rotated = self.rotated();
            let mut users = rotated.iter().chain([&self.admin.user]);
            if users.any(|user| unfit(user, LONGEST_USER)) {
                Some("the name of a user is empty, too long, or has a control character")
            } else if unfit(self.host(), LONGEST_HOST) {
                Some("`user_host` is empty, too long, or has a control character")
            } else if rotated.contains(&self.admin.user) {
                Some("`admin` is a user that it would rotate itself: let another one do that")
            } else {
                None
            }
        });
        wrong.map_or(Ok(()), |wrong| Err(Error::invalid(wrong)))
    }

    fn wrong_users(&self) -> Option<&'static str> {
        match (self.users.as_slice(), &self.user) {
            ([], Some(_)) => None,
            ([a, b], None) if a != b && !self.end_sessions => None,
            ([a, b], None) if a != b => Some(
                "`end_sessions` goes with `user`: of two users in turn the sessions of the ended one end anyway",
            ),
            (_, Some(_)) => Some("`users` and `user` exclude each other"),
            (_, None) => Some(
                "`user` names the one that gets new passwords, or `users` the two different ones that take turns",
            ),
        }
    }

    /// Whether two accounts take turns.
    pub(crate) fn alternates(&self) -> bool {
        self.user.is_none()
    }

    /// The users that are given passwords.
    pub(crate) fn rotated(&self) -> Vec<String> {
        self.users.iter().chain(&self.user).cloned().collect()
    }

    pub(crate) fn host(&self) -> &str {
        self.user_host.as_deref().unwrap_or("%")
    }

    /// # Errors
    /// `Invalid`: `length` is out of bounds.
    pub(crate) fn passwords(&self) -> Result<Passwords> {
        Passwords::of_length(self.length)
    }

    /// # Errors
    /// `Invalid`: `address` is none.
    pub(crate) fn place(&self) -> Result<Place> {
        Place::read(&self.address, self.ca_file.as_ref(), PORT)
    }
}

#[cfg(test)]
mod tests {
    use super::MysqlOptions;

    const ADMIN: &str = "admin = { user = 'rotator', password = { env = 'EXAMPLE' } }\n";

    fn options(more: &str) -> Result<MysqlOptions, toml::de::Error> {
        toml::from_str(&format!("{ADMIN}{more}"))
    }

    #[test]
    fn what_cannot_work_together_is_said() {
        for (more, said) in [
            ("user = 'app'", ""),
            ("user = 'a b'\nuser_host = '10.0.0.0/255.0.0.0'", ""),
            ("user = ''", "empty"),
            ("user = 'app'\nuser_host = ''", "`user_host`"),
            ("user = 'rotator'", "let another one do that"),
            ("user = 'app'\nlength = 19", "from 20 to 128"),
            ("", "or `users`"),
            ("users = ['a', 'b']", ""),
            ("users = ['a', 'a']", "two different ones"),
            ("users = ['a', 'b', 'c']", "two different ones"),
            ("users = ['a', 'b']\nuser = 'a'", "exclude each other"),
            ("users = ['a', 'rotator']", "let another one do that"),
            ("users = ['a', '']", "empty"),
            (
                "users = ['a', 'b']\nend_sessions = true",
                "goes with `user`",
            ),
        ] {
            let read = options(&format!("address = 'h'\n{more}")).unwrap();
            let error = read.check().err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert_eq!(error.is_empty(), said.is_empty(), "{more}: {error}");
            assert!(error.contains(said), "{more}: {error}");
        }
        let named = options("address = 'mysql://h'\nuser = 'app'").unwrap();
        assert!(named.check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'h'\nca_file = 'c'\nuser = 'a'\nusers = []\nuser_host = '%'\nlength = 32\nend_sessions = false";
        let read: toml::Table = toml::from_str(&format!("{ADMIN}{all}")).unwrap();
        let mut keys = MysqlOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options(&format!("{all}\nx = 1")).is_err());
    }
}
