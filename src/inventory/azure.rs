//! The store `azure-key-vault`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Keys, Kind, Shape};
use keywheel_provider_azure::AzureOptions;

/// Secrets of Azure Key Vault.
pub(crate) const KIND: Kind = Kind {
    name: "azure-key-vault",
    keys: &[
        Key::needed("vault", Shape::Text, "https://NAME.vault.azure.net"),
        Key::needed("login", Shape::Table(&LOGIN), "who we are there"),
        Key::new(
            "authority_host",
            Shape::Text,
            "where identities log in; https://login.microsoftonline.com where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the certificates of both",
        ),
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
    use super::super::testing::store_problems;

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
}
