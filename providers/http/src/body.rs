//! JSON that may hold secrets: wiped when dropped, never shown.

use crate::scope::Scope;
use crate::text::Text;
use keywheel_contract::{Error, Result, SecretValue};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

/// A JSON document whose texts are wiped when it is dropped.
pub(crate) struct Body(Value);

impl Drop for Body {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Body {
    /// Takes a document over.
    pub(crate) fn new(value: Value) -> Self {
        Self(value)
    }

    /// Reads a document; `None` where the bytes are something else, such as a page for people.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    /// The document. What is copied out of it may be secret.
    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// A text of it, as a secret.
    pub(crate) fn secret(&self, pointer: &str) -> Option<SecretValue> {
        let text = self.0.pointer(pointer)?.as_str()?;
        Some(SecretValue::from(text.to_owned()))
    }

    /// The bytes to send, wiped when dropped.
    ///
    /// # Errors
    /// `Invalid`: it cannot be written.
    pub(crate) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut size = Size(0);
        let write = |_| Error::invalid("the body cannot be written as JSON");
        serde_json::to_writer(&mut size, &self.0).map_err(write)?;
        // Room first: a buffer that grows would leave parts of a value behind in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size.0));
        serde_json::to_writer(&mut *bytes, &self.0).map_err(write)?;
        Ok(bytes)
    }
}

/// Counts what is written to it.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A document of a pack with every name filled in. A text that is only a name becomes the value itself: a list stays
/// a list. A field whose name stands for nothing (`null`) is left out.
///
/// # Errors
/// `Invalid`: a name has no value.
pub(crate) fn filled(template: &Value, scope: &Scope) -> Result<Value> {
    fill(template, scope, false)
}

/// The same with `null` where a name stands for nothing, as services write it.
///
/// # Errors
/// As [`filled`].
pub(crate) fn played(template: &Value, scope: &Scope) -> Result<Value> {
    fill(template, scope, true)
}

fn fill(template: &Value, scope: &Scope, nulls: bool) -> Result<Value> {
    Ok(match template {
        Value::String(text) => filled_text(text, scope)?,
        Value::Array(items) => {
            let items: Result<Vec<_>> = items.iter().map(|item| fill(item, scope, nulls)).collect();
            Value::Array(items?)
        }
        Value::Object(fields) => {
            let mut whole = Map::new();
            for (name, value) in fields {
                let value = fill(value, scope, nulls)?;
                if nulls || !value.is_null() {
                    whole.insert(name.clone(), value);
                }
            }
            Value::Object(whole)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, scope: &Scope) -> Result<Value> {
    let text = Text::try_from(text.to_owned()).map_err(Error::invalid)?;
    match text.only_name() {
        Some(name) => scope.json(name),
        None => Ok(Value::String(text.fill(scope)?.to_string())),
    }
}

/// Lays the fields of one object over another's, of which those in `keep` are taken, or all where it names none.
pub(crate) fn over(base: &Value, keep: &[String], own: Value) -> Value {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            let kept = |name: &String| keep.is_empty() || keep.contains(name);
            let base = base.iter().filter(|(name, _)| kept(name));
            let mut whole: Map<_, _> = base
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            whole.extend(own);
            Value::Object(whole)
        }
        (_, own) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::{filled, over};
    use crate::scope::Scope;
    use keywheel_contract::SecretValue;
    use serde_json::json;

    #[test]
    fn a_text_that_is_only_a_name_becomes_the_value_itself() {
        let mut scope = Scope::default();
        scope.set("scopes", json!(["a", "b"]));
        scope.set("none", json!(null));
        scope.keep("value", SecretValue::from("example\"".to_owned()));
        let template = json!({ "s": "{scopes}", "n": "{none}", "v": "Bearer {value}", "k": 1 });
        let whole = filled(&template, &scope).unwrap();
        assert_eq!(
            whole,
            json!({ "s": ["a", "b"], "v": "Bearer example\"", "k": 1 })
        );
        assert!(filled(&json!("{other}"), &scope).is_err());
    }

    #[test]
    fn the_own_fields_lie_on_top() {
        let base = json!({ "a": 1, "b": 2, "c": 3 });
        let own = || json!({ "b": 4 });
        assert_eq!(over(&base, &[], own()), json!({ "a": 1, "b": 4, "c": 3 }));
        assert_eq!(
            over(&base, &["c".to_owned()], own()),
            json!({ "b": 4, "c": 3 })
        );
        assert_eq!(over(&json!(null), &[], own()), own());
    }
}
