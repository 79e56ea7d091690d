//! `keywheel schema`: the files that people write as JSON Schema, from the tables that check them.

use super::keys::{ENVIRONMENT, SCHEDULE, SHARED, TEAM};
use crate::config::CONFIG;
use crate::config::file::schema_of;
use serde_json::{Value, json};

/// One schema with a definition for each file: `#/$defs/config`, `shared`, `environment`, `team`,
/// `schedule`. By itself it takes any of them.
pub fn schema() -> Value {
    let files = [
        ("config", &CONFIG),
        ("shared", &SHARED),
        ("environment", &ENVIRONMENT),
        ("team", &TEAM),
        ("schedule", &SCHEDULE),
    ];
    let definitions = files.map(|(name, keys)| (name.to_owned(), schema_of(keys)));
    let any = files.map(|(name, _)| json!({ "$ref": format!("#/$defs/{name}") }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "keywheel",
        "anyOf": any,
        "$defs": serde_json::Map::from_iter(definitions),
    })
}

#[cfg(test)]
mod tests {
    use super::schema;

    #[test]
    fn the_schema_has_the_keys_rules_and_words_of_the_check() {
        let schema = schema();
        let secret = &schema["$defs"]["team"]["properties"]["secrets"]["additionalProperties"];
        let properties = &secret["properties"];
        assert_eq!(secret["additionalProperties"], false);
        assert_eq!(properties["manage"]["enum"][0], "track");
        let consumer = &properties["consumers"]["additionalProperties"]["properties"];
        assert_eq!(consumer["verify"]["oneOf"].as_array().unwrap().len(), 6);
        assert_eq!(
            properties["issuer"]["oneOf"][0]["properties"]["kind"]["const"],
            "random"
        );
        assert_eq!(schema["$defs"]["config"]["required"][0], "journal");
        assert!(schema["$defs"]["schedule"]["properties"]["every"]["description"].is_string());
    }
}
