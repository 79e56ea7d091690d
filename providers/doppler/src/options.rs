//! How a store `doppler` is configured.

use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Where the service is, unless the options say otherwise.
const SERVICE: &str = "https://api.doppler.com";

/// Calls a minute for one address and one token, as older pages of the service's reference state; newer ones make it
/// a matter of the plan.
const PER_MINUTE: u32 = 120;

/// Options of the store `doppler`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DopplerOptions {
    /// A service token of the config, or a service account's token.
    pub token: Reference,
    /// `https://host:port` of the service, where it is not `https://api.doppler.com`; `http://` only for this machine.
    #[serde(default)]
    pub address: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Every write is filed as a change request; where left out, only what the service refuses to take otherwise.
    #[serde(default)]
    pub review: bool,
    /// Calls a minute that the plan allows; 120 where left out.
    #[serde(default)]
    pub per_minute: Option<u32>,
}

impl DopplerOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["token", "address", "ca_file", "review", "per_minute"];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        if self.per_minute() < 10 {
            return Err(Error::invalid(
                "`per_minute` is below 10: a rotation could not be carried out",
            ));
        }
        self.origin().map(drop)
    }

    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute.unwrap_or(PER_MINUTE)
    }

    /// Scheme, host and port of the server.
    pub(crate) fn origin(&self) -> Result<Url> {
        let address = self.address.as_deref().unwrap_or(SERVICE);
        addresses::origin("address", address, "https://host:port")
    }
}

#[cfg(test)]
mod tests {
    use super::DopplerOptions;

    fn options(text: &str) -> Result<DopplerOptions, toml::de::Error> {
        toml::from_str(&format!("token = {{ env = 'EXAMPLE' }}\n{text}"))
    }

    #[test]
    fn the_service_is_called_unless_another_address_is_written() {
        let usual = options("").unwrap();
        assert!(usual.check().is_ok());
        assert_eq!(usual.origin().unwrap().as_str(), "https://api.doppler.com/");
        assert_eq!(usual.per_minute(), 120);
    }

    #[test]
    fn only_this_machine_is_called_without_encryption() {
        let at = |address: &str| options(&format!("address = '{address}'")).unwrap().check();
        for good in ["https://proxy.example.com:8443", "http://127.0.0.1:8200"] {
            assert!(at(good).is_ok(), "{good}");
        }
        assert!(at("http://proxy.example.com").is_err());
        assert!(options("per_minute = 0").unwrap().check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'https://h'\nca_file = 'c'\nreview = true\nper_minute = 240";
        let read: toml::Table = toml::from_str(&format!("{all}\ntoken = 1")).unwrap();
        let mut keys = DopplerOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options("x = 1").is_err());
    }
}
