//! One call of a service: what is sent, and what is taken from the answer.

use super::Rule;
use crate::text::Text;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One call. Exactly one of the methods names its path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Call {
    /// Path of a GET, below the base.
    pub get: Option<Text>,
    /// Path of a POST.
    pub post: Option<Text>,
    /// Path of a PUT.
    pub put: Option<Text>,
    /// Path of a PATCH.
    pub patch: Option<Text>,
    /// Path of a DELETE.
    pub delete: Option<Text>,
    /// Who asks, where it is not the usual one; `none` for nobody.
    pub auth: Option<String>,
    /// Parameters after the path.
    pub query: BTreeMap<String, Text>,
    /// Headers beside those that say who asks.
    pub headers: BTreeMap<String, Text>,
    /// The body as JSON.
    pub json: Option<Value>,
    /// An object that a call before took, over which `json` is laid: read, change, write.
    pub over: Option<String>,
    /// The fields of that object that are sent; every one where left out.
    pub keep: Vec<String>,
    /// The body as a form.
    pub form: BTreeMap<String, Text>,
    /// The body as parts, as a form with files is sent.
    pub parts: BTreeMap<String, Text>,
    /// Names for what the answer has at these JSON pointers.
    pub take: BTreeMap<String, String>,
    /// What is done to what is taken, in that order, before it has its name.
    pub turn: BTreeMap<String, Vec<Turn>>,
    /// What answers mean, asked before the pack's own.
    pub outcomes: Vec<Rule>,
}

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
    /// Changes.
    Put,
    /// Changes.
    Patch,
    /// Changes.
    Delete,
}

impl Call {
    /// Every method with its path.
    pub(super) fn methods(&self) -> impl Iterator<Item = (Method, &Text)> {
        let all = [
            (Method::Get, &self.get),
            (Method::Post, &self.post),
            (Method::Put, &self.put),
            (Method::Patch, &self.patch),
            (Method::Delete, &self.delete),
        ];
        all.into_iter()
            .filter_map(|(method, path)| Some((method, path.as_ref()?)))
    }

    /// The method and the path; a checked pack has exactly one.
    pub(crate) fn line(&self) -> Option<(Method, &Text)> {
        self.methods().next()
    }

    /// Every text of its body.
    pub(super) fn body_texts(&self) -> Vec<String> {
        self.json.iter().flat_map(leaves).collect()
    }
}

/// Every text in a document.
pub(super) fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(fields) => fields.values().flat_map(leaves).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Something that is done to a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Turn {
    /// Without spaces and line breaks at its ends.
    Trim,
    /// Decoded from base64 of either alphabet; text has to come out.
    Base64d,
    /// Its SHA-256 in hexadecimal digits.
    Sha256hex,
    /// What the one group of this regular expression finds first.
    First(String),
}
