//! The issuer `mysql`, as the inventory writes it.

use super::database::ADMIN;
use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_mysql::MysqlOptions;

/// Accounts of MariaDB and MySQL.
pub(crate) const KIND: Kind = Kind {
    name: "mysql",
    keys: &[
        Key::needed(
            "address",
            Shape::Text,
            "host:port of the server; port 3306 where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::needed("admin", Shape::Table(&ADMIN), "who changes the account"),
        Key::needed("user", Shape::Text, "its name, without the host part"),
        Key::new(
            "user_host",
            Shape::Text,
            "its host part; `%` where left out",
        ),
        Key::new(
            "length",
            Shape::Count,
            "letters and digits of a password; 32 where left out",
        ),
        Key::new(
            "end_sessions",
            Shape::Flag,
            "whether all connections of `user` are closed when a password is taken away",
        ),
    ],
    fields: &["password", "user"],
    addresses: &["address"],
    no_sessions: |_| {
        Some("a connection does not say with which of the account's two passwords it was opened")
    },
    try_out: |options| objection(options, |read: MysqlOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::issuer_problems;

    fn problems(address: &str, more: &str) -> String {
        issuer_problems(&format!(
            "kind = \"mysql\"\naddress = \"{address}\"\nuser = \"app\"\n\
             admin = {{ user = \"rotator\", password = {{ env = \"EXAMPLE\" }} }}\n{more}"
        ))
    }

    #[test]
    fn a_server_that_is_listed_or_of_this_machine_is_understood() {
        for address in ["db.svc.example.com:3307", "127.0.0.1:3306", "localhost"] {
            assert_eq!(problems(address, ""), "", "{address}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let listed = "db.svc.example.com";
        for (address, more, words) in [
            (
                "elsewhere.example.com",
                "",
                "is not allowed for `production`",
            ),
            ("169.254.169.254", "", "never called"),
            ("mysql://db.svc.example.com", "", "has a scheme"),
            ("u:example@db.svc.example.com", "", "credential"),
            (listed, "length = 3", "from 20 to 128"),
            (listed, "user_host = \"\"", "`user_host`"),
        ] {
            let said = problems(address, more);
            assert!(said.contains(words), "{address} {more}: {said}");
            assert!(!said.contains("u:example"), "{said}");
        }
    }
}
