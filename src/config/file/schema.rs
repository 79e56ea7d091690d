//! Tables of keys as JSON Schema, for editors.

use super::check::REFERENCE;
use super::{Key, Keys, Kind, Kinded, Shape};
use serde_json::{Map, Value, json};

/// The schema of one table.
pub(crate) fn schema_of(keys: &Keys) -> Value {
    let mut schema = object(keys.iter());
    insert(&mut schema, "description", json!(keys.title));
    if !keys.one_of.is_empty() {
        let choices: Vec<_> = keys
            .one_of
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        insert(&mut schema, "oneOf", Value::Array(choices));
    }
    schema
}

fn object<'a>(keys: impl Iterator<Item = &'a Key> + Clone) -> Value {
    let properties: Map<String, Value> = keys.clone().map(property).collect();
    let needed: Vec<_> = keys.filter(|key| key.needed).map(|key| key.name).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !needed.is_empty() {
        insert(&mut schema, "required", json!(needed));
    }
    schema
}

fn property(key: &Key) -> (String, Value) {
    let mut schema = of_shape(&key.shape);
    insert(&mut schema, "description", json!(key.about));
    (key.name.to_owned(), schema)
}

fn of_shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Plain => json!({ "type": "string" }),
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count => json!({ "type": "integer", "minimum": 1 }),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::Span => json!({ "type": "string", "pattern": "^(0|[0-9]+[smhdw])$" }),
        Shape::Reference => schema_of(&REFERENCE),
        Shape::List(of) => json!({ "type": "array", "items": of_shape(of) }),
        Shape::Table(keys) => schema_of(keys),
        Shape::Named(of) | Shape::Pairs(of) => {
            json!({ "type": "object", "additionalProperties": of_shape(of) })
        }
        Shape::Kinded(kinded) => of_kinds(kinded),
        Shape::Any => json!({}),
        #[cfg(feature = "http")]
        Shape::Settings => json!({ "type": "object" }),
    }
}

fn of_kinds(kinded: &Kinded) -> Value {
    let mut choices: Vec<_> = kinded.kinds.iter().map(of_kind).collect();
    if kinded.by_use {
        choices.push(json!({
            "type": "object",
            "properties": { "use": { "type": "string" } },
            "required": ["use"],
        }));
    }
    json!({ "oneOf": choices })
}

fn of_kind(kind: &Kind) -> Value {
    let mut schema = object(kind.keys.iter());
    let mut required = vec![json!("kind")];
    if let Some(Value::Array(needed)) = schema.get("required") {
        required.extend(needed.iter().cloned());
    }
    insert(&mut schema, "required", Value::Array(required));
    if let Some(properties) = schema.get_mut("properties") {
        insert(properties, "kind", json!({ "const": kind.name }));
    }
    schema
}

fn insert(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = schema {
        object.insert(key.to_owned(), value);
    }
}
