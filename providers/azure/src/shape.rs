//! Whether places and payloads have a form that Key Vault can hold (pure).

use keywheel_contract::{Error, Place, Result, SecretValue};

/// Largest value in bytes: documented as 25 KB.
pub(crate) const MAX_BYTES: usize = 25 * 1024;
/// Longest name.
const LONGEST_NAME: usize = 127;

pub(crate) fn fits(payload: &SecretValue) -> Result<()> {
    let refused = |why: String| Err(Error::invalid(why));
    if payload.is_empty() {
        return refused("Key Vault takes no empty value".to_owned());
    }
    if payload.expose_secret_str().is_none() {
        return refused(
            "the value is not UTF-8 text, and Key Vault holds text only: encode it".to_owned(),
        );
    }
    if payload.len() > MAX_BYTES {
        return refused(format!(
            "the value has {} bytes; Key Vault takes {MAX_BYTES}",
            payload.len()
        ));
    }
    Ok(())
}

pub(crate) fn check(place: &Place) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = &place.path;
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(Error::invalid(format!(
            "`{}` is no name of a secret: letters, digits and `-`, at most {LONGEST_NAME} of them",
            name.escape_default()
        )));
    }
    if place.selector.is_some() {
        return Err(Error::invalid(
            "store `azure-key-vault` has no selector: consumers read the newest version, or one by its id",
        ));
    }
    if place.fields.iter().any(String::is_empty) {
        return Err(Error::invalid(format!(
            "`{name}` has a field without a name"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, check, fits};
    use keywheel_contract::{Place, SecretValue};

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        let place = |path: &str| Place {
            path: path.to_owned(),
            fields: Vec::new(),
            selector: None,
        };
        let long = "a".repeat(128);
        assert!(check(&place("Prod-Api-key-2")).is_ok());
        for bad in [
            "",
            "a/b",
            "a_b",
            "a b",
            "é",
            "a\n",
            "a/../b",
            "a?x",
            long.as_str(),
        ] {
            assert!(check(&place(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_value_is_some_text_of_at_most_25_kib() {
        let text = |length: usize| SecretValue::from("x".repeat(length));
        assert!(fits(&text(MAX_BYTES)).is_ok());
        assert!(fits(&text(MAX_BYTES + 1)).is_err());
        assert!(fits(&text(0)).is_err());
        assert!(fits(&SecretValue::new(vec![255])).is_err());
    }
}
