//! Which names and texts can be secrets of Actions (pure).

use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};

/// The largest secret, as the service documents it (48 KB); here for all secrets of a place together.
pub(crate) const MAX_BYTES: usize = 48 * 1024;

/// # Errors
/// `Invalid`: the service takes no secret of this name, or knows it under another.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let wrong = |why: &str| {
        let name = name.escape_default();
        Error::invalid(format!("`{name}` can be no secret of Actions: {why}"))
    };
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits)
    {
        return Err(wrong("write A to Z, digits and `_`, and no digit first"));
    }
    if name.starts_with("GITHUB_") {
        return Err(wrong("names that begin with `GITHUB_` are GitHub's own"));
    }
    Ok(())
}

/// Our fields, as a payload of ours says them.
///
/// # Errors
/// `Invalid`: it has not exactly the fields of the place.
pub(crate) fn decode(place: &Place, payload: &SecretValue) -> Result<Fields> {
    match Document::decode(payload, &place.fields)? {
        Document::Fields(fields) => Ok(fields),
        Document::Whole(_) => Err(Error::invalid(
            "store `github-actions` publishes secrets by name, not one whole value",
        )),
    }
}

/// Whether these texts can be secrets.
///
/// # Errors
/// `Invalid`: one is empty, or they are too large.
pub(crate) fn check_texts(fields: &Fields) -> Result<()> {
    if let Some((name, _)) = fields.iter().find(|(_, value)| value.is_empty()) {
        return Err(Error::invalid(format!("`{name}` would be empty")));
    }
    let bytes: usize = fields.iter().map(|(_, value)| value.len()).sum();
    match bytes <= MAX_BYTES {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "our secrets have {bytes} bytes; GitHub takes {MAX_BYTES}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, check_name, check_texts};
    use keywheel_contract::{Fields, SecretValue};

    #[test]
    fn names_are_those_that_the_service_keeps_as_they_are() {
        for good in ["A", "_A1", "AWS_KEY"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "A-B", "1A", "A B", "GITHUB_TOKEN", "Ä"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_have_a_size() {
        let texts = |bytes: usize| {
            let mut fields = Fields::new();
            fields.insert("A", SecretValue::new(vec![b'x'; bytes]));
            check_texts(&fields).is_ok()
        };
        assert_eq!(
            [0, 1, MAX_BYTES, MAX_BYTES + 1].map(texts),
            [false, true, true, false]
        );
    }
}
