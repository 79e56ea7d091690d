//! The store `vault`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Keys, Kind, Shape};
use keywheel_provider_vault::VaultOptions;

/// HashiCorp Vault and OpenBao.
pub(crate) const KIND: Kind = Kind {
    name: "vault",
    keys: &[
        Key::needed("address", Shape::Text, "https://host:port of the server"),
        Key::new(
            "mount",
            Shape::Text,
            "where the KV engine, version 2, is mounted; `secret` where left out",
        ),
        Key::new("namespace", Shape::Text, "sent with every call"),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::needed("login", Shape::Table(&LOGIN), "who we are there"),
    ],
    needs_fields: true,
    addresses: &["address"],
    try_out: |options| objection(options, |read: VaultOptions| read.check()),
    ..Kind::PLAIN
};

static LOGIN: Keys = Keys {
    title: "a login",
    keys: &[&[
        Key::new("token", Shape::Reference, "a token obtained elsewhere"),
        Key::new("approle", Shape::Table(&APPROLE), "a role id and secret id"),
        Key::new(
            "kubernetes",
            Shape::Table(&ROLE),
            "the service account of the pod we run in",
        ),
        Key::new("jwt", Shape::Table(&ROLE), "a token of another issuer"),
    ]],
    one_of: &["token", "approle", "kubernetes", "jwt"],
};

static APPROLE: Keys = Keys {
    title: "a login by AppRole",
    keys: &[&[
        MOUNT,
        Key::needed("role_id", Shape::Reference, "names the role"),
        Key::needed("secret_id", Shape::Reference, "proves that we may use it"),
    ]],
    one_of: &[],
};

static ROLE: Keys = Keys {
    title: "a login by a signed token",
    keys: &[&[
        MOUNT,
        Key::needed("role", Shape::Text, "the role to take"),
        Key::new(
            "jwt",
            Shape::Reference,
            "the signed token; with `kubernetes` the pod's own where left out",
        ),
    ]],
    one_of: &[],
};

const MOUNT: Key = Key::new(
    "mount",
    Shape::Text,
    "where the method is enabled; its own name where left out",
);

#[cfg(test)]
mod tests {
    use super::super::testing::store_problems;

    fn problems(address: &str, login: &str, place: &str) -> String {
        let store = format!("kind = \"vault\"\naddress = \"{address}\"\nlogin = {{ {login} }}");
        store_problems(&store, &format!("path = \"a\"{place}"))
    }

    #[test]
    fn each_login_is_understood() {
        for login in [
            r#"token = { env = "EXAMPLE" }"#,
            r#"approle = { role_id = { file = "a" }, secret_id = { file = "b" } }"#,
            r#"kubernetes = { role = "keywheel" }"#,
            r#"jwt = { role = "keywheel", jwt = { file = "a" }, mount = "ci" }"#,
        ] {
            let said = problems("https://vault.svc.example.com", login, ", field = \"A\"");
            assert_eq!(said, "", "{login}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let token = r#"token = { env = "EXAMPLE" }"#;
        let field = ", field = \"A\"";
        for (address, login, place, words) in [
            ("https://h", token, "", "needs `field` or `fields`"),
            ("http://h", token, field, "not encrypted"),
            (
                "https://u:example@h",
                token,
                field,
                "looks like a credential",
            ),
            ("https://169.254.169.254", token, field, "never called"),
            (
                "https://elsewhere.example.com",
                token,
                field,
                "is not allowed for `production`",
            ),
            ("https://h", r#"jwt = { role = "r" }"#, field, "needs `jwt`"),
            ("https://h", r#"token = "example""#, field, "env"),
            ("https://h", "", field, "approle"),
        ] {
            let said = problems(address, login, place);
            assert!(said.contains(words), "{address} {login}: {said}");
            assert!(!said.contains("u:example"), "{said}");
        }
    }
}
