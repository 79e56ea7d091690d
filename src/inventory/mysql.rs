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
        Key::needed("admin", Shape::Table(&ADMIN), "who changes the accounts"),
        Key::new(
            "user",
            Shape::Text,
            "the one that gets a second password, without the host part",
        ),
        Key::new(
            "users",
            Shape::List(&Shape::Text),
            "instead of one: the two that take turns",
        ),
        Key::new(
            "user_host",
            Shape::Text,
            "their host part; `%` where left out",
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
    no_sessions: |options| match options.contains_key("users") {
        true => None,
        false => Some(
            "a connection does not say with which of the account's two passwords it was opened: give it two users",
        ),
    },
    try_out: |options| objection(options, |read: MysqlOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::issuer_problems;

    fn problems(address: &str, more: &str) -> String {
        let user = match more.contains("users") {
            true => "",
            false => "user = \"app\"\n",
        };
        issuer_problems(&format!(
            "kind = \"mysql\"\naddress = \"{address}\"\n{user}\
             admin = {{ user = \"rotator\", password = {{ env = \"EXAMPLE\" }} }}\n{more}"
        ))
    }

    #[test]
    fn a_server_that_is_listed_or_of_this_machine_is_understood() {
        for address in ["db.svc.example.com:3307", "127.0.0.1:3306", "localhost"] {
            assert_eq!(problems(address, ""), "", "{address}");
        }
        let turns = "users = [\"app_a\", \"app_b\"]";
        assert_eq!(problems("localhost", turns), "");
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
            (listed, "users = [\"a\"]", "the two different ones"),
            (listed, "users = [\"a\", \"rotator\"]", "another one"),
        ] {
            let said = problems(address, more);
            assert!(said.contains(words), "{address} {more}: {said}");
            assert!(!said.contains("u:example"), "{said}");
        }
    }
}
