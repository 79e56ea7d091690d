//! A scripted store: versions, compare-and-set, marks. One per destination.

use super::World;
use super::truth::{Shown, Truth};
use async_trait::async_trait;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Document, Error, Find, Found, Inspection, Mark, Place, Result, Retired, SecretStore,
    SecretValue, StoreCapabilities, Version, VersionId, Write,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a scripted store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) stages: bool,
    pub(crate) readable: bool,
}

/// One kept version.
pub(crate) struct Kept {
    id: String,
    payload: String,
    /// The token of the write that made it.
    token: String,
    /// Whether consumers ever saw it.
    promoted: bool,
    enabled: bool,
}

/// The versions of one destination.
#[derive(Default)]
pub(crate) struct Shelf {
    versions: Vec<Kept>,
    current: Option<String>,
    written: usize,
}

impl Shelf {
    fn find(&mut self, id: &str) -> Option<&mut Kept> {
        self.versions.iter_mut().find(|kept| kept.id == id)
    }

    fn add(&mut self, payload: &str, token: &str, promoted: bool) -> String {
        self.written += 1;
        let id = format!("v{}", self.written);
        self.versions.push(Kept {
            id: id.clone(),
            payload: payload.to_owned(),
            token: token.to_owned(),
            promoted,
            enabled: true,
        });
        id
    }

    /// The first version, there before keywheel was.
    pub(crate) fn seeded(payload: &str) -> Self {
        let mut shelf = Self::default();
        shelf.current = Some(shelf.add(payload, "seed", true));
        shelf
    }
}

/// What consumers see in a payload.
pub(crate) fn shown(payload: &str) -> Shown {
    let fields: BTreeMap<String, String> = serde_json::from_str(payload).unwrap_or_default();
    match fields.get("TOKEN") {
        Some(value) => Shown {
            value: value.clone(),
            previous: fields.get("TOKEN_OLD").cloned(),
        },
        None => Shown {
            value: payload.to_owned(),
            previous: None,
        },
    }
}

/// The shelf of one destination as a store.
pub(crate) struct ScriptedStore {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
    pub(crate) abilities: Abilities,
}

struct Sent {
    name: String,
    payload: String,
    base: Option<String>,
    token: String,
}

impl ScriptedStore {
    fn sent(&self, write: &Write<'_>) -> Sent {
        Sent {
            name: self.name.clone(),
            payload: write
                .payload
                .expose_secret_str()
                .unwrap_or_default()
                .to_owned(),
            base: write.base.version.as_ref().map(|v| v.as_str().to_owned()),
            token: write.mark.token.clone(),
        }
    }

    /// The token, unless it is that of the staging before.
    fn of_its_own(&self, token: &str) -> Option<String> {
        let truth = self.world.truth();
        let shelf = truth.shelves.get(&self.name);
        let staged = shelf.is_some_and(|s| s.versions.iter().any(|kept| kept.token == token));
        (!staged).then(|| token.to_owned())
    }

    async fn change(
        &self,
        kind: Kind,
        version: &VersionId,
        act: impl FnOnce(&mut Shelf, &str) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (name, version) = (self.name.clone(), version.as_str().to_owned());
        let kinds: &[Kind] = match kind {
            Kind::DestroyVersion => &[Kind::DestroyVersion, Kind::DestroyCandidateVersion],
            Kind::DisableVersion => &[Kind::DisableVersion],
            _ => &[Kind::EnableVersion],
        };
        let call = move |truth: &mut Truth| match truth.shelves.get_mut(&name) {
            Some(shelf) => act(shelf, &version),
            None => Ok(()),
        };
        self.world.carry(kinds, &self.name, None, call).await
    }
}

fn stage(truth: &mut Truth, sent: &Sent) -> Result<VersionId> {
    let shelf = truth.shelves.entry(sent.name.clone()).or_default();
    Ok(VersionId::new(shelf.add(&sent.payload, &sent.token, false)))
}

/// Over exactly the base; what was staged under the same mark becomes current, if it is this content.
fn promote(truth: &mut Truth, sent: &Sent) -> Result<VersionId> {
    let shelf = truth.shelves.entry(sent.name.clone()).or_default();
    let seen = shelf.current.clone().map(VersionId::new);
    if shelf.current != sent.base {
        return Err(Error::conflict(seen, "it shows another version"));
    }
    let mut versions = shelf.versions.iter_mut();
    let id = match versions.find(|kept| !kept.promoted && kept.token == sent.token) {
        Some(kept) if kept.payload != sent.payload => {
            return Err(Error::conflict(seen, "something else was staged"));
        }
        Some(kept) => {
            kept.promoted = true;
            kept.id.clone()
        }
        None => shelf.add(&sent.payload, &sent.token, true),
    };
    shelf.current = Some(id.clone());
    truth.shown.insert(sent.name.clone(), shown(&sent.payload));
    Ok(VersionId::new(id))
}

