//! The store `google-secret-manager`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_google::GoogleOptions;

/// Google Secret Manager.
pub(crate) const KIND: Kind = Kind {
    name: "google-secret-manager",
    keys: &[
        Key::needed("project", Shape::Text, "the project's id or number"),
        Key::new(
            "location",
            Shape::Text,
            "region of regional secrets; left out for global ones",
        ),
        Key::new(
            "selector",
            Shape::Text,
            "what readers ask for: `latest` where left out, `pinned`, or an alias; a place may say another",
        ),
        Key::new(
            "create",
            Shape::Flag,
            "whether the first publish creates a secret",
        ),
        Key::new(
            "replicas",
            Shape::List(&Shape::Text),
            "where a global secret is created; chosen by Google where left out",
        ),
        Key::new(
            "credentials",
            Shape::Reference,
            "key file of a service account, or a workload identity; the environment's where left out",
        ),
        Key::new(
            "endpoint",
            Shape::Text,
            "https://host instead of Google's own",
        ),
    ],
    addresses: &["endpoint"],
    vendor_hosts: &["*.googleapis.com"],
    try_out: |options| objection(options, |read: GoogleOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::store_problems;

    fn problems(store: &str, place: &str) -> String {
        let store = format!("kind = \"google-secret-manager\"\nproject = \"example\"\n{store}");
        store_problems(&store, &format!("path = \"a\"{place}"))
    }

    #[test]
    fn each_setting_is_understood() {
        for (store, place) in [
            ("", ""),
            ("location = \"europe-west3\"", ", selector = \"current\""),
            ("selector = \"current\"", ", field = \"A\""),
            ("create = true\nreplicas = [\"europe-west3\"]", ""),
            ("credentials = { file = \"google.json\" }", ""),
            ("endpoint = \"https://google.svc.example.com\"", ""),
            (
                "endpoint = \"https://secretmanager-a.p.googleapis.com\"",
                "",
            ),
        ] {
            assert_eq!(problems(store, place), "", "{store} {place}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        for (store, place, words) in [
            ("", ", selector = \"7\"", "`selector` `7`"),
            ("endpoint = \"http://h\"", "", "not encrypted"),
            ("endpoint = \"https://169.254.169.254\"", "", "never called"),
            (
                "endpoint = \"https://google.example.com\"",
                "",
                "hosts.production",
            ),
            ("replicas = [\"europe-west3\"]", "", "`create = true`"),
            ("credentials = \"example\"", "", "env"),
            ("create = \"yes\"", "", "true"),
        ] {
            let said = problems(store, place);
            assert!(said.contains(words), "{store} {place}: {said}");
        }
    }
}
