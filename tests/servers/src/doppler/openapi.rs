//! The published description of the service, and whether an exchange fits it.
//!
//! Of the description these parts are used: paths and methods, parameters by name, and properties of bodies and of
//! successful answers. `null` fits everywhere, for the description has no word for what may be left out. Properties
//! named in capitals are examples of secrets: the first stands for any name.

use super::Exchange;
use serde_json::Value;

/// The npm package that has the file.
const PACKAGE: &str = "@dopplerhq/mcp-server@1.0.5";

/// The description.
pub struct Description(Value);

impl Description {
    /// `None` where it cannot be had, with the reason printed.
    #[must_use]
    pub fn published() -> Option<Self> {
        let file = crate::npm::unpacked(PACKAGE)?.join("doppler-openapi.json");
        let text = std::fs::read(file).unwrap();
        Some(Self(serde_json::from_slice(&text).unwrap()))
    }

    /// What does not fit.
    #[must_use]
    pub fn misfits(&self, exchange: &Exchange) -> Vec<String> {
        let call = format!("{} {}", exchange.method, exchange.path);
        let method = exchange.method.to_lowercase();
        let operation = &self.0["paths"][&exchange.path][method];
        if operation.is_null() {
            return vec![format!("{call}: not described")];
        }
        let mut misfits = Vec::new();
        parameters(operation, exchange, &mut misfits);
        let described = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !exchange.body.is_null() {
            fit(described, &exchange.body, "request", &mut misfits);
            required(described, &exchange.body, &mut misfits);
        }
        if exchange.status < 300 {
            let status = exchange.status.to_string();
            let described =
                &operation["responses"][status]["content"]["application/json"]["schema"];
            fit(described, &exchange.answer, "answer", &mut misfits);
        }
        misfits
            .iter()
            .map(|misfit| format!("{call}: {misfit}"))
            .collect()
    }
}

fn parameters(operation: &Value, exchange: &Exchange, misfits: &mut Vec<String>) {
    let described = operation["parameters"].as_array();
    let described: Vec<&Value> = described.into_iter().flatten().collect();
    let sent = |name: &Value| exchange.query.iter().any(|(sent, _)| name == sent);
    for (name, _) in &exchange.query {
        let known = described
            .iter()
            .any(|one| one["name"] == **name && one["in"] == "query");
        if !known {
            misfits.push(format!("parameter `{name}` is not described"));
        }
    }
    // A token of one config need not name it.
    let implied = exchange.path.ends_with("/download");
    for one in described {
        if one["required"] == true && !sent(&one["name"]) && !implied {
            misfits.push(format!("parameter {} is missing", one["name"]));
        }
    }
}

fn required(schema: &Value, body: &Value, misfits: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten() {
        if body.get(name.as_str().unwrap_or_default()).is_none() {
            misfits.push(format!("request: property {name} is missing"));
        }
    }
}

fn fit(schema: &Value, value: &Value, at: &str, misfits: &mut Vec<String>) {
    match value {
        Value::Null => {}
        _ if schema.is_null() => misfits.push(format!("{at}: not described")),
        Value::Object(properties) => {
            let described = schema["properties"].as_object();
            let example = described.and_then(|described| {
                let first = described.iter().next()?;
                first
                    .0
                    .chars()
                    .all(|c| c.is_ascii_uppercase())
                    .then_some(first.1)
            });
            for (name, value) in properties {
                let one = described.and_then(|described| described.get(name));
                match one.or(example) {
                    Some(one) => fit(one, value, &format!("{at}.{name}"), misfits),
                    None => misfits.push(format!("{at}.{name}: not described")),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fit(&schema["items"], item, &format!("{at}[]"), misfits);
            }
        }
        Value::String(_) => is(schema, "string", at, misfits),
        Value::Bool(_) => is(schema, "boolean", at, misfits),
        Value::Number(_) => is(schema, "integer", at, misfits),
    }
}

fn is(schema: &Value, kind: &str, at: &str, misfits: &mut Vec<String>) {
    let described = &schema["type"];
    if !described.is_null() && described != kind {
        misfits.push(format!("{at}: {kind} instead of {described}"));
    }
}

#[cfg(test)]
mod tests {
    use super::Description;
    use crate::doppler::Exchange;
    use serde_json::{Value, json};

    #[test]
    fn what_does_not_fit_is_told() {
        let Some(description) = Description::published() else {
            return;
        };
        let misfits = |path: &str, query: &[&str], body: Value, answer: Value| {
            let method = if body.is_null() { "GET" } else { "POST" };
            let pair = |name: &&str| ((*name).to_owned(), "x".to_owned());
            description.misfits(&Exchange {
                method: method.to_owned(),
                path: path.to_owned(),
                query: query.iter().map(pair).collect(),
                agent: String::new(),
                body,
                status: 200,
                answer,
            })
        };
        let secrets = "/v3/configs/config/secrets";
        let both = ["project", "config"];
        let good = json!({ "secrets": { "ANY": { "raw": "x", "computed": null } } });
        assert_eq!(
            misfits(secrets, &both, Value::Null, good),
            Vec::<String>::new()
        );
        let change =
            json!({ "name": "A", "originalName": null, "value": "x", "originalValue": "y" });
        let save = json!({ "project": "p", "config": "c", "change_requests": [change] });
        assert_eq!(
            misfits(secrets, &[], save, Value::Null),
            Vec::<String>::new()
        );
        for (path, query, body, answer) in [
            ("/v3/nothing", &both[..], Value::Null, Value::Null),
            (secrets, &both[..1], Value::Null, Value::Null),
            (
                secrets,
                &["project", "config", "x"][..],
                Value::Null,
                Value::Null,
            ),
            (secrets, &both[..], Value::Null, json!({ "other": 1 })),
            (
                secrets,
                &both[..],
                Value::Null,
                json!({ "secrets": { "A": { "raw": 1 } } }),
            ),
            (secrets, &[][..], json!({ "project": "p" }), Value::Null),
            (
                secrets,
                &[][..],
                json!({ "project": "p", "config": "c", "other": true }),
                Value::Null,
            ),
        ] {
            let told = misfits(path, query, body.clone(), answer.clone());
            assert_eq!(told.len(), 1, "{path} {query:?} {body} {answer}: {told:?}");
        }
    }
}
