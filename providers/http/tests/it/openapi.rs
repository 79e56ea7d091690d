//! Whether an exchange fits a published description (`OpenAPI` 3).
//!
//! Of a description these parts are used: paths and methods, parameters of the query by name, and names and types of
//! properties of bodies and of answers. `null` fits everywhere, and so does everything where properties are not named.

use keywheel_provider_http::contract::Exchange;
use serde_json::{Map, Value};

/// Deepest nesting that is followed; descriptions refer to themselves.
const DEEPEST: usize = 12;

/// A description, with the path that stands before those of its paths in ours.
pub(crate) struct Description {
    document: Value,
    before: String,
}

impl Description {
    pub(crate) fn new(document: Value, before: &str) -> Self {
        Self {
            document,
            before: before.to_owned(),
        }
    }

    /// What does not fit; `None` where nothing of the kind is described.
    pub(crate) fn misfits(&self, exchange: &Exchange) -> Option<Vec<String>> {
        let (path, query) = exchange
            .path
            .split_once('?')
            .unwrap_or((&exchange.path, ""));
        let path = path.strip_prefix(&self.before)?;
        let (item, operation) = self.operation(&exchange.method.to_lowercase(), path)?;
        let mut misfits = Vec::new();
        for (name, _) in pairs(query) {
            if !self
                .parameters(item, operation)
                .any(|known| base(&known) == base(&name))
            {
                misfits.push(format!("parameter `{name}` is not described"));
            }
        }
        self.body(operation, exchange, &mut misfits);
        let status = exchange.status.to_string();
        if let (Some(answer), true) = (parsed(&exchange.answer), exchange.status < 300) {
            let described = self.resolved(&operation["responses"][status.as_str()]);
            match described["content"]
                .as_object()
                .and_then(|kinds| kinds.values().next())
            {
                Some(kind) => self.fit(&kind["schema"], &answer, "answer", 0, &mut misfits),
                None => misfits.push(format!("an answer {status} is not described")),
            }
        }
        let call = format!("{} {path}", exchange.method);
        Some(
            misfits
                .iter()
                .map(|misfit| format!("{call}: {misfit}"))
                .collect(),
        )
    }

    fn operation(&self, method: &str, path: &str) -> Option<(&Value, &Value)> {
        let paths = self.document["paths"].as_object()?;
        let fits = |described: &str| {
            let (theirs, ours): (Vec<&str>, Vec<&str>) =
                (described.split('/').collect(), path.split('/').collect());
            theirs.len() == ours.len()
                && theirs
                    .iter()
                    .zip(&ours)
                    .all(|(t, o)| t.contains('{') || t == o)
        };
        let mut known: Vec<_> = paths
            .iter()
            .filter(|(described, item)| fits(described) && item.get(method).is_some())
            .collect();
        known.sort_by_key(|(described, _)| described.matches('{').count());
        known.first().map(|(_, item)| (*item, &item[method]))
    }

