//! Whether a request is as a contract describes it (pure).

use crate::pack::{Gate, Route};
use crate::text::Text;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Request, Url};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What names were found to stand for.
pub(super) type Found = BTreeMap<String, String>;

/// A request as routes see it.
pub(super) struct Asked {
    method: String,
    path: String,
    /// The path with the base.
    pub(super) address: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    body: Value,
    /// The whole request as it came, for those who look at signatures.
    pub(super) raw: Request,
}

impl Asked {
    /// `None` where it is not below the base.
    pub(super) fn new(base: &str, head: &Parts, body: &[u8]) -> Option<Self> {
        let path = head.uri.path().strip_prefix(base)?;
        let url = Url::parse(&format!(
            "http://x/?{}",
            head.uri.query().unwrap_or_default()
        ))
        .ok()?;
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let headers: BTreeMap<String, String> = headers.collect();
        let kind = headers
            .get("content-type")
            .map(String::as_str)
            .unwrap_or_default();
        Some(Self {
            method: head.method.as_str().to_owned(),
            path: path.to_owned(),
            address: head.uri.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            body: read(kind, body),
            raw: whole(head, body)?,
            headers,
        })
    }

    /// The names in the path of a route, where method and path are its own.
    pub(super) fn on(&self, route: &Route) -> Option<Found> {
        let (method, path) = route.call.split_once(' ')?;
        let (asked, ours): (Vec<&str>, Vec<&str>) =
            (self.path.split('/').collect(), path.split('/').collect());
        if method != self.method || asked.len() != ours.len() {
            return None;
        }
        let mut found = Found::new();
        for (text, pattern) in asked.into_iter().zip(ours) {
            let pattern = Text::try_from(decoded(pattern)?).ok()?;
            found.extend(captured(&pattern, &decoded(text)?)?);
        }
        Some(found)
    }

    /// The names in the body of a route, where the body is as it takes.
    pub(super) fn brings(&self, route: &Route) -> Option<Found> {
        let mut found = Found::new();
        let fits = match &route.takes {
            Some(pattern) => fits(pattern, &self.body, &mut found),
            None => self.body.is_null() || self.body == Value::Object(Map::new()),
        };
        fits.then_some(found)
    }

    /// The names in what shows who asks, where it is as the gate wants it.
    pub(super) fn shows(&self, gate: &Gate) -> Option<Found> {
        let mut found = Found::new();
        for (name, pattern) in &gate.headers {
            found.extend(captured(pattern, self.headers.get(name)?)?);
        }
        if let Some(pattern) = &gate.basic {
            let pair = self.headers.get("authorization")?.strip_prefix("Basic ")?;
            let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
            found.extend(captured(pattern, &pair)?);
        }
        Some(found)
    }
}

fn whole(head: &Parts, body: &[u8]) -> Option<Request> {
    let host = head.headers.get("host")?.to_str().ok()?;
    let url = Url::parse(&format!("http://{host}{}", head.uri)).ok()?;
    let mut request = Request::new(head.method.clone(), url);
    *request.headers_mut() = head.headers.clone();
    *request.body_mut() = Some(body.to_vec().into());
    Some(request)
}

/// The body as JSON: forms and parts become objects of texts.
fn read(kind: &str, body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    if kind.starts_with("application/x-www-form-urlencoded") {
        let pairs = Url::parse(&format!("http://x/?{text}")).ok();
        let pairs = pairs.iter().flat_map(Url::query_pairs);
        return pairs
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
    }
    if let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") {
        let parts = text
            .split(&format!("--{boundary}"))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        return parts.iter().filter_map(|part| part_of(part)).collect();
    }
    serde_json::from_slice(body).unwrap_or_default()
}

fn part_of(part: &str) -> Option<(String, Value)> {
    let (head, text) = part.split_once("\r\n\r\n")?;
    let name = head.split_once("name=\"")?.1.split_once('"')?.0;
    Some((name.to_owned(), text.strip_suffix("\r\n")?.into()))
}

/// What the names of a pattern stand for in a text.
pub(super) fn captured(pattern: &Text, text: &str) -> Option<Found> {
    let mut found = Found::new();
    let mut rest = text;
    let mut parts = pattern.parts().into_iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            Ok(literal) => rest = rest.strip_prefix(literal)?,
            Err(name) => {
                let end = match parts.peek() {
                    Some(Ok(literal)) => rest.find(literal)?,
                    _ => rest.len(),
                };
                found.insert(name.to_owned(), rest[..end].to_owned());
                rest = &rest[end..];
            }
        }
    }
    rest.is_empty().then_some(found)
}

/// Whether JSON is as described: exactly these keys; `*` is anything, `?` may be missing.
pub(super) fn fits(pattern: &Value, value: &Value, found: &mut Found) -> bool {
    match (pattern, value) {
        (Value::String(text), _) if text == "?" => true,
        (Value::String(text), value) if text == "*" => !value.is_null(),
        (Value::String(text), value) => {
            let actual = crate::scope::plain(value);
            let pattern = Text::try_from(text.clone()).ok();
            let names = pattern
                .zip(actual)
                .and_then(|(pattern, actual)| captured(&pattern, &actual));
            names.map(|names| found.extend(names)).is_some()
        }
        (Value::Array(pattern), Value::Array(value)) => {
            let mut pairs = pattern.iter().zip(value);
            pattern.len() == value.len()
                && pairs.all(|(pattern, value)| fits(pattern, value, found))
        }
        (Value::Object(pattern), Value::Object(value)) => {
            let known = value.keys().all(|key| pattern.contains_key(key));
            known
                && pattern.iter().all(|(key, pattern)| match value.get(key) {
                    Some(value) => fits(pattern, value, found),
                    None => pattern.as_str() == Some("?"),
                })
        }
        (pattern, value) => pattern == value,
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => u8::from_str_radix(
                &format!("{}{}", char::from(rest.next()?), char::from(rest.next()?)),
                16,
            )
            .ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Found, captured, decoded, fits};
    use crate::text::Text;
    use serde_json::json;

    #[test]
    fn names_stand_for_what_is_between_the_literal_texts() {
        let names = |pattern: &str, text: &str| {
            captured(&Text::try_from(pattern.to_owned()).unwrap(), text)
        };
        let found = names("{sid}:{value}", "SK1:abc:d").unwrap();
        assert_eq!(
            (found["sid"].as_str(), found["value"].as_str()),
            ("SK1", "abc:d")
        );
        assert_eq!(names("Bearer {value}", "Basic abc"), None);
        assert_eq!(names("keys", "keyss"), None);
        assert_eq!(decoded("a%2Fb").as_deref(), Some("a/b"));
    }

    #[test]
    fn a_body_has_exactly_what_is_described() {
        let pattern = json!({ "name": "{tag}", "scopes": "*", "more": "?", "kind": 1 });
        let mut found = Found::new();
        assert!(fits(
            &pattern,
            &json!({ "name": "t", "scopes": ["a"], "kind": 1 }),
            &mut found
        ));
        assert_eq!(found["tag"], "t");
        for wrong in [
            json!({ "name": "t", "kind": 1 }),
            json!({ "name": "t", "scopes": [], "kind": 2 }),
            json!({ "name": "t", "scopes": [], "kind": 1, "other": 1 }),
            json!(null),
        ] {
            assert!(!fits(&pattern, &wrong, &mut found), "{wrong}");
        }
    }
}
