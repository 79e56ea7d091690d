//! The store `github-actions`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_github::GithubOptions;

/// Secrets of GitHub Actions.
pub(crate) const KIND: Kind = Kind {
    name: "github-actions",
    keys: &[
        Key::needed(
            "token",
            Shape::Reference,
            "a fine-grained personal access token, or an app's",
        ),
        Key::new(
            "address",
            Shape::Text,
            "https://host/api/v3 of a server of your own; GitHub's own where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::new(
            "visibility",
            Shape::Words(&["all", "private"]),
            "who may use an organization's secret that the first publish makes; `private` where left out",
        ),
        Key::new(
            "per_hour",
            Shape::Count,
            "calls an hour that the token has; 5000 where left out",
        ),
    ],
    needs_fields: true,
    shares_places: true,
    sink: true,
    addresses: &["address"],
    vendor_hosts: &["api.github.com"],
    try_out: |options| objection(options, |read: GithubOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, store_problems};

    const MAIN: &str = "{ store = \"main\", path = \"a\", fields = { TOKEN = \"{value}\" } }";
    const SINK: &str =
        "{ store = \"actions\", path = \"octo-org/backend\", fields = { TOKEN = \"{value}\" } }";

    fn problems(options: &str, places: &[&str]) -> String {
        let environment = format!(
            "environment = \"production\"\ndefaults = {{ owner = \"ml\", schedule = \"production\" }}\n\
             [stores.main]\nkind = \"files\"\nroot = \"/srv/secrets\"\n\
             [stores.actions]\nkind = \"github-actions\"\n{options}\n"
        );
        let team = format!(
            "[secrets.a]\nissuer = {{ use = \"people\" }}\nno_consumers = \"example\"\n\
             publish_to = [{}]\n",
            places.join(", ")
        );
        let read = Files::usual()
            .with("inventory/production/environment.toml", &environment)
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        let each = problems.iter().map(ToString::to_string);
        each.collect::<Vec<_>>().join("\n")
    }

    const TOKEN: &str = r#"token = { file = "github-token" }"#;

    #[test]
    fn each_setting_is_understood() {
        for more in [
            "",
            "visibility = \"all\"\nper_hour = 15000",
            "address = \"https://git.svc.example.com/api/v3\"\nca_file = \"ca.pem\"",
        ] {
            assert_eq!(
                problems(&format!("{TOKEN}\n{more}"), &[MAIN, SINK]),
                "",
                "{more}"
            );
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        for (options, words) in [
            (String::new(), "token"),
            ("token = \"example\"".to_owned(), "env"),
            (format!("{TOKEN}\naddress = \"http://h\""), "not encrypted"),
            (
                format!("{TOKEN}\naddress = \"https://git.example.com/api/v3\""),
                "is not allowed for `production`",
            ),
            (
                format!("{TOKEN}\naddress = \"https://169.254.169.254/api/v3\""),
                "never called",
            ),
            (
                format!("{TOKEN}\naddress = \"https://git.svc.example.com\"\nper_hour = 3"),
                "below 500",
            ),
            (format!("{TOKEN}\nvisibility = \"selected\""), "visibility"),
        ] {
            let said = problems(&options, &[MAIN, SINK]);
            assert!(said.contains(words), "{options}: {said}");
        }
        let said = store_problems(
            &format!("kind = \"github-actions\"\n{TOKEN}"),
            "path = \"octo-org/backend\"",
        );
        assert!(said.contains("needs `field` or `fields`"), "{said}");
    }

    #[test]
    fn a_sink_follows_another_place() {
        for places in [&[SINK][..], &[SINK, MAIN][..]] {
            let said = problems(TOKEN, places);
            assert!(said.contains("never shows what it holds"), "{said}");
            assert!(said.contains("name another place before it"), "{said}");
        }
    }
}