    fn parameters<'d>(
        &'d self,
        item: &'d Value,
        operation: &'d Value,
    ) -> impl Iterator<Item = String> {
        let lists = [&item["parameters"], &operation["parameters"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten();
        let all = all
            .map(|one| self.resolved(one))
            .filter(|one| one["in"] == "query");
        all.filter_map(|one| one["name"].as_str().map(str::to_owned))
    }

    fn body(&self, operation: &Value, exchange: &Exchange, misfits: &mut Vec<String>) {
        if exchange.body.is_empty() {
            return;
        }
        let described = self.resolved(&operation["requestBody"]);
        let (kind, body) = match parsed(&exchange.body) {
            Some(json) => ("application/json", json),
            None => ("application/x-www-form-urlencoded", form(&exchange.body)),
        };
        let schema = &described["content"][kind]["schema"];
        if schema.is_null() {
            return misfits.push(format!("a body as {kind} is not described"));
        }
        self.fit(schema, &body, "request", 0, misfits);
        for name in self.resolved(schema)["required"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if body.get(name.as_str().unwrap()).is_none() {
                misfits.push(format!("request: property {name} is missing"));
            }
        }
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(to) => self.resolved(
                self.document
                    .pointer(to.trim_start_matches('#'))
                    .unwrap_or(&Value::Null),
            ),
            None => value,
        }
    }

    /// The schema itself and every one that it is composed of.
    fn parts<'d>(&'d self, schema: &'d Value, depth: usize) -> Vec<&'d Value> {
        let schema = self.resolved(schema);
        let mut parts = vec![schema];
        for word in ["allOf", "anyOf", "oneOf"] {
            for one in schema[word]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|_| depth < DEEPEST)
            {
                parts.extend(self.parts(one, depth + 1));
            }
        }
        parts
    }

    fn fit(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        depth: usize,
        misfits: &mut Vec<String>,
    ) {
        let parts = self.parts(schema, depth);
        let types: Vec<&str> = parts
            .iter()
            .filter_map(|part| part["type"].as_str())
            .collect();
        let is = |word: &str| types.is_empty() || types.contains(&word);
        let fits = match value {
            Value::Null => return,
            Value::Object(fields) => return self.fit_object(&parts, fields, at, depth, misfits),
            Value::Array(items) => {
                let of = parts
                    .iter()
                    .map(|part| &part["items"])
                    .find(|of| !of.is_null());
                let items = items.iter().filter(|_| depth < DEEPEST);
                items.for_each(|item| {
                    self.fit(
                        of.unwrap_or(&Value::Null),
                        item,
                        &format!("{at}[]"),
                        depth + 1,
                        misfits,
                    )
                });
                is("array")
            }
            Value::String(_) => is("string"),
            Value::Bool(_) => is("boolean"),
            Value::Number(_) => is("integer") || is("number"),
        };
        if !fits {
            misfits.push(format!("{at}: not one of {types:?}"));
        }
    }

    fn fit_object(
        &self,
        parts: &[&Value],
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
        misfits: &mut Vec<String>,
    ) {
        let named = || {
            parts
                .iter()
                .filter_map(|part| part["properties"].as_object())
        };
        let open = parts.iter().any(|part| {
            !matches!(
                part["additionalProperties"],
                Value::Null | Value::Bool(false)
            )
        });
        if open || named().next().is_none() {
            return;
        }
        for (name, value) in fields {
            match named().find_map(|properties| properties.get(name)) {
                Some(one) if depth < DEEPEST => {
                    self.fit(one, value, &format!("{at}.{name}"), depth + 1, misfits)
                }
                Some(_) => {}
                None => misfits.push(format!("{at}.{name}: not described")),
            }
        }
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .ok()
        .filter(|value: &Value| value.is_object() || value.is_array())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://x/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// `a` of `a[]` and of `a[b]`.
fn base(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// A form as the object that its schema describes.
fn form(text: &str) -> Value {
    let mut whole = Map::new();
    for (name, value) in pairs(text) {
        let inner = name
            .split_once('[')
            .map(|(_, inner)| inner.trim_end_matches(']').to_owned());
        let value = match inner.as_deref() {
            None if value == "true" || value == "false" => Value::from(value == "true"),
            None => value.into(),
            Some("") => vec![value].into(),
            Some(inner) => Value::Object(Map::from_iter([(inner.to_owned(), value.into())])),
        };
        whole.insert(base(&name).to_owned(), value);
    }
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    use super::Description;
    use keywheel_provider_http::contract::Exchange;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told() {
        let key = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
        let description = Description::new(
            json!({
                "paths": { "/keys/{id}": { "post": {
                    "parameters": [{ "in": "query", "name": "limit" }],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/key" } } } },
                    "responses": { "200": { "content": { "application/json": { "schema": { "allOf": [{ "$ref": "#/key" }] } } } } },
                } } },
                "key": key,
            }),
            "/v1",
        );
        let misfits = |path: &str, body: &str, answer: &str| {
            description.misfits(&Exchange {
                method: "POST".to_owned(),
                path: path.to_owned(),
                status: 200,
                body: body.to_owned(),
                answer: answer.to_owned(),
            })
        };
        let good = r#"{"id":"a"}"#;
        assert_eq!(misfits("/v1/keys/7?limit=1", good, good), Some(Vec::new()));
        assert_eq!(misfits("/v1/other", good, good), None);
        for (path, body, answer, words) in [
            ("/v1/keys/7?page=1", good, good, "parameter `page`"),
            ("/v1/keys/7", "{}", good, "\"id\" is missing"),
            (
                "/v1/keys/7",
                "id=a",
                good,
                "as application/x-www-form-urlencoded",
            ),
            (
                "/v1/keys/7",
                good,
                r#"{"name":"a"}"#,
                "answer.name: not described",
            ),
            ("/v1/keys/7", good, r#"{"id":1}"#, "answer.id: not one of"),
        ] {
            let told = misfits(path, body, answer).unwrap();
            assert!(
                told.len() == 1 && told[0].contains(words),
                "{words}: {told:?}"
            );
        }
    }
}
