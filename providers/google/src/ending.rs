//! Ending versions, reversibly or for good, and bringing them back.

use crate::names::number;
use crate::standing::Numbered;
use crate::store::GoogleStore;
use crate::switch::Switch;
use keywheel_contract::{Error, Place, Result, Retired, VersionId};

impl GoogleStore {
    /// Ends a version that no reader is sent to.
    pub(crate) async fn end(
        &self,
        place: &Place,
        version: &VersionId,
        switch: Switch,
    ) -> Result<Retired> {
        let (path, number) = (&place.path, number(&place.path, version)?);
        let standing = self.existing(path).await?;
        let named = standing.named.as_ref().map(|named| named.number);
        if named == Some(number) {
            return Err(Error::conflict(
                Some(version.clone()),
                format!(
                    "version {number} of `{path}` is what readers see: publish another one first"
                ),
            ));
        }
        if let Some(alias) = standing.aliases_of(number, self.selector.alias()).first() {
            return Err(Error::invalid(format!(
                "version {number} of `{path}` is what readers of its alias `{alias}` see: move or remove that \
                 alias first"
            )));
        }
        let seen = self.one(path, number).await?;
        if switch.is_done(&seen) {
            return Ok(retired(&seen));
        }
        Ok(retired(&self.api.switch(path, &seen, switch).await?))
    }

    /// Undoes it, also where it was to go later.
    pub(crate) async fn bring_back(&self, place: &Place, version: &VersionId) -> Result<()> {
        let (path, number) = (&place.path, number(&place.path, version)?);
        let seen = self.one(path, number).await?;
        if seen.is_destroyed() {
            return Err(Error::not_found(format!(
                "version {number} of `{path}` is destroyed, which cannot be undone"
            )));
        }
        if Switch::Enable.is_done(&seen) {
            return Ok(());
        }
        self.api
            .switch(path, &seen, Switch::Enable)
            .await
            .map(|_| ())
    }

    async fn one(&self, path: &str, number: u64) -> Result<Numbered> {
        let found = self.api.version(path, number).await?;
        found.ok_or_else(|| Error::not_found(format!("`{path}` has no version {number}")))
    }
}

/// What really became of it.
fn retired(version: &Numbered) -> Retired {
    version.ended().unwrap_or(Retired::Disabled)
}
