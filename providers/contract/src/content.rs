//! Content in the form most stores hold it: the value itself, or a JSON object of which some fields are ours (pure).

use crate::{Document, Error, Fields, Place, Result, SecretValue};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A document whose values still lie in the bytes they were read from: no copy is left behind.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The exact bytes to send: the value, or the whole JSON object with our fields over those that stand there.
/// Other people's fields stay as they are written. The same input gives the same bytes.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid): the document has not exactly the fields of the place, one is not UTF-8
/// text, or what stands there is not a JSON object.
pub fn compose(place: &Place, document: &Document, standing: Option<&[u8]>) -> Result<SecretValue> {
    match document {
        Document::Whole(value) if place.fields.is_empty() => Ok(value.duplicate()),
        Document::Fields(fields) if are_those_of(place, fields) => merge(fields, standing),
        Document::Whole(_) | Document::Fields(_) => Err(Error::invalid(format!(
            "the document does not have exactly the fields of `{}`",
            place.path
        ))),
    }
}

fn are_those_of(place: &Place, fields: &Fields) -> bool {
    let named = |name: &str| place.fields.iter().any(|ours| ours == name);
    !fields.is_empty()
        && fields.len() == place.fields.len()
        && fields.iter().all(|(name, _)| named(name))
}

fn merge(ours: &Fields, standing: Option<&[u8]>) -> Result<SecretValue> {
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

/// Our part of what stands in a place: the value, or our fields; one that is not there yet is left out.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid): it is not a JSON object, or a field of ours is not text.
pub fn ours(place: &Place, bytes: &[u8]) -> Result<Document> {
    if place.fields.is_empty() {
        return Ok(Document::Whole(SecretValue::new(bytes.to_vec())));
    }
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
    use crate::{Document, Fields, Place, SecretValue};

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
        let ours = Document::Fields(fields(&[("A", "new\"\n"), ("B", "é")]));
        let made = compose(&place(&["A", "B"]), &ours, Some(standing)).unwrap();
        assert_eq!(
            made.expose_secret_str().unwrap(),
            r#"{"A":"new\"\n","B":"é","big":12345678901234567890123,"deep":{"b": [1, 2.50]}}"#
        );
    }

    #[test]
    fn what_is_composed_is_read_back() {
        let sent = Document::Fields(fields(&[("A", "a'\"\\\u{1}"), ("B", "")]));
        let place = place(&["A", "B"]);
        let made = compose(&place, &sent, None).unwrap();
        assert!(ours(&place, made.expose_secret()).unwrap().matches(&sent));
    }

    #[test]
    fn a_whole_value_is_itself_and_fields_are_exactly_those_of_the_place() {
        let whole = Document::Whole(SecretValue::new(vec![0, 255]));
        let made = compose(&place(&[]), &whole, Some(b"other")).unwrap();
        assert!(made.matches(&SecretValue::new(vec![0, 255])));
        assert!(
            ours(&place(&[]), made.expose_secret())
                .unwrap()
                .matches(&whole)
        );
        assert!(compose(&place(&["A"]), &whole, None).is_err());
        let wrong = Document::Fields(fields(&[("B", "example")]));
        assert!(compose(&place(&["A"]), &wrong, None).is_err());
        assert!(compose(&place(&[]), &wrong, None).is_err());
    }

    #[test]
    fn a_field_that_is_not_text_is_refused_without_its_value() {
        let error = ours(&place(&["A"]), br#"{"A": 424242}"#).err().unwrap();
        assert!(!error.message.contains("4242"), "{error}");
    }
}
