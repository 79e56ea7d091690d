//! Documents as JSON objects: our fields set and read, everybody else's kept as they are (pure).

use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A document whose values still lie in the bytes they were read from: no copy is left behind.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The whole document, with our fields over those that stand there.
pub(crate) fn compose(ours: &Fields, standing: Option<&[u8]>) -> Result<SecretValue> {
    let theirs = standing.map(object).transpose()?.unwrap_or_default();
    let mut texts = BTreeMap::new();
    for (name, value) in ours.iter() {
        texts.insert(name, quoted(name, value)?);
    }
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    all.extend(theirs.iter().map(|(name, raw)| (name.as_str(), raw.get())));
    all.extend(texts.iter().map(|(name, text)| (*name, text.as_str())));
    write(&all).map(SecretValue::new)
}

/// Room for everything first: a buffer that grows would leave parts of it behind in memory.
fn write(fields: &BTreeMap<&str, &str>) -> Result<Vec<u8>> {
    let room = |(name, text): (&&str, &&str)| 6 * name.len() + text.len() + 4;
    let mut bytes = Vec::with_capacity(2 + fields.iter().map(room).sum::<usize>());
    for (name, text) in fields {
        bytes.push(if bytes.is_empty() { b'{' } else { b',' });
        serde_json::to_writer(&mut bytes, name).map_err(|_| unwritable(name))?;
        bytes.push(b':');
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.push(b'}');
    Ok(bytes)
}

fn quoted(name: &str, value: &SecretValue) -> Result<Zeroizing<String>> {
    let text = value
        .expose_secret_str()
        .ok_or_else(|| Error::invalid(format!("field `{name}` is not UTF-8 text")))?;
    let mut bytes = Vec::with_capacity(6 * text.len() + 2);
    serde_json::to_writer(&mut bytes, text).map_err(|_| unwritable(name))?;
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| unwritable(name))
}

fn unwritable(name: &str) -> Error {
    Error::invalid(format!("field `{name}` cannot be written as JSON"))
}

/// Our fields of a document; one that is not there yet is left out.
pub(crate) fn ours(place: &Place, bytes: &[u8]) -> Result<Document> {
    let object = object(bytes)?;
    let mut fields = Fields::new();
    for name in &place.fields {
        let Some(raw) = object.get(name) else {
            continue;
        };
        let text: String = serde_json::from_str(raw.get()).map_err(|_| {
            Error::invalid(format!("field `{name}` of `{}` is not text", place.path))
        })?;
        fields.insert(name.clone(), SecretValue::from(text));
    }
    Ok(Document::Fields(fields))
}

/// The parser's own words could quote a value, so that they are not passed on.
fn object(bytes: &[u8]) -> Result<Object<'_>> {
    serde_json::from_slice(bytes).map_err(|_| Error::invalid("the document is not a JSON object"))
}

#[cfg(test)]
mod tests {
    use super::{compose, ours};
    use keywheel_contract::{Document, Fields, Place, SecretValue};

    fn place(names: &[&str]) -> Place {
        Place {
            path: "a".into(),
            fields: names.iter().map(|name| (*name).into()).collect(),
            selector: None,
        }
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pair = |(name, text): &(&str, &str)| {
            ((*name).to_owned(), SecretValue::from((*text).to_owned()))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn other_fields_are_kept_as_they_are_written() {
        let standing = br#"{"deep": {"b": [1, 2.50]}, "big": 12345678901234567890123, "A": "old"}"#;
        let made = compose(&fields(&[("A", "new\"\n"), ("B", "é")]), Some(standing)).unwrap();
        assert_eq!(
            made.expose_secret_str().unwrap(),
            r#"{"A":"new\"\n","B":"é","big":12345678901234567890123,"deep":{"b": [1, 2.50]}}"#
        );
    }

    #[test]
    fn what_is_composed_is_read_back() {
        let sent = fields(&[("A", "a'\"\\\u{1}"), ("B", "")]);
        let made = compose(&sent, None).unwrap();
        let read = ours(&place(&["A", "B"]), made.expose_secret()).unwrap();
        assert!(read.matches(&Document::Fields(sent)));
    }

    #[test]
    fn a_field_that_is_not_text_is_refused_without_its_value() {
        let error = ours(&place(&["A"]), br#"{"A": 424242}"#).err().unwrap();
        assert!(!error.message.contains("4242"), "{error}");
    }
}
