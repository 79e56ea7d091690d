//! A real store of a provider, watched: the same rules hold for it as for scripted ones.

use super::{WRITES, World, shelf};
use async_trait::async_trait;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Document, Found, Inspection, Mark, Place, Result, Retired, SecretStore, SecretValue,
    StoreCapabilities, Version, VersionId, Write,
};
use std::sync::Arc;

/// One destination of the real store.
pub(crate) struct WatchedStore {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
}

impl WatchedStore {
    fn at(&self, place: &Place) -> (&dyn SecretStore, Place) {
        self.world.real(place)
    }

    async fn write(
        &self,
        kinds: &[Kind],
        token: Option<String>,
        call: impl Future<Output = Result<VersionId>>,
        shown: Option<String>,
    ) -> Result<VersionId> {
        let note = |truth: &mut super::Truth, _: &VersionId| {
            if let Some(payload) = shown {
                truth
                    .shown
                    .insert(self.name.clone(), shelf::shown(&payload));
            }
        };
        self.world
            .carry_real(kinds, &self.name, token, call, note)
            .await
    }
}

#[async_trait]
impl SecretStore for WatchedStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.at(&Place::default()).0.capabilities()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let (store, place) = self.at(place);
        store.inspect(&place).await
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        let (store, place) = self.at(place);
        store.compose(&place, document, seen).await
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        let (store, place) = self.at(write.place);
        let moved = Write {
            place: &place,
            ..*write
        };
        let token = Some(write.mark.token.clone());
        let call = store.stage(&moved);
        self.write(&[Kind::Stage], token, call, None).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let (store, place) = self.at(write.place);
        let moved = Write {
            place: &place,
            ..*write
        };
        // What was staged is promoted under the mark of its staging.
        let token = (!store.capabilities().stages).then(|| write.mark.token.clone());
        let payload = write.payload.expose_secret_str().unwrap_or_default();
        let shown = Some(payload.to_owned());
        self.write(&WRITES, token, store.promote(&moved), shown)
            .await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let (store, place) = self.at(place);
        store.read(&place, version).await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let (store, place) = self.at(place);
        store.list(&place).await
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let (store, place) = self.at(place);
        store.find(&place, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (store, place) = self.at(place);
        let call = store.disable(&place, version);
        self.world
            .carry_real(&[Kind::DisableVersion], &self.name, None, call, |_, _| {})
            .await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let (store, place) = self.at(place);
        let call = store.enable(&place, version);
        self.world
            .carry_real(&[Kind::EnableVersion], &self.name, None, call, |_, _| {})
            .await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        let (store, place) = self.at(place);
        let kinds = [Kind::DestroyVersion, Kind::DestroyCandidateVersion];
        let call = store.destroy(&place, version);
        self.world
            .carry_real(&kinds, &self.name, None, call, |_, _| {})
            .await
    }
}
