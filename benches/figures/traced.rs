//! A store that notes which verbs are called, so that the same ones can be called without keywheel.

use async_trait::async_trait;
use keywheel_contract::{
    Base, Document, Fields, Found, Inspection, Mark, Place, Result, Retired, RotationId,
    SecretStore, SecretValue, StoreCapabilities, Version, VersionId, Write,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Inspect,
    Compose,
    Stage,
    Promote,
    /// The newest version.
    Read,
    /// The one before.
    ReadOld,
    List,
    Find,
    Disable,
    Enable,
    Destroy,
}

/// Calls by path, in their order.
pub(crate) struct Traced {
    store: Arc<dyn SecretStore>,
    calls: Mutex<HashMap<String, Vec<Call>>>,
    newest: Mutex<HashMap<String, VersionId>>,
}

impl Traced {
    /// Notes what is asked of this store.
    pub(crate) fn new(store: Arc<dyn SecretStore>) -> Self {
        Self {
            store,
            calls: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// Forgets everything so far.
    pub(crate) fn begin(&self) {
        self.calls().clear();
    }

    /// The calls of the place with the median number of them.
    pub(crate) fn of_one_place(&self) -> Vec<Call> {
        let mut all: Vec<Vec<Call>> = self.calls().values().cloned().collect();
        all.sort_by_key(Vec::len);
        all.get(all.len() / 2).cloned().unwrap_or_default()
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Vec<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self) -> MutexGuard<'_, HashMap<String, VersionId>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, place: &Place, call: Call) {
        self.calls()
            .entry(place.path.clone())
            .or_default()
            .push(call);
    }
}

#[async_trait]
impl SecretStore for Traced {
    fn capabilities(&self) -> StoreCapabilities {
        self.store.capabilities()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        self.note(place, Call::Inspect);
        self.store.inspect(place).await
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        self.note(place, Call::Compose);
        self.store.compose(place, document, seen).await
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.note(write.place, Call::Stage);
        self.store.stage(write).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        self.note(write.place, Call::Promote);
        let version = self.store.promote(write).await?;
        self.newest()
            .insert(write.place.path.clone(), version.clone());
        Ok(version)
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let is_newest = self.newest().get(&place.path) == Some(version);
        self.note(place, if is_newest { Call::Read } else { Call::ReadOld });
        self.store.read(place, version).await
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        self.note(place, Call::List);
        self.store.list(place).await
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        self.note(place, Call::Find);
        self.store.find(place, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.note(place, Call::Disable);
        self.store.disable(place, version).await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        self.note(place, Call::Enable);
        self.store.enable(place, version).await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.note(place, Call::Destroy);
        self.store.destroy(place, version).await
    }
}

/// Makes the same calls for another place that holds one value.
pub(crate) async fn replay(store: &dyn SecretStore, place: &Place, calls: &[Call]) -> Result<()> {
    let mut seen = store.inspect(place).await?;
    let old = seen.current.clone().unwrap_or_else(|| VersionId::new(""));
    let mut newest = old.clone();
    let mark = Mark {
        rotation: RotationId::new("bare"),
        token: uuid::Uuid::now_v7().simple().to_string().repeat(2),
    };
    let mut payload = SecretValue::new(Vec::new());
    // The first look was made already.
    for call in calls.iter().skip(1) {
        let base = Base::from(&seen);
        let write = Write {
            place,
            payload: &payload,
            base: &base,
            mark: &mark,
        };
        match call {
            Call::Inspect => seen = store.inspect(place).await?,
            Call::Compose => payload = store.compose(place, &document(place), &seen).await?,
            Call::Stage => drop(store.stage(&write).await?),
            Call::Promote => newest = store.promote(&write).await?,
            Call::Read => drop(store.read(place, &newest).await?),
            Call::ReadOld => drop(store.read(place, &old).await?),
            Call::List => drop(store.list(place).await?),
            Call::Find => drop(store.find(place, &mark, &payload).await?),
            Call::Disable => drop(store.disable(place, &old).await?),
            Call::Enable => store.enable(place, &old).await?,
            Call::Destroy => drop(store.destroy(place, &old).await?),
        }
    }
    Ok(())
}

fn document(place: &Place) -> Document {
    let value = |name: &String| (name.clone(), SecretValue::from("example-bare".to_owned()));
    Document::Fields(place.fields.iter().map(value).collect::<Fields>())
}
