//! How a store `github-actions` is configured.

use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Where the service is, unless the options say otherwise.
const SERVICE: &str = "https://api.github.com";
/// Below this path a server of one's own (GitHub Enterprise Server) has the same interface.
const OWN: &str = "/api/v3";
/// Calls an hour for one person's token, as the service documents them.
const PER_HOUR: u32 = 5_000;

/// Options of the store `github-actions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GithubOptions {
    /// A fine-grained personal access token, a token of an app's installation, or a classic token.
    pub token: Reference,
    /// `https://host/api/v3` of a server of one's own, or another host of the service; `http://` only for this machine.
    #[serde(default)]
    pub address: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who may use an organization's secret that the first publish makes; one that is there keeps what it has.
    #[serde(default)]
    pub visibility: Visibility,
    /// Calls an hour that the token has; 5,000 where left out.
    #[serde(default)]
    pub per_hour: Option<u32>,
}

/// Which repositories of an organization may use a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every one.
    All,
    /// Those that are not public.
    #[default]
    Private,
}

impl Visibility {
    /// The service's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Private => "private",
        }
    }
}

impl GithubOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["token", "address", "ca_file", "visibility", "per_hour"];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        if self.per_hour() < 500 {
            return Err(Error::invalid(
                "`per_hour` is below 500: a rotation could not be carried out in good time",
            ));
        }
        self.root().map(drop)
    }

    pub(crate) fn per_hour(&self) -> u32 {
        self.per_hour.unwrap_or(PER_HOUR)
    }

    /// Where every call's path begins.
    pub(crate) fn root(&self) -> Result<Url> {
        let address = self.address.as_deref().unwrap_or(SERVICE);
        let address = address.trim_end_matches('/');
        let (host, path) = match address.strip_suffix(OWN) {
            Some(host) => (host, OWN),
            None => (address, ""),
        };
        let mut root = addresses::origin("address", host, "https://host/api/v3")?;
        root.set_path(path);
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::{GithubOptions, Visibility};

    fn options(text: &str) -> Result<GithubOptions, toml::de::Error> {
        toml::from_str(&format!("token = {{ env = 'EXAMPLE' }}\n{text}"))
    }

    #[test]
    fn the_service_is_called_unless_another_address_is_written() {
        let usual = options("").unwrap();
        assert!(usual.check().is_ok());
        assert_eq!(usual.root().unwrap().as_str(), "https://api.github.com/");
        assert_eq!(usual.visibility, Visibility::Private);
        let root = |address: &str| {
            let options = options(&format!("address = '{address}'")).unwrap();
            options.root().map(|url| url.to_string())
        };
        for address in [
            "https://git.example.com/api/v3",
            "https://git.example.com/api/v3/",
        ] {
            assert_eq!(root(address).unwrap(), "https://git.example.com/api/v3");
        }
        assert_eq!(
            root("https://api.example.ghe.com").unwrap(),
            "https://api.example.ghe.com/"
        );
    }

    #[test]
    fn only_this_machine_is_called_without_encryption() {
        let at = |address: &str| options(&format!("address = '{address}'")).unwrap().check();
        for good in ["http://127.0.0.1:8200", "http://localhost:1/api/v3"] {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "http://git.example.com/api/v3",
            "https://git.example.com/api/v4",
            "https://git.example.com/x/api/v3",
            "https://u:example@git.example.com/api/v3",
        ] {
            let refused = at(bad).unwrap_err();
            assert!(refused.message.contains("/api/v3"), "{refused}");
            assert!(!refused.message.contains("u:example"), "{refused}");
        }
        assert!(options("per_hour = 10").unwrap().check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'https://h'\nca_file = 'c'\nvisibility = 'all'\nper_hour = 15000";
        let read: toml::Table = toml::from_str(&format!("{all}\ntoken = 1")).unwrap();
        let mut keys = GithubOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options("x = 1").is_err());
        assert!(options("visibility = 'selected'").is_err());
    }
}
