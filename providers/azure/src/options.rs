//! How a store `azure-key-vault` is configured.

use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Where identities of the public cloud log in.
const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// Options of the store `azure-key-vault`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureOptions {
    /// `https://NAME.vault.azure.net`, or the vault's address in a sovereign cloud.
    pub vault: String,
    /// Who we are there.
    pub login: LoginOptions,
    /// Where identities log in, such as `https://login.microsoftonline.us`; the public cloud's where left out.
    #[serde(default)]
    pub authority_host: Option<String>,
    /// PEM file of further authorities that may have signed the certificates of vault and authority host.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How we log in. Each credential is a reference.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginOptions {
    /// The identity of the machine or app we run as.
    ManagedIdentity(ManagedIdentity),
    /// An application that trusts a token of another issuer, such as that of a pod's service account.
    WorkloadIdentity(WorkloadIdentity),
    /// An application with a client secret.
    ClientSecret(ClientSecret),
}

/// Which of the machine's identities: at most one name, none for the system-assigned one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedIdentity {
    /// Client id of a user-assigned identity.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Object id of a user-assigned identity.
    #[serde(default)]
    pub object_id: Option<String>,
    /// Resource id of a user-assigned identity.
    #[serde(default)]
    pub resource_id: Option<String>,
}

/// Login by a federated token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIdentity {
    /// Id of the tenant.
    pub tenant: String,
    /// Id of the application.
    pub client_id: String,
    /// The other issuer's token; where left out, the one that the webhook of Azure Kubernetes mounts into a pod.
    #[serde(default)]
    pub token: Option<Reference>,
}

/// Login by a client secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// Id of the tenant.
    pub tenant: String,
    /// Id of the application.
    pub client_id: String,
    /// Proves that we are it.
    pub secret: Reference,
}

impl AzureOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["vault", "login", "authority_host", "ca_file"];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.origin()?;
        self.authority()?;
        self.login.check()
    }

    /// Scheme, host and port of the vault.
    pub(crate) fn origin(&self) -> Result<Url> {
        addresses::encrypted_origin("vault", &self.vault, "https://NAME.vault.azure.net")
    }

    /// Scheme, host and port of where identities log in.
    pub(crate) fn authority(&self) -> Result<Url> {
        authority(self.authority_host.as_deref())
    }
}

/// Scheme, host and port of where identities log in; the public cloud's where none is named.
pub(crate) fn authority(host: Option<&str>) -> Result<Url> {
    let host = host.unwrap_or(PUBLIC_AUTHORITY);
    addresses::encrypted_origin("authority_host", host, PUBLIC_AUTHORITY)
}

impl LoginOptions {
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::ManagedIdentity(identity) => identity.check(),
            Self::WorkloadIdentity(WorkloadIdentity {
                tenant, client_id, ..
            })
            | Self::ClientSecret(ClientSecret {
                tenant, client_id, ..
            }) => check_id("tenant", tenant).and(check_id("client_id", client_id)),
        }
    }
}

impl ManagedIdentity {
    fn check(&self) -> Result<()> {
        let names = [&self.client_id, &self.object_id, &self.resource_id];
        if names.iter().filter(|name| name.is_some()).count() > 1 {
            return Err(Error::invalid(
                "`managed_identity` takes one of `client_id`, `object_id` and `resource_id`: write the one that \
                 you know, or none for the system-assigned identity",
            ));
        }
        let mut named = names.into_iter().flatten();
        if named.any(String::is_empty) {
            return Err(Error::invalid(
                "`managed_identity` has an empty id: leave it out for the system-assigned identity",
            ));
        }
        Ok(())
    }
}

/// Ids stand in addresses: nothing in them leads elsewhere.
pub(crate) fn check_id(what: &str, id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !id.is_empty() && id.chars().all(plain) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{what}` is not an id as Entra shows it: letters, digits, `-` and `.`"
    )))
}

#[cfg(test)]
mod tests {
    use super::{AzureOptions, LoginOptions};

    fn options(text: &str) -> Result<AzureOptions, toml::de::Error> {
        toml::from_str(text)
    }

    fn message(vault: &str, login: &str) -> String {
        let text = format!("vault = '{vault}'\nlogin = {{ {login} }}");
        let checked = options(&text).unwrap().check();
        checked.err().map(|e| e.message).unwrap_or_default()
    }

    const SYSTEM: &str = "managed_identity = {}";

    #[test]
    fn the_keys_are_those_that_are_read() {
        let all = "vault = 'https://v.vault.azure.net'\nauthority_host = 'https://login.microsoftonline.us'\n\
                   ca_file = 'c'\nlogin = { managed_identity = {} }";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut keys = AzureOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(options(all).unwrap().check().is_ok());
        assert!(options(&format!("{all}\nx = 1")).is_err());
    }

    #[test]
    fn a_vault_is_an_https_origin() {
        for good in [
            "https://v.vault.azure.net",
            "https://v.vault.azure.cn/",
            "https://127.0.0.1:8443",
        ] {
            assert_eq!(message(good, SYSTEM), "", "{good}");
        }
        let said = message("http://127.0.0.1:1", SYSTEM);
        assert!(said.contains("not encrypted"), "{said}");
    }

    #[test]
    fn each_login_is_understood() {
        let vault = "https://v.vault.azure.net";
        for good in [
            SYSTEM,
            "managed_identity = { client_id = 'c' }",
            "workload_identity = { tenant = 't', client_id = 'c' }",
            "client_secret = { tenant = 't', client_id = 'c', secret = { env = 'S' } }",
        ] {
            assert_eq!(message(vault, good), "", "{good}");
        }
        for (bad, words) in [
            (
                "managed_identity = { client_id = 'c', object_id = 'o' }",
                "one of",
            ),
            ("managed_identity = { client_id = '' }", "empty"),
            (
                "workload_identity = { tenant = '../x', client_id = 'c' }",
                "tenant",
            ),
            (
                "workload_identity = { tenant = 't', client_id = '' }",
                "client_id",
            ),
        ] {
            let said = message(vault, bad);
            assert!(said.contains(words), "{bad}: {said}");
        }
        let text = format!("vault = '{vault}'\nlogin = {{ {SYSTEM} }}");
        let login = options(&text).unwrap().login;
        assert!(matches!(login, LoginOptions::ManagedIdentity(_)));
    }
}
