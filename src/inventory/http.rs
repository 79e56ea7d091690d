//! The issuer `http`, as the inventory writes it.

use super::kinds::STANDBY;
use crate::config::file::{Follows, Key, Kind, MayFollow, Shape};
use keywheel_provider_http::HttpOptions;
use serde_json::{Map, Value};
use std::path::Path;

/// Services that packs describe.
pub(crate) const KIND: Kind = Kind {
    name: "http",
    keys: &[
        Key::needed(
            "pack",
            Shape::Text,
            "which service: a shipped pack, or a file of the folder `packs`",
        ),
        Key::new(
            "base_url",
            Shape::Text,
            "https://host/path of the service, where it is not where the pack says",
        ),
        Key::new(
            "login_url",
            Shape::Text,
            "https://host/path where tokens are asked for, where that is not where the pack says",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::new(
            "credentials",
            Shape::Pairs(&Shape::Reference),
            "what keywheel is known by there, by the names of the pack",
        ),
        Key::new("parameters", Shape::Settings, "the pack's settings"),
        Key::new(
            "instructions",
            Shape::Text,
            "what the person who makes it does, where the pack's words do not fit",
        ),
        STANDBY,
    ],
    follows,
    ..Kind::PLAIN
};

/// Where credentials go follows from the pack and the settings together: a vendor's hosts are those of its pack alone.
fn follows(settings: &Map<String, Value>, packs: &Path) -> MayFollow {
    let read = serde_json::from_value::<HttpOptions>(Value::Object(settings.clone()));
    let options = read.map_err(|error| error.to_string())?;
    let told = options.check(packs).map_err(|error| error.to_string())?;
    Ok(Some(Follows {
        addresses: told.addresses,
        vendor_hosts: told.vendor_hosts,
        instructions: told.instructions,
        fields: told.fields,
        dates_use: told.dates_use,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Files;

    /// What is said of a secret with these settings of its issuer and these fields; empty where all is well.
    fn problems(settings: &str, fields: &str) -> String {
        let team = format!(
            "[secrets.a]\nissuer = {{ use = \"main\" }}\nno_consumers = \"example\"\n\
             publish_to = [{{ store = \"main\", path = \"a\", {fields} }}]\n"
        );
        let shared = format!("[owners]\nml = {{}}\n[issuers.main]\nkind = \"http\"\n{settings}\n");
        let read = Files::usual()
            .with("inventory/shared.toml", &shared)
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_field_that_the_pack_does_not_have_is_told() {
        let twilio = "pack = \"twilio\"\nparameters = { account = \"AC00000000000000000000000000000001\" }\n\
                      credentials = { main_sid = { env = \"A\" }, main_secret = { env = \"B\" } }";
        let both = "fields = { SID = \"{sid}\", SECRET = \"{value}\" }";
        assert_eq!(problems(twilio, both), "");
        let said = problems(twilio, "fields = { SECRET = \"{secret}\" }");
        assert!(
            said.contains("has no field `secret`") && said.contains("`sid`, `value`"),
            "{said}"
        );
        let deploys = "pack = \"github-deploy-key\"\nparameters = { owner = \"a\", repository = \"b\" }\n\
                       credentials = { admin = { env = \"A\" } }";
        let said = problems(deploys, "field = \"KEY\"");
        assert!(said.contains("has no field `value`"), "{said}");
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let problems = |settings: &[&str]| problems(&settings.join("\n"), "field = \"KEY\"");
        let pack = "pack = \"openai\"";
        let admin = "credentials = { admin = { env = \"EXAMPLE\" } }";
        let project = "parameters = { project = \"proj_example\" }";
        assert_eq!(problems(&[pack, admin, project]), "");
        let at = |address: &str| format!("base_url = \"{address}\"");
        let listed = at("https://proxy.svc.example.com/openai/v1");
        assert_eq!(problems(&[pack, admin, project, &listed]), "");
        for (settings, words) in [
            (vec![pack, admin], "`parameters.project` is missing"),
            (vec![pack, project], "`credentials.admin` is missing"),
            (
                vec![pack, admin, "parameters = { project = \"x/y\" }"],
                "is not the id",
            ),
            (
                vec!["pack = \"opneai\"", admin, project],
                "no pack `opneai`",
            ),
            (vec!["pack = \"../openai\"", admin, project], "no pack"),
            (vec![admin, project], "`pack` is missing"),
            (
                vec![
                    pack,
                    admin,
                    project,
                    &at("https://elsewhere.example.com/v1"),
                ],
                "is not allowed for `production`",
            ),
            (
                vec![pack, admin, project, &at("https://gitlab.com/api/v4")],
                "is not allowed for `production`",
            ),
            (
                vec![pack, admin, project, &at("https://169.254.169.254")],
                "never called",
            ),
            (
                vec![pack, admin, project, &at("http://api.openai.com/v1")],
                "not encrypted",
            ),
            (
                vec![pack, "credentials = { admin = \"example\" }", project],
                "env",
            ),
            (
                vec![
                    pack,
                    admin,
                    "parameters = { project = \"sk-proj-example-example-example\" }",
                ],
                "literal secret",
            ),
        ] {
            let said = problems(&settings);
            assert!(said.contains(words), "{settings:?}: {said}");
            assert!(!said.contains("sk-proj"), "{said}");
        }
    }
}
