//! The published description of the service, and whether an exchange fits it.
//!
//! Of the description these parts are used: paths and methods, parameters by name, statuses, and properties of bodies
//! and answers with their types. That an answer has every property that the description demands is not asked of the
//! fake, whose repositories have three.

use super::Exchange;
use serde_json::Value;

/// The npm package that has the file.
const PACKAGE: &str = "@octokit/openapi@23.0.2";
/// The file.
const FILE: &str = "generated/api.github.com.json";

/// The description.
pub struct Description(Value);

impl Description {
    /// `None` where it cannot be had, with the reason printed.
    #[must_use]
    pub fn published() -> Option<Self> {
        let file = crate::npm::unpacked_files(PACKAGE, &[FILE])?.join(FILE);
        let text = std::fs::read(file).unwrap();
        Some(Self(serde_json::from_slice(&text).unwrap()))
    }

    /// What does not fit.
    #[must_use]
    pub fn misfits(&self, exchange: &Exchange) -> Vec<String> {
        let call = format!("{} {}", exchange.method, exchange.path);
        let Some(operation) = self.operation(exchange) else {
            return vec![format!("{call}: not described")];
        };
        let mut misfits = Vec::new();
        self.parameters(operation, exchange, &mut misfits);
        if !exchange.body.is_null() {
            let described = &operation["requestBody"]["content"]["application/json"]["schema"];
            self.fit(described, &exchange.body, "request", &mut misfits);
            self.required(described, &exchange.body, &mut misfits);
        }
        if exchange.status < 300 {
            self.answer(operation, exchange, &mut misfits);
        }
        misfits
            .iter()
            .map(|misfit| format!("{call}: {misfit}"))
            .collect()
    }

    /// The operation whose path has the same parts, of which those in braces stand for any.
    fn operation(&self, exchange: &Exchange) -> Option<&Value> {
        let parts: Vec<&str> = exchange.path.split('/').collect();
        let fits = |template: &str| {
            let described: Vec<&str> = template.split('/').collect();
            let same = |(a, b): (&&str, &&str)| a == b || a.starts_with('{');
            described.len() == parts.len() && described.iter().zip(&parts).all(same)
        };
        let paths = self.0["paths"].as_object()?;
        // Of several the one with the fewest braces: `public-key` is no name of a secret.
        let mut found: Vec<_> = paths
            .iter()
            .filter(|(template, _)| fits(template))
            .collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        found.first()?.1.get(exchange.method.to_lowercase())
    }

    /// What a reference stands for.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let path = schema["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix('#'));
        match path.and_then(|path| self.0.pointer(path)) {
            Some(found) => self.resolved(found),
            None => schema,
        }
    }

    fn parameters(&self, operation: &Value, exchange: &Exchange, misfits: &mut Vec<String>) {
        let described = operation["parameters"].as_array();
        let described: Vec<&Value> = described.into_iter().flatten().collect();
        for name in &exchange.query {
            let is_it = |one: &&Value| {
                let one = self.resolved(one);
                one["name"] == **name && one["in"] == "query"
            };
            if !described.iter().any(is_it) {
                misfits.push(format!("parameter `{name}` is not described"));
            }
        }
    }

    fn answer(&self, operation: &Value, exchange: &Exchange, misfits: &mut Vec<String>) {
        let status = exchange.status.to_string();
        let described = self.resolved(&operation["responses"][&status]);
        if described.is_null() {
            return misfits.push(format!("status {status} is not described"));
        }
        let schema = &described["content"]["application/json"]["schema"];
        if !exchange.answer.is_null() {
            self.fit(schema, &exchange.answer, "answer", misfits);
        }
    }

    fn required(&self, schema: &Value, body: &Value, misfits: &mut Vec<String>) {
        for name in self.resolved(schema)["required"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if body.get(name.as_str().unwrap_or_default()).is_none() {
                misfits.push(format!("request: property {name} is missing"));
            }
        }
    }

    fn fit(&self, schema: &Value, value: &Value, at: &str, misfits: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if schema.is_null() {
            return misfits.push(format!("{at}: not described"));
        }
        match value {
            Value::Object(properties) => {
                for (name, value) in properties {
                    match schema["properties"].get(name) {
                        Some(one) => self.fit(one, value, &format!("{at}.{name}"), misfits),
                        None => misfits.push(format!("{at}.{name}: not described")),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.fit(&schema["items"], item, &format!("{at}[]"), misfits);
                }
            }
            Value::Null => is(schema, "null", at, misfits),
            Value::Bool(_) => is(schema, "boolean", at, misfits),
            Value::Number(_) => is(schema, "integer", at, misfits),
            Value::String(text) => {
                is(schema, "string", at, misfits);
                let words = schema["enum"].as_array();
                if words.is_some_and(|words| !words.iter().any(|word| word == text)) {
                    misfits.push(format!("{at}: another word"));
                }
            }
        }
    }
}

/// A type is a word or a list of words; where none is said, any fits.
fn is(schema: &Value, kind: &str, at: &str, misfits: &mut Vec<String>) {
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    };
    if !fits {
        misfits.push(format!("{at}: {kind} instead of {}", schema["type"]));
    }
}

#[cfg(test)]
mod tests {
    use super::Description;
    use crate::github::Exchange;
    use serde_json::{Value, json};

    #[test]
    fn what_does_not_fit_is_told() {
        let Some(description) = Description::published() else {
            return;
        };
        let misfits =
            |method: &str, path: &str, query: &str, body: Value, status: u16, answer: Value| {
                description.misfits(&Exchange {
                    method: method.to_owned(),
                    path: path.to_owned(),
                    query: query.split_whitespace().map(str::to_owned).collect(),
                    agent: String::new(),
                    version: String::new(),
                    body,
                    status,
                    answer,
                })
            };
        let secret = "/orgs/o/actions/secrets/A";
        let good = json!({ "encrypted_value": "YQ==", "key_id": "1", "visibility": "selected",
                           "selected_repository_ids": [1] });
        let none = Vec::<String>::new();
        assert_eq!(
            misfits("PUT", secret, "", good.clone(), 204, Value::Null),
            none
        );
        let key = json!({ "key_id": "1", "key": "YQ==" });
        let public = "/repos/o/r/environments/e/secrets/public-key";
        assert_eq!(
            misfits("GET", public, "", Value::Null, 200, key.clone()),
            none
        );
        let without = json!({ "encrypted_value": "YQ==", "key_id": "1" });
        let word = json!({ "encrypted_value": "YQ==", "key_id": "1", "visibility": "everybody" });
        for (method, path, query, body, status, answer) in [
            ("GET", "/nothing", "", Value::Null, 200, Value::Null),
            ("POST", secret, "", good.clone(), 204, Value::Null),
            ("PUT", secret, "", without, 204, Value::Null),
            ("PUT", secret, "", word, 204, Value::Null),
            ("PUT", secret, "", good.clone(), 299, Value::Null),
            ("PUT", secret, "page", good, 204, Value::Null),
            (
                "GET",
                public,
                "",
                Value::Null,
                200,
                json!({ "key_id": 1, "key": "" }),
            ),
            (
                "GET",
                public,
                "",
                Value::Null,
                200,
                json!({ "key_id": "1", "other": "" }),
            ),
        ] {
            let told = misfits(method, path, query, body.clone(), status, answer.clone());
            assert_eq!(told.len(), 1, "{method} {path} {body} {answer}: {told:?}");
        }
    }
}
