//! What is published: one value, or named fields.

use crate::{Error, Result, SecretValue};
use std::collections::BTreeMap;

/// Named secret values, in name order. A credential of one value calls it `value`.
#[derive(Default)]
pub struct Fields(BTreeMap<String, SecretValue>);

impl Fields {
    /// No field yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One field named `value`.
    pub fn single(value: SecretValue) -> Self {
        Self(BTreeMap::from([("value".to_owned(), value)]))
    }

    /// Adds or replaces a field.
    pub fn insert(&mut self, name: impl Into<String>, value: SecretValue) {
        self.0.insert(name.into(), value);
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&SecretValue> {
        self.0.get(name)
    }

    /// Every field, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies every field, asked for by name like [`SecretValue::duplicate`].
    pub fn duplicate(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|(name, value)| (name.clone(), value.duplicate()))
                .collect(),
        )
    }

    /// Whether both have the same names and equal values.
    pub fn matches(&self, other: &Fields) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|((a, x), (b, y))| a == b && x.matches(y))
    }
}

impl FromIterator<(String, SecretValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, SecretValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The content of a destination as keywheel sees it: **our** part of it.
///
/// A destination that names fields holds a document of which other fields may belong to other people; a
/// destination without fields holds the value and nothing else.
pub enum Document {
    /// The whole content is one value.
    Whole(SecretValue),
    /// Our fields of a document.
    Fields(Fields),
}

impl Document {
    /// How many bytes the values have together; any way of writing them down takes as many at least.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Whole(value) => value.len(),
            Self::Fields(fields) => fields.iter().map(|(_, value)| value.len()).sum(),
        }
    }

    /// The canonical bytes: the value itself, or a JSON object of text fields in name order.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): a field is not UTF-8 text.
    pub fn encode(&self) -> Result<SecretValue> {
        match self {
            Self::Whole(value) => Ok(value.duplicate()),
            Self::Fields(fields) => encode_fields(fields),
        }
    }

    /// Reads the canonical bytes back; `names` are the fields asked for, none for a whole value.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): not a JSON object of text fields, or a field is missing.
    pub fn decode(bytes: &SecretValue, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self::Whole(bytes.duplicate()));
        }
        let object = text_object(bytes)?;
        let mut fields = Fields::new();
        for name in names {
            let text = object.get(name).ok_or_else(|| {
                Error::invalid(format!("the document has no text field `{name}`"))
            })?;
            fields.insert(name.clone(), SecretValue::from(text.clone()));
        }
        Ok(Self::Fields(fields))
    }

    /// The field of that name, or the whole value where there are no fields.
    pub fn proof_value(&self, field: Option<&str>) -> Option<&SecretValue> {
        match (self, field) {
            (Self::Whole(value), _) => Some(value),
            (Self::Fields(fields), Some(name)) => fields.field(name),
            (Self::Fields(fields), None) => fields.iter().next().map(|(_, value)| value),
        }
    }

    /// Whether both hold the same.
    pub fn matches(&self, other: &Document) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.matches(b),
            (Self::Fields(a), Self::Fields(b)) => a.matches(b),
            (Self::Whole(_), Self::Fields(_)) | (Self::Fields(_), Self::Whole(_)) => false,
        }
    }
}

fn encode_fields(fields: &Fields) -> Result<SecretValue> {
    let mut object = BTreeMap::new();
    for (name, value) in fields.iter() {
        let text = value
            .expose_secret_str()
            .ok_or_else(|| Error::invalid(format!("field `{name}` is not UTF-8 text")))?;
        object.insert(name, text);
    }
    let bytes = serde_json::to_vec(&object)
        .map_err(|_| Error::invalid("the fields cannot be written as JSON"))?;
    Ok(SecretValue::new(bytes))
}

/// Parses without letting a value into the error text, as the parser's own message could.
fn text_object(bytes: &SecretValue) -> Result<BTreeMap<String, String>> {
    serde_json::from_slice(bytes.expose_secret())
        .map_err(|_| Error::invalid("the document is not a JSON object of text fields"))
}

#[cfg(test)]
mod tests {
    use super::{Document, Fields};
    use crate::SecretValue;

    #[test]
    fn a_document_survives_its_encoding() {
        let mut fields = Fields::single(SecretValue::from("example \"quoted\"\n".to_owned()));
        fields.insert("user", SecretValue::from("app_a".to_owned()));
        let document = Document::Fields(fields);
        let bytes = document.encode().unwrap();
        let names = ["user".to_owned(), "value".to_owned()];
        assert!(Document::decode(&bytes, &names).unwrap().matches(&document));
        assert!(Document::decode(&bytes, &["other".to_owned()]).is_err());
    }

    #[test]
    fn a_whole_value_is_kept_byte_for_byte() {
        let document = Document::Whole(SecretValue::new(vec![0, 255, 10]));
        let bytes = document.encode().unwrap();
        assert!(Document::decode(&bytes, &[]).unwrap().matches(&document));
    }
}
