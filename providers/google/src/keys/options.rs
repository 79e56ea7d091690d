//! How an issuer `google-service-account-key` is configured.

use crate::options::plain;
use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

const SERVICE: &str = "https://iam.googleapis.com";
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// The path of a token endpoint.
const TOKEN: &str = "/token";
/// How an account is named that a project made for itself: the project stands in it.
const OF_PROJECT: &str = ".iam.gserviceaccount.com";

/// Options of the issuer `google-service-account-key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKeyOptions {
    /// The email address of the account whose keys these are.
    pub account: String,
    /// Its project, where the address does not name it.
    #[serde(default)]
    pub project: Option<String>,
    /// Who we are: the key file of another account, or a workload identity; the application default credentials where
    /// left out.
    #[serde(default)]
    pub credentials: Option<Reference>,
    /// After so many days a new key ends by itself; 730 where left out.
    #[serde(default)]
    pub valid_days: Option<u32>,
    /// `https://host` instead of the service's own; `http://` only on this machine, without any credentials.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// `https://host/token` where the account logs in, instead of Google's own.
    #[serde(default)]
    pub token_uri: Option<String>,
    /// PEM file of further authorities that may have signed the certificates of both.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl ServiceKeyOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "account",
        "project",
        "credentials",
        "valid_days",
        "endpoint",
        "token_uri",
        "ca_file",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        let (name, domain) = self.account.split_once('@').unwrap_or_default();
        if plain("account", name, "-").is_err() || !domain.ends_with(".gserviceaccount.com") {
            return Err(Error::invalid(
                "`account` is not the address of a service account: write NAME@PROJECT.iam.gserviceaccount.com",
            ));
        }
        plain("project", self.project()?, "-.:")?;
        if !(1..=3650).contains(&self.valid_days()) {
            return Err(Error::invalid("`valid_days` is not from 1 to 3650"));
        }
        let plaintext = self.endpoint_url()?.scheme() == "http";
        if plaintext && self.credentials.is_some() {
            return Err(Error::invalid(
                "`credentials` are never sent without encryption: leave them out, or let `endpoint` be https",
            ));
        }
        self.token_url().map(drop)
    }

    /// The account's project.
    pub(crate) fn project(&self) -> Result<&str> {
        let domain = self.account.split_once('@').map(|(_, domain)| domain);
        let named = domain.and_then(|domain| domain.strip_suffix(OF_PROJECT));
        self.project.as_deref().or(named).ok_or_else(|| {
            Error::invalid(
                "the address of `account` does not name its project: write `project` too",
            )
        })
    }

    pub(crate) fn valid_days(&self) -> u32 {
        self.valid_days.unwrap_or(730)
    }

    pub(crate) fn endpoint_url(&self) -> Result<Url> {
        let endpoint = self.endpoint.as_deref().unwrap_or(SERVICE);
        addresses::origin("endpoint", endpoint, "https://host")
    }

    pub(crate) fn token_url(&self) -> Result<Url> {
        const EXAMPLE: &str = "https://host/token";
        let uri = self.token_uri.as_deref().unwrap_or(TOKENS);
        let host = uri.strip_suffix(TOKEN).ok_or_else(|| {
            Error::invalid(format!(
                "`token_uri` does not end in `/token`: write it as {EXAMPLE}"
            ))
        })?;
        let mut url = addresses::origin("token_uri", host, EXAMPLE)?;
        url.set_path(TOKEN);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceKeyOptions;

    const ACCOUNT: &str = "account = 'chat@example-1.iam.gserviceaccount.com'";

    fn options(text: &str) -> ServiceKeyOptions {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_account_names_its_project_or_somebody_does() {
        let usual = options(ACCOUNT);
        assert_eq!(usual.project().unwrap(), "example-1");
        assert!(usual.check().is_ok());
        let machine = "account = '12-compute@developer.gserviceaccount.com'";
        assert!(options(machine).check().is_err());
        assert!(
            options(&format!("{machine}\nproject = 'example'"))
                .check()
                .is_ok()
        );
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for good in [
            "endpoint = 'http://127.0.0.1:1'\ntoken_uri = 'http://127.0.0.1:1/token'",
            "endpoint = 'https://iam.example.com'\ncredentials = { file = 'a' }",
            "valid_days = 90",
        ] {
            assert!(
                options(&format!("{ACCOUNT}\n{good}")).check().is_ok(),
                "{good}"
            );
        }
        for bad in [
            "endpoint = 'http://iam.example.com'",
            "endpoint = 'http://127.0.0.1:1'\ncredentials = { file = 'a' }",
            "token_uri = 'https://oauth2.example.com'",
            "token_uri = 'http://oauth2.example.com/token'",
            "valid_days = 0",
            "valid_days = 5000",
            "project = 'a/b'",
        ] {
            assert!(
                options(&format!("{ACCOUNT}\n{bad}")).check().is_err(),
                "{bad}"
            );
        }
        for account in ["chat", "chat@example.com", "a/b@p.iam.gserviceaccount.com"] {
            assert!(
                options(&format!("account = '{account}'")).check().is_err(),
                "{account}"
            );
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "project = 'p'\ncredentials = { file = 'c' }\nvalid_days = 1\nendpoint = 'https://h'\n\
                   token_uri = 'https://h/token'\nca_file = 'c'";
        let text = format!("{ACCOUNT}\n{all}");
        let read: toml::Table = toml::from_str(&text).unwrap();
        let mut keys = ServiceKeyOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(toml::from_str::<ServiceKeyOptions>(&text).is_ok());
        assert!(toml::from_str::<ServiceKeyOptions>(&format!("{text}\nx = 1")).is_err());
    }
}
