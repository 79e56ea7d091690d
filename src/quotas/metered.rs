//! A store that keeps within its quotas. It changes nothing else.

use super::Quotas;
use async_trait::async_trait;
use keywheel_contract::{
    Document, Draw, ErrorKind, Examination, Found, Inspection, Mark, Page, Place, Result, Retired,
    SecretStore, SecretValue, StoreCapabilities, Verb, Version, VersionId, Write,
};
use std::sync::Arc;

/// A store behind its quotas.
pub struct Metered {
    store: Arc<dyn SecretStore>,
    quotas: Arc<Quotas>,
}

impl Metered {
    /// The store, behind these quotas.
    pub fn new(store: Arc<dyn SecretStore>, quotas: Arc<Quotas>) -> Self {
        Self { store, quotas }
    }

    /// Waits for its turn, calls, and tells the others to slow down where the store says so.
    async fn within<T>(&self, verb: Verb, call: impl Future<Output = Result<T>>) -> Result<T> {
        let draws = self.store.draws(verb);
        self.quotas.take(&draws).await?;
        let answer = call.await;
        if let Err(error) = &answer
            && let ErrorKind::Throttled { after } = error.kind
        {
            self.quotas.slow(&draws, after).await?;
        }
        answer
    }
}

#[async_trait]
impl SecretStore for Metered {
    fn capabilities(&self) -> StoreCapabilities {
        self.store.capabilities()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        self.within(Verb::Inspect, self.store.inspect(place)).await
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        let call = self.store.compose(place, document, seen);
        self.within(Verb::Compose, call).await
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.within(Verb::Stage, self.store.stage(write)).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        self.within(Verb::Promote, self.store.promote(write)).await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        self.within(Verb::Read, self.store.read(place, version))
            .await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        self.within(Verb::List, self.store.list(place)).await
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let call = self.store.find(place, mark, payload);
        self.within(Verb::Find, call).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.within(Verb::End, self.store.disable(place, version))
            .await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        self.within(Verb::End, self.store.enable(place, version))
            .await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.within(Verb::End, self.store.destroy(place, version))
            .await
    }

    fn draws(&self, verb: Verb) -> Vec<Draw> {
        self.store.draws(verb)
    }

    async fn examine(&self, places: &[Place]) -> Examination {
        self.store.examine(places).await
    }

    async fn discover(&self, after: Option<&str>) -> Result<Page> {
        self.within(Verb::Discover, self.store.discover(after))
            .await
    }
}
