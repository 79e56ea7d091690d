//! Whether places, documents and payloads have a form that can lie in a folder (pure).

use super::versions::is_reserved;
use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};
use keywheel_host_files::parts;

/// As much as a Kubernetes secret holds, so that what is published here fits there too.
pub(super) const MAX_BYTES: usize = 1 << 20;

pub(super) fn fits(payload: &SecretValue) -> Result<()> {
    if payload.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the content has {} bytes; store `files` takes {MAX_BYTES}",
        payload.len()
    )))
}

pub(super) fn check(place: &Place) -> Result<()> {
    if place.selector.is_some() {
        return Err(Error::invalid(
            "store `files` has no selector: every consumer opens `current`",
        ));
    }
    parts(&place.path)?
        .iter()
        .try_for_each(|part| check_name("part of the path", part))?;
    place
        .fields
        .iter()
        .try_for_each(|name| check_name("field", name))
}

pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= 200 && !name.contains(['/', '\0']) && !is_reserved(name) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} `{}` cannot be a file's name here: no `/`, no leading `.`, at most 200 bytes, and not a name \
         that the store uses itself",
        name.escape_default()
    )))
}

/// The document, if it has the form and the fields of the place.
pub(super) fn ours(place: &Place, document: &Document) -> Result<Document> {
    match document {
        Document::Whole(value) if place.fields.is_empty() => Ok(Document::Whole(value.duplicate())),
        Document::Fields(fields) if names_match(place, fields) => {
            Ok(Document::Fields(fields.duplicate()))
        }
        _ => Err(Error::invalid(format!(
            "the document does not have exactly the fields of `{}`",
            place.path
        ))),
    }
}

fn names_match(place: &Place, fields: &Fields) -> bool {
    let named = |name: &str| place.fields.iter().any(|ours| ours == name);
    fields.len() == place.fields.len() && fields.iter().all(|(name, _)| named(name))
}

/// Our fields of what stands there; one that is not there yet is left out.
pub(super) fn our_part(place: &Place, content: Document) -> Result<Document> {
    match content {
        Document::Whole(value) if place.fields.is_empty() => Ok(Document::Whole(value)),
        Document::Fields(all) if !place.fields.is_empty() => {
            let ours = place.fields.iter().filter_map(|name| {
                let value = all.field(name)?;
                Some((name.clone(), value.duplicate()))
            });
            Ok(Document::Fields(ours.collect()))
        }
        _ => Err(Error::invalid(format!(
            "`{}` holds one value where fields are named, or the other way round",
            place.path
        ))),
    }
}
