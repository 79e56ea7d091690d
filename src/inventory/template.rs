//! Templates of fields: literal text with placeholders for the credential's own fields.
//!
//! `{value}` and `{previous.value}` stand for values, `|url`, `|json` and `|base64` escape them, `{{` and
//! `}}` are literal braces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::SecretValue;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A template that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Placeholder { name: String, filters: Vec<Filter> },
}

/// How a value is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Url,
    Json,
    Base64,
}

const FILTERS: [(&str, Filter); 3] = [
    ("url", Filter::Url),
    ("json", Filter::Json),
    ("base64", Filter::Base64),
];

/// Why a text is not a template, or cannot be rendered. Holds names, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("a `{0}` without its partner; write `{0}{0}` for a literal brace")]
    Unbalanced(char),
    /// Something other than a field between braces.
    #[error("`{{{0}}}` is not a placeholder; write `{{field}}` or `{{previous.field}}`")]
    NotAField(String),
    /// A filter nobody knows.
    #[error("unknown filter `{0}`; the filters are `url`, `json` and `base64`")]
    UnknownFilter(String),
    /// The credential has no such field.
    #[error("the credential has no field `{0}`")]
    NoField(String),
    /// A filter for text met bytes that are none.
    #[error("field `{0}` is not UTF-8 text, which `|json` needs")]
    NotText(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace without partner, a placeholder that is no field, an unknown filter.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some((brace, after)) = doubled(from_brace) {
                literal.push(brace);
                rest = after;
                continue;
            }
            let inside = from_brace
                .strip_prefix('{')
                .ok_or(TemplateError::Unbalanced('}'))?;
            let (inside, after) = inside
                .split_once('}')
                .ok_or(TemplateError::Unbalanced('{'))?;
            push_literal(&mut parts, std::mem::take(&mut literal));
            parts.push(placeholder(inside)?);
            rest = after;
        }
        literal.push_str(rest);
        push_literal(&mut parts, literal);
        Ok(Self(parts))
    }

    /// The names it asks for, such as `value` or `previous.password`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Whether it shows a field of the previous credential.
    pub fn shows_previous(&self) -> bool {
        self.names().any(|name| name.starts_with(PREVIOUS))
    }

    /// Puts values in. `lookup` is asked by the names of [`names`](Self::names).
    ///
    /// # Errors
    /// A name has no value, or a value does not fit its filter.
    pub fn render<'v>(
        &self,
        lookup: impl Fn(&str) -> Option<&'v SecretValue>,
    ) -> Result<SecretValue, TemplateError> {
        let parts: Vec<SecretValue> = self
            .0
            .iter()
            .map(|part| part.render(&lookup))
            .collect::<Result<_, _>>()?;
        // The exact capacity: a buffer that grows leaves unwiped copies behind.
        let mut bytes = Vec::with_capacity(parts.iter().map(SecretValue::len).sum());
        for part in &parts {
            bytes.extend_from_slice(part.expose_secret());
        }
        Ok(SecretValue::new(bytes))
    }
}

/// What stands before the name of a field of the previous credential.
const PREVIOUS: &str = "previous.";

fn doubled(from_brace: &str) -> Option<(char, &str)> {
    ['{', '}'].into_iter().find_map(|brace| {
        let rest = from_brace.strip_prefix(brace)?.strip_prefix(brace)?;
        Some((brace, rest))
    })
}

fn push_literal(parts: &mut Vec<Part>, literal: String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
}

fn placeholder(inside: &str) -> Result<Part, TemplateError> {
    let mut words = inside.split('|');
    let name = words.next().unwrap_or_default();
    if !is_field(name.strip_prefix(PREVIOUS).unwrap_or(name)) {
        return Err(TemplateError::NotAField(inside.to_owned()));
    }
    let filters = words.map(filter).collect::<Result<_, _>>()?;
    Ok(Part::Placeholder {
        name: name.to_owned(),
        filters,
    })
}

fn is_field(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.chars().all(allowed)
}

fn filter(word: &str) -> Result<Filter, TemplateError> {
    let known = FILTERS.iter().find(|(name, _)| *name == word);
    known
        .map(|(_, filter)| *filter)
        .ok_or_else(|| TemplateError::UnknownFilter(word.to_owned()))
}

impl Part {
    fn render<'v>(
        &self,
        lookup: &impl Fn(&str) -> Option<&'v SecretValue>,
    ) -> Result<SecretValue, TemplateError> {
        match self {
            Self::Literal(text) => Ok(SecretValue::from(text.clone())),
            Self::Placeholder { name, filters } => {
                let value = lookup(name).ok_or_else(|| TemplateError::NoField(name.clone()))?;
                let escape = |value: SecretValue, filter: &Filter| filter.apply(name, &value);
                filters.iter().try_fold(value.duplicate(), escape)
            }
        }
    }
}

