//! How an issuer `redis` is configured.

use keywheel_contract::{Error, Result};
use keywheel_database::{AdminOptions, Passwords, Place};
use serde::Deserialize;
use std::path::PathBuf;

/// Options of the issuer `redis`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisOptions {
    /// `host:port` of the server; port 6379 where left out. Anything but this machine is spoken to over TLS.
    pub address: String,
    /// PEM file of further authorities that may have signed the server's certificate. With it TLS is asked for on this
    /// machine too.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who changes the user.
    pub admin: AdminOptions,
    /// The user that gets new passwords.
    pub user: String,
    /// Letters and digits of a password; 32 where left out.
    #[serde(default)]
    pub length: Option<usize>,
    /// Why it is enough to change this one node, where it has replicas or is part of a cluster: Redis hands ACL users
    /// to no other node.
    #[serde(default)]
    pub one_node: Option<String>,
    /// Whether all of the user's connections are closed when a password is taken away, for they may have been opened
    /// with it.
    #[serde(default)]
    pub end_sessions: bool,
}

/// The usual port.
const PORT: u16 = 6379;

impl RedisOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "address",
        "ca_file",
        "admin",
        "user",
        "length",
        "one_node",
        "end_sessions",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.place()?;
        self.passwords()?;
        // As Redis itself has it (`ACLStringHasSpaces`, `src/acl.c`).
        let unfit = |name: &str| {
            name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        let wrong = if unfit(&self.user) || unfit(&self.admin.user) {
            "the name of a user is empty or has white space"
        } else if self.user == self.admin.user {
            "`admin` is the user that it would rotate itself: let another one do that"
        } else if self
            .one_node
            .as_ref()
            .is_some_and(|why| why.trim().is_empty())
        {
            "`one_node` gives no reason"
        } else {
            return Ok(());
        };
        Err(Error::invalid(wrong))
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
    use super::RedisOptions;

    const ADMIN: &str = "admin = { user = 'rotator', password = { env = 'EXAMPLE' } }\n";

    fn options(more: &str) -> Result<RedisOptions, toml::de::Error> {
        toml::from_str(&format!("{ADMIN}{more}"))
    }

    #[test]
    fn what_cannot_work_together_is_said() {
        for (more, said) in [
            ("user = 'app'", ""),
            ("user = 'a b'", "white space"),
            ("user = ''", "empty"),
            ("user = 'rotator'", "let another one do that"),
            ("user = 'app'\nlength = 19", "from 20 to 128"),
            ("user = 'app'\none_node = ' '", "no reason"),
        ] {
            let read = options(&format!("address = 'h'\n{more}")).unwrap();
            let error = read.check().err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert_eq!(error.is_empty(), said.is_empty(), "{more}: {error}");
            assert!(error.contains(said), "{more}: {error}");
        }
        let named = options("address = 'redis://h'\nuser = 'app'").unwrap();
        assert!(named.check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'h'\nca_file = 'c'\nuser = 'a'\nlength = 32\none_node = 'w'\nend_sessions = false";
        let read: toml::Table = toml::from_str(&format!("{ADMIN}{all}")).unwrap();
        let mut keys = RedisOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options(&format!("{all}\nx = 1")).is_err());
    }
}
