//! Whether places and payloads have a form that the KV engine can hold (pure).

use keywheel_contract::{Error, Place, Result, SecretValue};

/// Largest document in bytes: below what both Consul (512 KiB) and integrated storage (1 MiB) take as one
/// entry by default, with room for the engine's own part and the encryption around it.
pub(crate) const MAX_BYTES: usize = 400 * 1024;

pub(crate) fn fits(payload: &SecretValue) -> Result<()> {
    if payload.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the document has {} bytes; store `vault` takes {MAX_BYTES}",
        payload.len()
    )))
}

pub(crate) fn check(place: &Place) -> Result<()> {
    check_path("path", &place.path)?;
    if place.selector.is_some() {
        return Err(Error::invalid(
            "store `vault` has no selector: consumers read the newest version, or one by its number",
        ));
    }
    if place.fields.is_empty() || place.fields.iter().any(String::is_empty) {
        return Err(Error::invalid(format!(
            "`{}` names no field: a document in `vault` consists of named fields",
            place.path
        )));
    }
    Ok(())
}

/// Each part of a path stands for itself: nothing in it climbs, is dropped, or is read as another part.
pub(crate) fn check_path(what: &str, path: &str) -> Result<()> {
    let part = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    };
    let spaces = path != path.trim();
    if !spaces && path.len() <= 512 && path.split('/').all(part) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} `{}` cannot be used: no `/` at either end, no empty part, no `.` or `..`, at most 512 bytes",
        path.escape_default()
    )))
}

#[cfg(test)]
mod tests {
    use super::check_path;

    #[test]
    fn a_path_stands_for_itself() {
        for good in ["a", "prod/api key/x.y", "é/%2e%2e"] {
            assert!(check_path("path", good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "a/../b", "./a", " a", "a\n"] {
            assert!(check_path("path", bad).is_err(), "{bad:?}");
        }
    }
}