#[async_trait]
impl SecretStore for ScriptedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: self.abilities.stages,
            find: Find::ByTag,
            readable: self.abilities.readable,
            idempotent_put: false,
            compare_and_set: true,
            versions: true,
            reversible: true,
            host_bound: false,
            max_bytes: None,
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, _: &Place) -> Result<Inspection> {
        let truth = self.world.truth();
        let current = truth
            .shelves
            .get(&self.name)
            .and_then(|s| s.current.clone());
        Ok(Inspection {
            current: current.map(VersionId::new),
            replicas_in_sync: true,
            ..Inspection::default()
        })
    }

    async fn compose(&self, _: &Place, document: &Document, _: &Inspection) -> Result<SecretValue> {
        document.encode()
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        let (sent, token) = (self.sent(write), write.mark.token.clone());
        let call = move |truth: &mut Truth| stage(truth, &sent);
        self.world
            .carry(&[Kind::Stage], &self.name, Some(token), call)
            .await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        let sent = self.sent(write);
        let token = self.of_its_own(&sent.token);
        let call = move |truth: &mut Truth| promote(truth, &sent);
        self.world
            .carry(&super::WRITES, &self.name, token, call)
            .await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let mut truth = self.world.truth();
        let shelf = truth.shelves.get_mut(&self.name);
        let kept = shelf.and_then(|shelf| shelf.find(version.as_str()));
        let kept = kept.filter(|kept| kept.enabled);
        let kept = kept.ok_or_else(|| Error::not_found("no such version"))?;
        Document::decode(&SecretValue::from(kept.payload.clone()), &place.fields)
    }

    async fn list(&self, _: &Place) -> Result<Vec<Version>> {
        let truth = self.world.truth();
        let Some(shelf) = truth.shelves.get(&self.name) else {
            return Ok(Vec::new());
        };
        let listed = shelf.versions.iter().rev().map(|kept| Version {
            id: VersionId::new(&kept.id),
            current: shelf.current.as_ref() == Some(&kept.id),
            enabled: kept.enabled,
            ended: None,
        });
        Ok(listed.collect())
    }

    async fn find(&self, _: &Place, mark: &Mark, _: &SecretValue) -> Result<Found> {
        let truth = self.world.truth();
        let Some(shelf) = truth.shelves.get(&self.name) else {
            return Ok(Found::Absent);
        };
        let Some(kept) = shelf.versions.iter().find(|kept| kept.token == mark.token) else {
            return Ok(Found::Absent);
        };
        let id = VersionId::new(&kept.id);
        Ok(match shelf.current.as_ref() == Some(&kept.id) {
            true => Found::Current(id),
            false if kept.promoted => Found::Superseded(id),
            false => Found::Staged(id),
        })
    }

    async fn disable(&self, _: &Place, version: &VersionId) -> Result<Retired> {
        let act = |shelf: &mut Shelf, id: &str| {
            is_not_current(shelf, id)?;
            if let Some(kept) = shelf.find(id) {
                kept.enabled = false;
            }
            Ok(())
        };
        self.change(Kind::DisableVersion, version, act).await?;
        Ok(Retired::Disabled)
    }

    async fn enable(&self, _: &Place, version: &VersionId) -> Result<()> {
        let act = |shelf: &mut Shelf, id: &str| {
            let kept = shelf
                .find(id)
                .ok_or_else(|| Error::not_found("it is gone"))?;
            kept.enabled = true;
            Ok(())
        };
        self.change(Kind::EnableVersion, version, act).await
    }

    async fn destroy(&self, _: &Place, version: &VersionId) -> Result<Retired> {
        let act = |shelf: &mut Shelf, id: &str| {
            is_not_current(shelf, id)?;
            shelf.versions.retain(|kept| kept.id != id);
            Ok(())
        };
        self.change(Kind::DestroyVersion, version, act).await?;
        Ok(Retired::Destroyed)
    }
}

fn is_not_current(shelf: &Shelf, id: &str) -> Result<()> {
    match shelf.current.as_deref() == Some(id) {
        true => Err(Error::conflict(None, "it is the current version")),
        false => Ok(()),
    }
}
