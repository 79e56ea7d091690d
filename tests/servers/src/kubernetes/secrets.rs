//! What the API server makes of a Secret, and what it refuses (kubernetes, `pkg/apis/core/validation`).

use super::status::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Bytes of all values together.
const LARGEST: usize = 1024 * 1024;

pub(super) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// The value of a key, where it is text.
pub(super) fn decoded(secret: &Value, key: &str) -> Option<String> {
    let bytes = STANDARD.decode(secret["data"].get(key)?.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

/// `stringData` is written and never read; a Secret without a type is opaque.
pub(super) fn settle(secret: &mut Value) -> Result<(), Refusal> {
    let fields = secret
        .as_object_mut()
        .ok_or_else(|| Refusal::bad("not an object"))?;
    if let Some(Value::Object(plain)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| json!({}));
        for (key, text) in plain {
            data[key] = json!(encoded(text.as_str().unwrap_or_default()));
        }
    }
    fields.entry("type").or_insert_with(|| json!("Opaque"));
    Ok(())
}

pub(super) fn check(before: Option<&Value>, after: &Value) -> Result<(), Refusal> {
    let name = after["metadata"]["name"].as_str().unwrap_or_default();
    let empty = Map::new();
    let data = after["data"].as_object().unwrap_or(&empty);
    let mut bytes = 0;
    for (key, text) in data {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if key.is_empty() || !key.chars().all(fits) {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
            return Err(Refusal::invalid(name, &format!("data[{key}]"), why));
        }
        let value = text.as_str().and_then(|text| STANDARD.decode(text).ok());
        let value = value.ok_or_else(|| Refusal::bad("illegal base64 data"))?;
        bytes += value.len();
    }
    if bytes > LARGEST {
        return Err(Refusal::invalid(
            name,
            "data",
            "Too long: may not be more than 1048576 bytes",
        ));
    }
    let Some(before) = before else {
        return Ok(());
    };
    if before["immutable"] == true
        && (before["data"] != after["data"] || after["immutable"] != true)
    {
        return Err(Refusal::invalid(
            name,
            "data",
            "field is immutable when `immutable` is set",
        ));
    }
    match before["type"] == after["type"] {
        true => Ok(()),
        false => Err(Refusal::invalid(name, "type", "field is immutable")),
    }
}
