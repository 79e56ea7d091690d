//! The real `files` store of the local provider, watched: the same rules hold for it as for scripted ones.

use super::{WRITES, World, shelf};
use async_trait::async_trait;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Document, Found, Inspection, Mark, Place, Result, Retired, SecretStore, SecretValue,
    StoreCapabilities, Version, VersionId, Write,
};
use keywheel_provider_local::FilesStore;
use std::sync::Arc;

/// One destination of the real store.
pub(crate) struct WatchedFolder {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
    pub(crate) store: Arc<FilesStore>,
}

#[async_trait]
impl SecretStore for WatchedFolder {
    fn capabilities(&self) -> StoreCapabilities {
        self.store.capabilities()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        self.store.inspect(place).await
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        self.store.compose(place, document, seen).await
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.store.stage(write).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let token = Some(write.mark.token.clone());
        let payload = write
            .payload
            .expose_secret_str()
            .unwrap_or_default()
            .to_owned();
        let done = self.world.carry_real(
            &WRITES,
            &self.name,
            token,
            self.store.promote(write),
            |truth| {
                truth
                    .shown
                    .insert(self.name.clone(), shelf::shown(&payload));
            },
        );
        done.await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        self.store.read(place, version).await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        self.store.list(place).await
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        self.store.find(place, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let call = self.store.disable(place, version);
        self.world
            .carry_real(&[Kind::DisableVersion], &self.name, None, call, |_| {})
            .await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let call = self.store.enable(place, version);
        self.world
            .carry_real(&[Kind::EnableVersion], &self.name, None, call, |_| {})
            .await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let kinds = [Kind::DestroyVersion, Kind::DestroyCandidateVersion];
        let call = self.store.destroy(place, version);
        self.world
            .carry_real(&kinds, &self.name, None, call, |_| {})
            .await
    }
}
