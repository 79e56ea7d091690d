//! Names of secrets and versions, and what fits into one (pure).

use crate::selector::Selector;
use keywheel_contract::{Error, Place, Result, SecretValue, VersionId};

/// Largest payload of a version: the service's documented limit.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

pub(crate) fn fits(payload: &SecretValue) -> Result<()> {
    if payload.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the content has {} bytes; a version takes {MAX_BYTES}",
        payload.len()
    )))
}

/// Whether a place can be one of a store with this selector.
pub(crate) fn check(place: &Place, selector: &Selector) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let path = &place.path;
    if path.is_empty() || path.len() > 255 || !path.chars().all(allowed) {
        return Err(Error::invalid(format!(
            "path `{}` is not a secret's id: at most 255 letters, digits, `-` and `_`",
            path.escape_default()
        )));
    }
    match place.selector.as_deref() {
        Some(other) if other != selector.word() => Err(Error::invalid(format!(
            "readers of `{path}` ask for `{}` and those of its store for `{}`: what a store can do depends on it, \
             so let the place repeat it or belong to another store",
            other.escape_default(),
            selector.word()
        ))),
        _ => Ok(()),
    }
}

/// The name of a version.
pub(crate) fn id(number: u64) -> VersionId {
    VersionId::new(number.to_string())
}

/// The number in a version's name; an alias would mean whichever version has it.
pub(crate) fn number(path: &str, version: &VersionId) -> Result<u64> {
    let number = version.as_str().parse().ok();
    number
        .filter(|number: &u64| *number > 0)
        .ok_or_else(|| Error::not_found(format!("`{path}` has no version `{version}`")))
}

/// The last part of a resource's name.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{check, number};
    use crate::selector::Selector;
    use keywheel_contract::{Place, VersionId};

    fn place(path: &str, selector: Option<&str>) -> Place {
        Place {
            path: path.into(),
            fields: Vec::new(),
            selector: selector.map(str::to_owned),
        }
    }

    #[test]
    fn a_place_repeats_the_selector_of_its_store_or_says_none() {
        let current = Selector::Alias("current".into());
        assert!(check(&place("chat_token-1", None), &current).is_ok());
        assert!(check(&place("a", Some("current")), &current).is_ok());
        assert!(check(&place("a", Some("latest")), &current).is_err());
        assert!(check(&place("a", Some("latest")), &Selector::Latest).is_ok());
        for bad in ["", "a/b", "projects/p/secrets/a", "a.b", ".."] {
            assert!(check(&place(bad, None), &current).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_is_a_number() {
        for wrong in ["0", "-1", "latest", "current", ""] {
            assert!(number("a", &VersionId::new(wrong)).is_err(), "{wrong}");
        }
    }
}
