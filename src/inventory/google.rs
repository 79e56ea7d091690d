//! The store `google-secret-manager`, as the inventory writes it.

use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_google::GoogleOptions;
use serde_json::{Map, Value};

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
    try_out,
    ..Kind::PLAIN
};

/// Why settings of the right types cannot work together, in the provider's own words.
fn try_out(options: &Map<String, Value>) -> Option<String> {
    match serde_json::from_value::<GoogleOptions>(Value::Object(options.clone())) {
        Ok(options) => options.check().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Files;

    const TEAM: &str = "[secrets.a]\nissuer = { use = \"people\" }\nno_consumers = \"example\"\n";

    fn problems(store: &str, place: &str) -> String {
        let environment = format!(
            "environment = \"production\"\ndefaults = {{ owner = \"ml\", schedule = \"production\" }}\n\
             [stores.main]\nkind = \"google-secret-manager\"\nproject = \"example\"\n{store}\n"
        );
        let team = format!("{TEAM}publish_to = [{{ store = \"main\", path = \"a\"{place} }}]\n");
        let read = Files::usual()
            .with("inventory/production/environment.toml", &environment)
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        let each = problems.iter().map(|problem| format!("{problem}"));
        each.collect::<Vec<_>>().join("\n")
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
