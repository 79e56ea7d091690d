//! The store `google-secret-manager` and the issuer `google-service-account-key`, as the inventory writes them.

use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_google::{GoogleOptions, ServiceKeyOptions};

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

/// Keys of a service account.
pub(crate) const SERVICE_KEY: Kind = Kind {
    name: "google-service-account-key",
    keys: &[
        Key::needed(
            "account",
            Shape::Plain,
            "address of the service account whose keys these are",
        ),
        Key::new(
            "project",
            Shape::Text,
            "its project, where the address does not name it",
        ),
        Key::new(
            "credentials",
            Shape::Reference,
            "key file of another account, or a workload identity; the environment's where left out",
        ),
        Key::new(
            "valid_days",
            Shape::Count,
            "after so many days a new key ends by itself; 730 where left out",
        ),
        Key::new(
            "endpoint",
            Shape::Text,
            "https://host instead of Google's own",
        ),
        Key::new(
            "token_uri",
            Shape::Text,
            "https://host/token where the account logs in, instead of Google's own",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the certificates of both",
        ),
    ],
    fields: &["value", "client_email", "private_key_id"],
    public_fields: &["client_email", "private_key_id"],
    addresses: &["endpoint", "token_uri"],
    vendor_hosts: &["*.googleapis.com"],
    try_out: |options| objection(options, |read: ServiceKeyOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::{problems_of_issuer, store_problems};

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

    #[test]
    fn an_account_whose_keys_are_rotated_is_understood_or_refused() {
        let said = |account: &str, more: &str| {
            let issuer =
                format!("kind = \"google-service-account-key\"\naccount = \"{account}\"\n{more}");
            problems_of_issuer(&issuer, "value")
        };
        let account = "chat@example.iam.gserviceaccount.com";
        for more in [
            "",
            "credentials = { file = \"google.json\" }\nvalid_days = 90",
            "endpoint = \"https://iam.svc.example.com\"\ntoken_uri = \"https://oauth.svc.example.com/token\"",
        ] {
            assert_eq!(said(account, more), "", "{more}");
        }
        for (account, more, words) in [
            ("chat", "", "address of a service account"),
            (
                "12-compute@developer.gserviceaccount.com",
                "",
                "write `project` too",
            ),
            (account, "valid_days = 0", "valid_days"),
            (account, "credentials = \"example\"", "env"),
            (
                account,
                "token_uri = \"https://elsewhere.example.com/token\"",
                "is not allowed for `production`",
            ),
            (
                account,
                "endpoint = \"https://169.254.169.254\"",
                "never called",
            ),
        ] {
            let said = said(account, more);
            assert!(said.contains(words), "{account} {more}: {said}");
        }
    }
}
