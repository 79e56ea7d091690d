//! The store `kubernetes`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_kubernetes::KubernetesOptions;

/// Secrets of a cluster.
pub(crate) const KIND: Kind = Kind {
    name: "kubernetes",
    keys: &[
        Key::new(
            "address",
            Shape::Text,
            "https://host:port of the API server; the cluster we run in where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::new(
            "token",
            Shape::Reference,
            "a service account's token; the pod's own where left out",
        ),
    ],
    needs_fields: true,
    shares_places: true,
    addresses: &["address"],
    try_out: |options| objection(options, |read: KubernetesOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::store_problems;

    fn problems(options: &str, place: &str) -> String {
        let store = format!("kind = \"kubernetes\"\n{options}");
        store_problems(&store, &format!("path = \"orders/db\"{place}"))
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let there = "address = \"https://k8s.svc.example.com:6443\"\ntoken = { file = \"token\" }";
        let field = ", field = \"A\"";
        assert_eq!(problems("", field), "");
        assert_eq!(problems(there, field), "");
        assert_eq!(problems(&format!("{there}\nca_file = \"ca\""), field), "");
        let at = |address: &str| format!("address = \"{address}\"\ntoken = {{ env = \"T\" }}");
        for (options, place, words) in [
            (there.to_owned(), "", "needs `field` or `fields`"),
            (
                "token = { env = \"T\" }".to_owned(),
                field,
                "need `address`",
            ),
            ("address = \"https://h\"".to_owned(), field, "needs `token`"),
            (at("http://127.0.0.1:8001"), field, "not encrypted"),
            (
                at("https://elsewhere.example.com"),
                field,
                "is not allowed for `production`",
            ),
            (at("https://169.254.169.254"), field, "never called"),
            ("exec = \"aws\"".to_owned(), field, "exec"),
            ("token = \"example\"".to_owned(), field, "env"),
        ] {
            let said = problems(&options, place);
            assert!(said.contains(words), "{options}: {said}");
        }
    }
}
