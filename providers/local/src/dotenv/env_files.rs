//! What the store does to its files. Everything here blocks; one call is one piece of work.

use super::text::Text;
use keywheel_contract::{
    Base, Document, Error, Fields, FingerprintKey, Inspection, Place, Result, SecretValue,
    VersionId,
};
use keywheel_host_files::{Seen, Target};
use std::path::PathBuf;
use std::sync::Arc;

/// The root, and the key that names versions. Its methods block.
pub(super) struct EnvFiles {
    pub(super) root: PathBuf,
    pub(super) key: Arc<FingerprintKey>,
}

impl EnvFiles {
    pub(super) fn inspect(&self, place: &Place) -> Result<Inspection> {
        let mut inspection = Inspection {
            replicas_in_sync: true,
            ..Inspection::default()
        };
        let Some(seen) = Target::open(&self.root, &place.path)?.look()? else {
            return Ok(inspection);
        };
        let text = Text::parse(seen.bytes.expose_secret());
        inspection.current = self.version(&text.fields(&place.fields)?)?;
        inspection.written_at_ms = seen.written_at_ms();
        inspection.warnings = warnings(place, &seen, &text);
        Ok(inspection)
    }

    pub(super) fn promote(
        &self,
        place: &Place,
        payload: &SecretValue,
        base: &Base,
    ) -> Result<VersionId> {
        let fields = decode(place, payload)?;
        let sent = self
            .version(&fields)?
            .ok_or_else(|| Error::invalid("the payload has no key"))?;
        let target = Target::open(&self.root, &place.path)?;
        target.lock()?;
        let seen = target.look()?;
        let text = Text::parse(seen.as_ref().map_or(&[], |seen| seen.bytes.expose_secret()));
        let current = self.version(&text.fields(&place.fields)?)?;
        if current.as_ref() == Some(&sent) {
            return Ok(sent);
        }
        if current != base.version {
            let message = format!("somebody else changed our keys of `{}` first", place.path);
            return Err(Error::conflict(current, message));
        }
        target.replace(seen.as_ref(), &text.with(&fields)?)?;
        Ok(sent)
    }

    pub(super) fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let gone = || Error::not_found(format!("`{}` no longer holds `{version}`", place.path));
        let seen = Target::open(&self.root, &place.path)?
            .look()?
            .ok_or_else(gone)?;
        let fields = Text::parse(seen.bytes.expose_secret()).fields(&place.fields)?;
        if self.version(&fields)?.as_ref() != Some(version) {
            return Err(gone());
        }
        Ok(Document::Fields(fields))
    }

    /// The name of what our keys hold; `None` where none of them is there.
    pub(super) fn version(&self, fields: &Fields) -> Result<Option<VersionId>> {
        if fields.is_empty() {
            return Ok(None);
        }
        let canonical = Document::Fields(fields.duplicate()).encode()?;
        let print = self.key.of(&canonical);
        Ok(Some(VersionId::new(format!("fp-{}", &print[..12]))))
    }
}

/// Our keys, as a payload of ours says them.
pub(super) fn decode(place: &Place, payload: &SecretValue) -> Result<Fields> {
    match Document::decode(payload, &place.fields)? {
        Document::Fields(fields) => Ok(fields),
        Document::Whole(_) => Err(Error::invalid(
            "store `dotenv` publishes keys, not one whole value",
        )),
    }
}

fn warnings(place: &Place, seen: &Seen, text: &Text<'_>) -> Vec<String> {
    let path = &place.path;
    let expanded = text.expanded(&place.fields).into_iter().map(|line| {
        format!("`{path}` line {line} has a `$` outside single quotes, which some readers expand")
    });
    let open = (seen.mode() & 0o004 != 0)
        .then(|| format!("`{path}` can be read by everybody on this machine: `chmod o-r` it"));
    expanded.chain(open).collect()
}
