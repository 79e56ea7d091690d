//! The issuer `postgres`, as the inventory writes it.

use super::database::ADMIN;
use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_postgres::PostgresOptions;

/// Roles of PostgreSQL.
pub(crate) const KIND: Kind = Kind {
    name: "postgres",
    keys: &[
        Key::needed("address", Shape::Text, "host:port of the server"),
        Key::new(
            "database",
            Shape::Text,
            "the one that consumers log in to; `postgres` where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::needed("admin", Shape::Table(&ADMIN), "who changes the roles"),
        Key::new(
            "roles",
            Shape::List(&Shape::Text),
            "the two roles that take turns",
        ),
        Key::new(
            "role",
            Shape::Text,
            "instead of two: one, whose old password dies when the new one is set",
        ),
        Key::new(
            "length",
            Shape::Count,
            "letters and digits of a password; 32 where left out",
        ),
    ],
    fields: &["password", "user"],
    addresses: &["address"],
    no_sessions: |options| match options.contains_key("roles") {
        true => None,
        false => Some(
            "one role has sessions of its old and its new password, and they look the same: give it two roles",
        ),
    },
    try_out: |options| objection(options, |read: PostgresOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::issuer_problems;

    fn problems(address: &str, more: &str) -> String {
        issuer_problems(&format!(
            "kind = \"postgres\"\naddress = \"{address}\"\n\
             admin = {{ user = \"rotator\", password = {{ file = \"rotator\" }} }}\n{more}"
        ))
    }

    #[test]
    fn both_ways_are_understood() {
        for more in [
            "roles = [\"app_a\", \"app_b\"]",
            "role = \"app\"\ndatabase = \"shop\"\nca_file = \"ca.pem\"\nlength = 40",
        ] {
            assert_eq!(problems("db.svc.example.com:5432", more), "", "{more}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let roles = "roles = [\"app_a\", \"app_b\"]";
        for (address, more, words) in [
            ("db.svc.example.com", "", "two different roles"),
            ("db.svc.example.com", "role = \"rotator\"", "another one"),
            ("u:example@db", roles, "a credential in it"),
            (
                "db.elsewhere.example",
                roles,
                "not allowed for `production`",
            ),
            ("169.254.169.254", roles, "never called"),
        ] {
            let said = problems(address, more);
            assert!(said.contains(words), "{address} {more}: {said}");
            assert!(!said.contains("u:example"), "{said}");
        }
    }
}
