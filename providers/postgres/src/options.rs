//! How an issuer `postgres` is configured.

use keywheel_contract::{Error, Result, Style};
use keywheel_database::{AdminOptions, Passwords, Place};
use serde::Deserialize;
use std::path::PathBuf;

/// Options of the issuer `postgres`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresOptions {
    /// `host:port` of the server; port 5432 where left out. Anything but this machine is spoken to over TLS.
    pub address: String,
    /// The database that consumers log in to, and whose grants are compared; `postgres` where left out.
    #[serde(default)]
    pub database: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate. With it TLS is asked for on this
    /// machine too.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who changes the roles.
    pub admin: AdminOptions,
    /// The two roles that take turns.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Instead of two: one role, whose old password dies when the new one is set.
    #[serde(default)]
    pub role: Option<String>,
    /// Letters and digits of a password; 32 where left out.
    #[serde(default)]
    pub length: Option<usize>,
}

/// The usual port.
const PORT: u16 = 5432;
/// The longest name that PostgreSQL does not cut (`NAMEDATALEN` - 1), bytes.
const LONGEST_NAME: usize = 63;

impl PostgresOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "address", "database", "ca_file", "admin", "roles", "role", "length",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.place()?;
        self.passwords()?;
        let names = self.rotated();
        let wrong = match (self.roles.as_slice(), &self.role) {
            ([], Some(_)) => None,
            ([a, b], None) if a != b => None,
            (_, Some(_)) => Some("`roles` and `role` exclude each other"),
            (_, None) => Some("`roles` names the two different roles that take turns"),
        };
        let all = names.iter().chain([&self.admin.user, self.database()]);
        let unfit =
            |name: &str| name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0');
        let wrong = match wrong {
            Some(wrong) => Some(wrong),
            None if names.contains(&self.admin.user) => {
                Some("`admin` is a role that it would rotate itself: let another one do that")
            }
            None if all.clone().any(|name| unfit(name)) => {
                Some("a name is empty, or longer than the 63 bytes that PostgreSQL keeps")
            }
            None => None,
        };
        wrong.map_or(Ok(()), |wrong| Err(Error::invalid(wrong)))
    }

    pub(crate) fn style(&self) -> Style {
        match self.role {
            Some(_) => Style::InPlace,
            None => Style::Alternating,
        }
    }

    /// The roles that are given passwords.
    pub(crate) fn rotated(&self) -> Vec<String> {
        self.roles.iter().chain(&self.role).cloned().collect()
    }

    pub(crate) fn database(&self) -> &String {
        static USUAL: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| "postgres".to_owned());
        self.database.as_ref().unwrap_or(&USUAL)
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
    use super::PostgresOptions;

    const ADMIN: &str = "admin = { user = 'rotator', password = { env = 'EXAMPLE' } }\n";

    fn options(more: &str) -> Result<PostgresOptions, toml::de::Error> {
        toml::from_str(&format!("{ADMIN}{more}"))
    }

    #[test]
    fn what_cannot_work_together_is_said() {
        for (more, said) in [
            ("roles = ['a', 'b']", ""),
            ("role = 'a'", ""),
            ("", "the two different roles"),
            ("roles = ['a', 'a']", "the two different roles"),
            ("roles = ['a', 'b', 'c']", "the two different roles"),
            ("roles = ['a', 'b']\nrole = 'a'", "exclude each other"),
            ("roles = ['a', 'rotator']", "let another one do that"),
            ("roles = ['a', '']", "a name is empty"),
            ("role = 'a'\nlength = 19", "from 20 to 128"),
        ] {
            let read = options(&format!("address = 'h'\n{more}")).unwrap();
            let error = read
                .check()
                .err()
                .map(|error| error.message)
                .unwrap_or_default();
            assert_eq!(error.is_empty(), said.is_empty(), "{more}: {error}");
            assert!(error.contains(said), "{more}: {error}");
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'h'\ndatabase = 'd'\nca_file = 'c'\nroles = ['a', 'b']\nrole = 'r'\nlength = 32";
        let read: toml::Table = toml::from_str(&format!("{ADMIN}{all}")).unwrap();
        let mut keys = PostgresOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options(&format!("{all}\nx = 1")).is_err());
    }
}
