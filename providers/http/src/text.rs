//! Texts of packs with names in braces: `/keys/{id}`. Pure; there is no logic in them, on purpose.

use crate::scope::Scope;
use keywheel_contract::{Error, Result};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A text in which `{name}` stands for a value; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Name(String),
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            parts.push(Part::Literal(before.to_owned()));
            if let Some(brace) = ["{{", "}}"].iter().find(|two| after.starts_with(**two)) {
                parts.push(Part::Literal(brace[1..].to_owned()));
                rest = &after[2..];
                continue;
            }
            let inside = after
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'));
            let (name, after) = inside.filter(|(name, _)| is_name(name)).ok_or_else(|| {
                format!("`{text}`: a name in braces has the letters a-z, digits and `_`; a brace is written twice")
            })?;
            parts.push(Part::Name(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        parts.retain(|part| *part != Part::Literal(String::new()));
        Ok(Self(parts))
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(allowed)
}

impl Text {
    /// Every name in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Literal parts as `Ok`, names as `Err`.
    pub(crate) fn parts(&self) -> Vec<std::result::Result<&str, &str>> {
        let mut parts = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            parts.push(match part {
                Part::Literal(text) => Ok(text.as_str()),
                Part::Name(name) => Err(name.as_str()),
            });
        }
        parts
    }

    /// The name that it consists of, where it is nothing else.
    pub(crate) fn only_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// The text with a letter for each name; `None` where it has what no path may have as it is.
    pub(crate) fn fill_shape(&self) -> Option<String> {
        let shape: String = self
            .0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Name(_) => "x",
            })
            .collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~:@".contains(c);
        let leads = shape.split('/').any(|part| matches!(part, "." | ".."));
        (shape.chars().all(plain) && !leads).then_some(shape)
    }

    /// The text with every name filled in.
    ///
    /// # Errors
    /// `Invalid`: a name has no value, or one that is not text.
    pub(crate) fn fill(&self, scope: &Scope) -> Result<Zeroizing<String>> {
        self.fill_by(scope, |text| Ok(Zeroizing::new(text.to_owned())))
    }

    /// The same for a path: whatever is filled in stays one segment, or a part of one.
    ///
    /// # Errors
    /// As [`fill`](Self::fill); or what is filled in would lead elsewhere.
    pub(crate) fn fill_path(&self, scope: &Scope) -> Result<Zeroizing<String>> {
        self.fill_by(scope, |text| match text {
            "" | "." | ".." => Err(Error::invalid(
                "a part of the path is empty, or leads elsewhere",
            )),
            _ => Ok(Zeroizing::new(encoded(text))),
        })
    }

    fn fill_by(
        &self,
        scope: &Scope,
        part: impl Fn(&str) -> Result<Zeroizing<String>>,
    ) -> Result<Zeroizing<String>> {
        let mut filled = Vec::with_capacity(self.0.len());
        for one in &self.0 {
            filled.push(match one {
                Part::Literal(text) => Zeroizing::new(text.clone()),
                Part::Name(name) => part(&scope.text(name)?)?,
            });
        }
        // Room first: a text that grows would leave parts of a value behind in memory.
        let mut whole = Zeroizing::new(String::with_capacity(
            filled.iter().map(|one| one.len()).sum(),
        ));
        filled.iter().for_each(|one| whole.push_str(one));
        Ok(whole)
    }
}

/// Percent-encoded, but for what RFC 3986 calls unreserved.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Text;
    use crate::scope::Scope;

    fn text(text: &str) -> Result<Text, String> {
        Text::try_from(text.to_owned())
    }

    #[test]
    fn names_are_filled_in_and_braces_are_written_twice() {
        let mut scope = Scope::default();
        scope.set("a", "1".into());
        scope.set("b_2", 7.into());
        let filled = text("{{{a}-{b_2}}}").unwrap().fill(&scope).unwrap();
        assert_eq!(filled.as_str(), "{1-7}");
        assert!(text("{a}{c}").unwrap().fill(&scope).is_err());
        for wrong in ["{", "}", "{}", "{A}", "{a", "{a b}"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_filled_into_a_path_stays_one_segment() {
        let path = text("/keys/{id}").unwrap();
        let at = |id: &str| {
            let mut scope = Scope::default();
            scope.set("id", id.into());
            path.fill_path(&scope).map(|path| path.to_string())
        };
        assert_eq!(
            at("a/../b?c#d é").unwrap(),
            "/keys/a%2F..%2Fb%3Fc%23d%20%C3%A9"
        );
        for wrong in ["", ".", ".."] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
