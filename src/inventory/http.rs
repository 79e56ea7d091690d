//! The issuer `http`, as the inventory writes it.

use crate::config::file::{Follows, Key, Kind, Shape};
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
    ],
    follows,
    ..Kind::PLAIN
};

/// Where credentials go follows from the pack and the settings together: a vendor's hosts are those of its pack alone.
fn follows(settings: &Map<String, Value>, packs: &Path) -> Result<Option<Follows>, String> {
    let read = serde_json::from_value::<HttpOptions>(Value::Object(settings.clone()));
    let options = read.map_err(|error| error.to_string())?;
    let told = options.check(packs).map_err(|error| error.to_string())?;
    Ok(Some(Follows {
        address: told.address,
        vendor_hosts: told.vendor_hosts,
        instructions: told.instructions,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::issuer_problems;

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let admin = "credentials = { admin = { env = \"EXAMPLE\" } }";
        let project = "parameters = { project = \"proj_example\" }";
        let whole = format!("pack = \"openai\", {admin}, {project}");
        assert_eq!(issuer_problems(&whole), "");
        let listed = format!("{whole}, base_url = \"https://proxy.svc.example.com/openai/v1\"");
        assert_eq!(issuer_problems(&listed), "");
        for (settings, words) in [
            (
                format!("pack = \"openai\", {admin}"),
                "`parameters.project` is missing",
            ),
            (
                format!("pack = \"openai\", {project}"),
                "`credentials.admin` is missing",
            ),
            (
                format!("pack = \"openai\", {admin}, parameters = {{ project = \"x/y\" }}"),
                "is not the id",
            ),
            (
                format!("pack = \"opneai\", {admin}, {project}"),
                "no pack `opneai`",
            ),
            (
                format!("pack = \"../openai\", {admin}, {project}"),
                "no pack",
            ),
            (format!("{admin}, {project}"), "`pack` is missing"),
            (
                format!("{whole}, base_url = \"https://elsewhere.example.com/v1\""),
                "is not allowed for `production`",
            ),
            (
                format!("{whole}, base_url = \"https://gitlab.com/api/v4\""),
                "is not allowed for `production`",
            ),
            (
                format!("{whole}, base_url = \"https://169.254.169.254\""),
                "never called",
            ),
            (
                format!("{whole}, base_url = \"http://api.openai.com/v1\""),
                "not encrypted",
            ),
            (
                format!("{project}, pack = \"openai\", credentials = {{ admin = \"example\" }}"),
                "env",
            ),
            (
                format!(
                    "pack = \"openai\", {admin}, parameters = {{ project = \"sk-proj-example-example-example\" }}"
                ),
                "literal secret",
            ),
        ] {
            let said = issuer_problems(&settings);
            assert!(said.contains(words), "{settings}: {said}");
            assert!(!said.contains("sk-proj"), "{said}");
        }
    }
}
