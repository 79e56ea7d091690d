//! The store `azure-key-vault` and the issuer `azure-app-secret`, as the inventory writes them.

use super::kinds::objection;
use crate::config::file::{Key, Keys, Kind, Shape};
use keywheel_provider_azure::{AppSecretOptions, AzureOptions};

/// Secrets of Azure Key Vault.
pub(crate) const KIND: Kind = Kind {
    name: "azure-key-vault",
    keys: &[
        Key::needed("vault", Shape::Text, "https://NAME.vault.azure.net"),
        Key::needed("login", Shape::Table(&LOGIN), "who we are there"),
        AUTHORITY,
        CA_FILE,
    ],
    addresses: &["vault", "authority_host"],
    vendor_hosts: &[
        "*.vault.azure.net",
        "*.vault.azure.cn",
        "*.vault.usgovcloudapi.net",
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
    ],
    try_out: |options| objection(options, |read: AzureOptions| read.check()),
    ..Kind::PLAIN
};

/// Secrets of an application in Entra.
pub(crate) const APP_SECRET: Kind = Kind {
    name: "azure-app-secret",
    keys: &[
        TENANT,
        Key::needed(
            "application",
            Shape::Plain,
            "id of the application whose secrets these are, its client id",
        ),
        Key::needed(
            "login",
            Shape::Table(&LOGIN),
            "who we are: an owner of the application, and not itself",
        ),
        Key::new(
            "valid_days",
            Shape::Count,
            "after so many days a new secret ends by itself; 730 where left out",
        ),
        Key::new(
            "graph",
            Shape::Text,
            "Microsoft Graph; https://graph.microsoft.com where left out",
        ),
        AUTHORITY,
        CA_FILE,
    ],
    fields: &["client_secret", "client_id", "key_id", "tenant_id"],
    public_fields: &["client_id", "key_id", "tenant_id"],
    addresses: &["graph", "authority_host"],
    vendor_hosts: &[
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
    ],
    try_out: |options| objection(options, |read: AppSecretOptions| read.check()),
    ..Kind::PLAIN
};

const AUTHORITY: Key = Key::new(
    "authority_host",
    Shape::Text,
    "where identities log in; https://login.microsoftonline.com where left out",
);
const CA_FILE: Key = Key::new(
    "ca_file",
    Shape::Text,
    "PEM file of authorities that signed the certificates of both",
);

static LOGIN: Keys = Keys {
    title: "a login",
    keys: &[&[
        Key::new(
            "managed_identity",
            Shape::Table(&MANAGED),
            "the identity of the machine or app we run as",
        ),
        Key::new(
            "workload_identity",
            Shape::Table(&FEDERATED),
            "an application that trusts a token of another issuer",
        ),
        Key::new(
            "client_secret",
            Shape::Table(&CLIENT),
            "an application with a client secret",
        ),
    ]],
    one_of: &["managed_identity", "workload_identity", "client_secret"],
};

static MANAGED: Keys = Keys {
    title: "a login by managed identity",
    keys: &[&[
        Key::new(
            "client_id",
            Shape::Plain,
            "of a user-assigned identity; the system-assigned one where no id is given",
        ),
        Key::new("object_id", Shape::Plain, "of a user-assigned identity"),
        Key::new("resource_id", Shape::Plain, "of a user-assigned identity"),
    ]],
    one_of: &[],
};

static FEDERATED: Keys = Keys {
    title: "a login by workload identity",
    keys: &[&[
        TENANT,
        CLIENT_ID,
        Key::new(
            "token",
            Shape::Reference,
            "the other issuer's token; the pod's own where left out",
        ),
    ]],
    one_of: &[],
};

static CLIENT: Keys = Keys {
    title: "a login by client secret",
    keys: &[&[
        TENANT,
        CLIENT_ID,
        Key::needed("secret", Shape::Reference, "proves that we are it"),
    ]],
    one_of: &[],
};

const TENANT: Key = Key::needed("tenant", Shape::Plain, "id of the tenant");
const CLIENT_ID: Key = Key::needed("client_id", Shape::Plain, "id of the application");

#[cfg(test)]
mod tests {
    use super::super::testing::{problems_of_issuer, store_problems};

    fn problems(vault: &str, more: &str, login: &str) -> String {
        let store = format!(
            "kind = \"azure-key-vault\"\nvault = \"{vault}\"\n{more}\nlogin = {{ {login} }}"
        );
        store_problems(&store, "path = \"a\"")
    }

    const VAULT: &str = "https://example.vault.azure.net";
    const ID: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

    #[test]
    fn each_login_is_understood() {
        for login in [
            "managed_identity = {}".to_owned(),
            format!("managed_identity = {{ client_id = \"{ID}\" }}"),
            format!("workload_identity = {{ tenant = \"{ID}\", client_id = \"{ID}\" }}"),
            format!(
                "client_secret = {{ tenant = \"{ID}\", client_id = \"{ID}\", secret = {{ env = \"A\" }} }}"
            ),
        ] {
            let government = "authority_host = \"https://login.microsoftonline.us\"";
            for more in ["", government] {
                assert_eq!(problems(VAULT, more, &login), "", "{login} {more}");
            }
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let system = "managed_identity = {}";
        let metadata = "authority_host = \"https://169.254.169.254\"";
        let elsewhere = "authority_host = \"https://elsewhere.example.com\"";
        for (vault, more, login, words) in [
            ("http://127.0.0.1", "", system, "not encrypted"),
            ("https://168.63.129.16", "", system, "never called"),
            (VAULT, metadata, system, "never called"),
            (
                "https://elsewhere.example.com",
                "",
                system,
                "is not allowed for `production`",
            ),
            (VAULT, elsewhere, system, "is not allowed for `production`"),
            (VAULT, "", "", "managed_identity"),
            (VAULT, "", "client_secret = \"example\"", "client_secret"),
            (
                VAULT,
                "",
                "managed_identity = { client_id = \"a\", object_id = \"b\" }",
                "one of",
            ),
        ] {
            let said = problems(vault, more, login);
            assert!(said.contains(words), "{vault} {more} {login}: {said}");
        }
    }

    #[test]
    fn an_application_whose_secrets_are_rotated_is_understood_or_refused() {
        let said = |more: &str| {
            let issuer =
                format!("kind = \"azure-app-secret\"\ntenant = \"t\"\napplication = \"a\"\n{more}");
            problems_of_issuer(&issuer, "client_secret")
        };
        let login = "login = { managed_identity = {} }";
        assert_eq!(said(login), "");
        assert_eq!(
            said(&format!("{login}\ngraph = \"https://graph.microsoft.us\"")),
            ""
        );
        for (more, words) in [
            ("", "login"),
            (
                "login = { managed_identity = {} }\nvalid_days = 0",
                "valid_days",
            ),
            (
                "login = { managed_identity = {} }\ngraph = \"https://graph.example.net\"",
                "is not allowed for `production`",
            ),
            (
                "login = { client_secret = { tenant = \"t\", client_id = \"a\", secret = { env = \"E\" } } }",
                "itself",
            ),
        ] {
            let said = said(more);
            assert!(said.contains(words), "{more}: {said}");
        }
    }
}
