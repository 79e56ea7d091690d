//! How a store `vault` is configured.

use crate::shape::check_path;
use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Options of the store `vault`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultOptions {
    /// `https://host:port`; `http://` only for this machine.
    pub address: String,
    /// Where the KV engine, version 2, is mounted; `secret` where left out.
    #[serde(default)]
    pub mount: Option<String>,
    /// The namespace, sent with every call.
    #[serde(default)]
    pub namespace: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who we are there.
    pub login: LoginOptions,
}

/// How we log in. Each credential is a reference.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginOptions {
    /// A token that somebody else obtained, such as an agent that keeps it in a file.
    Token(Reference),
    /// A role id and a secret id.
    Approle(AppRole),
    /// The service account's token of the pod we run in.
    Kubernetes(RoleToken),
    /// A signed token of another issuer.
    Jwt(RoleToken),
}

/// Login by `AppRole`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRole {
    /// Where the method is enabled; `approle` where left out.
    #[serde(default)]
    pub mount: Option<String>,
    /// Names the role.
    pub role_id: Reference,
    /// Proves that we may use it.
    pub secret_id: Reference,
}

/// Login by a signed token for a role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleToken {
    /// Where the method is enabled; `kubernetes` or `jwt` where left out.
    #[serde(default)]
    pub mount: Option<String>,
    /// The role to take.
    pub role: String,
    /// The signed token. With `kubernetes` it may be left out: then it is the one mounted into the pod.
    #[serde(default)]
    pub jwt: Option<Reference>,
}

impl VaultOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["address", "mount", "namespace", "ca_file", "login"];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.origin()?;
        check_path("mount", self.mount())?;
        self.namespace
            .iter()
            .try_for_each(|namespace| check_path("namespace", namespace))?;
        let (mount, lacks_token) = match &self.login {
            LoginOptions::Token(_) => (None, false),
            LoginOptions::Approle(role) => (role.mount.as_deref(), false),
            LoginOptions::Kubernetes(role) => (role.mount.as_deref(), false),
            LoginOptions::Jwt(role) => (role.mount.as_deref(), role.jwt.is_none()),
        };
        if lacks_token {
            return Err(Error::invalid(
                "login by `jwt` needs `jwt`, the place of the signed token",
            ));
        }
        mount
            .iter()
            .try_for_each(|mount| check_path("mount", mount))
    }

    pub(crate) fn mount(&self) -> &str {
        self.mount.as_deref().unwrap_or("secret")
    }

    /// Scheme, host and port of the server.
    pub(crate) fn origin(&self) -> Result<Url> {
        addresses::origin("address", &self.address, "https://host:port")
    }
}

#[cfg(test)]
mod tests {
    use super::{LoginOptions, VaultOptions};

    fn options(text: &str) -> Result<VaultOptions, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn only_this_machine_is_called_without_encryption() {
        let at = |address: &str| {
            let text =
                format!("address = '{address}'\nlogin = {{ token = {{ env = 'EXAMPLE' }} }}");
            options(&text).unwrap().check()
        };
        assert!(at("https://vault.example.com:8200").is_ok());
        assert!(at("http://127.0.0.1:8200").is_ok());
        assert!(at("http://vault.example.com:8200").is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'https://h'\nmount = 'm'\nnamespace = 'n'\nca_file = 'c'\n\
                   login = { approle = { role_id = { env = 'A' }, secret_id = { file = 'b' } } }";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut keys = VaultOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).is_ok());
        assert!(options(&format!("{all}\nx = 1")).is_err());
    }

    #[test]
    fn a_login_by_jwt_names_its_token_and_one_by_kubernetes_need_not() {
        let with = |login: &str| {
            let text = format!("address = 'https://h'\nlogin = {{ {login} = {{ role = 'r' }} }}");
            options(&text).unwrap()
        };
        assert!(with("kubernetes").check().is_ok());
        assert!(with("jwt").check().is_err());
        assert!(matches!(with("jwt").login, LoginOptions::Jwt(_)));
    }
}