impl Filter {
    fn apply(self, name: &str, value: &SecretValue) -> Result<SecretValue, TemplateError> {
        match self {
            Self::Url => Ok(url_escaped(value)),
            Self::Base64 => Ok(SecretValue::from(STANDARD.encode(value.expose_secret()))),
            Self::Json => {
                let text = value.expose_secret_str();
                let text = text.ok_or_else(|| TemplateError::NotText(name.to_owned()))?;
                Ok(json_escaped(text))
            }
        }
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, §2.3.
fn url_escaped(value: &SecretValue) -> SecretValue {
    let mut escaped = Zeroizing::new(String::with_capacity(value.len() * 3));
    for byte in value.expose_secret() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(*byte));
            }
            _ => push_formatted(&mut escaped, format_args!("%{byte:02X}")),
        }
    }
    SecretValue::new(escaped.as_bytes().to_vec())
}

/// The inside of a JSON string (RFC 8259, §7), without the quotes.
fn json_escaped(text: &str) -> SecretValue {
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() * 6));
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                push_formatted(&mut escaped, format_args!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    SecretValue::new(escaped.as_bytes().to_vec())
}

fn push_formatted(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _written = text.write_fmt(arguments).is_ok();
}

#[cfg(test)]
mod tests {
    use super::{Template, TemplateError};
    use keywheel_contract::SecretValue;
    use proptest::prelude::*;

    fn rendered(template: &str, value: &[u8]) -> Result<Vec<u8>, TemplateError> {
        let value = SecretValue::new(value.to_vec());
        let lookup = |name: &str| {
            ["value", "previous.value"]
                .contains(&name)
                .then_some(&value)
        };
        let document = Template::parse(template)?.render(lookup)?;
        Ok(document.expose_secret().to_vec())
    }

    #[test]
    fn filters_escape_and_literals_stay() {
        for (template, value, expected) in [
            ("{value}", "example", "example"),
            ("a{previous.value}b", "x", "axb"),
            ("p:{value|url}@h", "a/b c~", "p:a%2Fb%20c~@h"),
            (
                "{{\"k\":\"{value|json}\"}}",
                "q\"\\\n",
                "{\"k\":\"q\\\"\\\\\\u000a\"}",
            ),
            ("{value|base64}", "example", "ZXhhbXBsZQ=="),
            ("{value|base64|url}", "example", "ZXhhbXBsZQ%3D%3D"),
            ("}}{{", "x", "}{"),
            ("", "x", ""),
        ] {
            let document = rendered(template, value.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(document).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_is_not_a_template_says_why() {
        for (template, error) in [
            ("{value", TemplateError::Unbalanced('{')),
            ("value}", TemplateError::Unbalanced('}')),
            ("{}", TemplateError::NotAField(String::new())),
            ("{a b}", TemplateError::NotAField("a b".to_owned())),
            (
                "{value|hex}",
                TemplateError::UnknownFilter("hex".to_owned()),
            ),
            ("{user}", TemplateError::NoField("user".to_owned())),
        ] {
            assert_eq!(rendered(template, b"x").unwrap_err(), error, "{template}");
        }
        let error = rendered("{value|json}", &[255]).unwrap_err();
        assert_eq!(error, TemplateError::NotText("value".to_owned()));
    }

    proptest! {
        #[test]
        fn no_literal_text_is_lost(pieces in proptest::collection::vec("\\PC{0,8}", 1..6), value in "[a-z]{0,9}") {
            let escaped: Vec<_> = pieces.iter().map(|p| p.replace('{', "{{").replace('}', "}}")).collect();
            let document = rendered(&escaped.join("{value}"), value.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(document).unwrap(), pieces.join(&value));
        }

        #[test]
        fn url_escapes_are_undone_by_any_reader(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let document = rendered("q={value|url}", &value).unwrap();
            let (_, decoded) = url::form_urlencoded::parse(&document).next().unwrap();
            prop_assert_eq!(decoded.into_owned(), String::from_utf8_lossy(&value).into_owned());
        }

        #[test]
        fn json_escapes_are_undone_by_any_reader(value in "\\PC*") {
            let document = rendered("\"{value|json}\"", value.as_bytes()).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&document).unwrap(), value);
        }

        #[test]
        fn parsing_never_panics(text in "[{}|a-z.]{0,20}") {
            let _parsed = Template::parse(&text).is_ok();
        }
    }
}
