//! How an issuer `postgres` is configured.

use keywheel_contract::{Error, Result, Style};
use keywheel_reference::Reference;
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

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

/// The role that changes the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminOptions {
    /// Its name.
    pub user: String,
    /// Where its password lies.
    pub password: Reference,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encrypted: bool,
}

/// The longest name that PostgreSQL does not cut (`NAMEDATALEN` - 1), bytes.
const LONGEST_NAME: usize = 63;
/// 20 letters and digits are 119 bits.
const SHORTEST: usize = 20;
const LONGEST: usize = 128;

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
            None if !(SHORTEST..=LONGEST).contains(&self.length()) => {
                Some("`length` is from 20 to 128")
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

    pub(crate) fn length(&self) -> usize {
        self.length.unwrap_or(32)
    }

    /// Read by the same rules as the inventory does that binds it to `hosts`.
    pub(crate) fn place(&self) -> Result<Place> {
        let wrong = || Error::invalid("`address` is not an address: write it as host:port");
        let url = Url::parse(&format!("https://{}", self.address)).map_err(|_| wrong())?;
        let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        let ours = keywheel_reference::addresses::is_this_machine(&url);
        Ok(Place {
            host: host.trim_matches(['[', ']'].as_slice()).to_owned(),
            // A port that is the usual one of the scheme it was read with is left out by the reader.
            port: match self.address.ends_with(":443") {
                true => 443,
                false => url.port().unwrap_or(5432),
            },
            encrypted: self.ca_file.is_some() || !ours,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, PostgresOptions};

    const ADMIN: &str = "admin = { user = 'rotator', password = { env = 'EXAMPLE' } }\n";

    fn options(more: &str) -> Result<PostgresOptions, toml::de::Error> {
        toml::from_str(&format!("{ADMIN}{more}"))
    }

    fn place(address: &str) -> Option<(String, u16, bool)> {
        let read = options(&format!("address = '{address}'\nrole = 'app'")).unwrap();
        let place = |Place {
                         host,
                         port,
                         encrypted,
                     }| (host, port, encrypted);
        read.place().ok().map(place)
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption() {
        for (address, host, port, encrypted) in [
            ("db.example.com", "db.example.com", 5432, true),
            ("db.example.com:6432", "db.example.com", 6432, true),
            ("db.example.com:443", "db.example.com", 443, true),
            ("127.0.0.1:1", "127.0.0.1", 1, false),
            ("localhost", "localhost", 5432, false),
            ("[::1]:1", "::1", 1, false),
        ] {
            let expected = Some((host.to_owned(), port, encrypted));
            assert_eq!(place(address), expected, "{address}");
        }
        for wrong in ["", "u:example@h", "h/db", "h?a", "/run/postgresql", "h:x"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
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
