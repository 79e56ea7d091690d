//! How an issuer `azure-app-secret` is configured.

use crate::options::{ClientSecret, LoginOptions, WorkloadIdentity, authority, check_id};
use keywheel_contract::{Error, Result};
use keywheel_reference::addresses;
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Graph of the public cloud.
const PUBLIC_GRAPH: &str = "https://graph.microsoft.com";
/// Two years, as Graph itself takes where nothing is asked for.
const DAYS: u16 = 730;
/// Ten years.
const MOST_DAYS: u16 = 3653;

/// Options of the issuer `azure-app-secret`: whose secrets these are, and as whom Graph is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSecretOptions {
    /// Id of the tenant that the application logs in to.
    pub tenant: String,
    /// The application's id, which it logs in with as `client_id`.
    pub application: String,
    /// Who we are: an owner of the application, and not itself.
    pub login: LoginOptions,
    /// After so many days a new secret ends by itself; 730 where left out.
    #[serde(default)]
    pub valid_days: Option<u16>,
    /// Microsoft Graph of a sovereign cloud; the public cloud's where left out.
    #[serde(default)]
    pub graph: Option<String>,
    /// Where identities log in; the public cloud's where left out.
    #[serde(default)]
    pub authority_host: Option<String>,
    /// PEM file of further authorities that may have signed the certificates of both.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl AppSecretOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "tenant",
        "application",
        "login",
        "valid_days",
        "graph",
        "authority_host",
        "ca_file",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        check_id("tenant", &self.tenant)?;
        check_id("application", &self.application)?;
        self.login.check()?;
        self.graph()?;
        self.authority()?;
        if !(1..=MOST_DAYS).contains(&self.days()) {
            return Err(Error::invalid(format!(
                "`valid_days` is from 1 to {MOST_DAYS}: longer than the schedule leaves a secret in use"
            )));
        }
        match &self.login {
            LoginOptions::ClientSecret(ClientSecret { client_id, .. })
            | LoginOptions::WorkloadIdentity(WorkloadIdentity { client_id, .. })
                if *client_id == self.application =>
            {
                Err(Error::invalid(
                    "`login` is the application itself: whoever ends the secret that it logs in with can end nothing \
                     more; give keywheel an identity of its own",
                ))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn days(&self) -> u16 {
        self.valid_days.unwrap_or(DAYS)
    }

    pub(crate) fn graph(&self) -> Result<Url> {
        let host = self.graph.as_deref().unwrap_or(PUBLIC_GRAPH);
        addresses::encrypted_origin("graph", host, PUBLIC_GRAPH)
    }

    pub(crate) fn authority(&self) -> Result<Url> {
        authority(self.authority_host.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::AppSecretOptions;

    fn options(more: &str) -> AppSecretOptions {
        let login = match more.contains("login = ") {
            true => "",
            false => "login = { managed_identity = {} }",
        };
        toml::from_str(&format!(
            "tenant = 't'\napplication = 'a-1'\n{login}\n{more}"
        ))
        .unwrap()
    }

    #[test]
    fn what_cannot_work_is_said() {
        assert!(options("").check().is_ok());
        assert_eq!(options("").days(), 730);
        let own = |id: &str| {
            format!(
                "login = {{ client_secret = {{ tenant = 't', client_id = '{id}', secret = {{ env = 'E' }} }} }}"
            )
        };
        assert!(options(&own("b-1")).check().is_ok());
        for (more, words) in [
            ("valid_days = 0".to_owned(), "valid_days"),
            ("valid_days = 5000".to_owned(), "valid_days"),
            ("graph = 'http://graph.example.com'".to_owned(), "graph"),
            ("authority_host = 'login'".to_owned(), "authority_host"),
            (own("a-1"), "itself"),
        ] {
            let said = options(&more).check().unwrap_err();
            assert!(said.message.contains(words), "{more}: {said}");
        }
        let wrong = AppSecretOptions {
            application: "a/b".to_owned(),
            ..options("")
        };
        assert!(wrong.check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "tenant = 't'\napplication = 'a'\nlogin = { managed_identity = {} }\nvalid_days = 1\n\
                   graph = 'g'\nauthority_host = 'h'\nca_file = 'c'";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        let mut keys = AppSecretOptions::KEYS.to_vec();
        fields.sort_unstable();
        keys.sort_unstable();
        assert_eq!(fields, keys);
        assert!(toml::from_str::<AppSecretOptions>(&format!("{all}\nx = 1")).is_err());
    }
}
