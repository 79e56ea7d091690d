//! The issuer `redis`, as the inventory writes it.

use super::database::ADMIN;
use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_redis::RedisOptions;

/// ACL users of Redis and Valkey.
pub(crate) const KIND: Kind = Kind {
    name: "redis",
    keys: &[
        Key::needed(
            "address",
            Shape::Text,
            "host:port of the server; port 6379 where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::needed("admin", Shape::Table(&ADMIN), "who changes the user"),
        Key::needed("user", Shape::Text, "the user that gets new passwords"),
        Key::new(
            "length",
            Shape::Count,
            "letters and digits of a password; 32 where left out",
        ),
        Key::new(
            "one_node",
            Shape::Text,
            "why changing this node is enough where it has replicas or is part of a cluster",
        ),
        Key::new(
            "end_sessions",
            Shape::Flag,
            "whether all of the user's connections are closed when a password is taken away",
        ),
    ],
    fields: &["password", "user"],
    addresses: &["address"],
    no_sessions: |_| {
        Some("a connection does not say with which of the user's two passwords it was opened")
    },
    try_out: |options| objection(options, |read: RedisOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::issuer_problems;

    fn problems(address: &str, more: &str) -> String {
        issuer_problems(&format!(
            "kind = \"redis\"\naddress = \"{address}\"\nuser = \"app\"\n\
             admin = {{ user = \"rotator\", password = {{ env = \"EXAMPLE\" }} }}\n{more}"
        ))
    }

    #[test]
    fn a_server_that_is_listed_or_of_this_machine_is_understood() {
        for address in ["cache.svc.example.com:6380", "127.0.0.1:6379", "localhost"] {
            assert_eq!(problems(address, ""), "", "{address}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let listed = "cache.svc.example.com";
        for (address, more, words) in [
            (
                "elsewhere.example.com",
                "",
                "is not allowed for `production`",
            ),
            ("169.254.169.254", "", "never called"),
            ("rediss://cache.svc.example.com", "", "has a scheme"),
            ("u:example@cache.svc.example.com", "", "credential"),
            (listed, "length = 3", "from 20 to 128"),
            (listed, "one_node = \"\"", "no reason"),
        ] {
            let said = problems(address, more);
            assert!(said.contains(words), "{address} {more}: {said}");
            assert!(!said.contains("u:example"), "{said}");
        }
    }
}
