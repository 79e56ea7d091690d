//! A store in memory that stages, and every way in which it can break its promises.

use super::fails;
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{
    Document, Error, Find, Found, Inspection, Mark, Place, Result, Retired, SecretStore,
    SecretValue, StoreCapabilities, Version, VersionId, Write,
};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    IgnoresBase,
    WritesTwice,
    ShowsStaged,
    FindsNothing,
    ReadsCurrent,
    OnlySaysDisabled,
    OnlySaysDestroyed,
    DestroysCurrent,
    DropsForeign,
    TakesAnySize,
    Trims,
    ShowsValues,
    ListsBackwards,
}

struct Slot {
    id: String,
    token: String,
    bytes: SecretValue,
    enabled: bool,
    ended: bool,
}

#[derive(Default)]
struct Content {
    slots: Vec<Slot>,
    current: Option<usize>,
    foreign: bool,
}

impl Content {
    fn position(&self, version: &VersionId) -> Result<usize> {
        let slot = self
            .slots
            .iter()
            .position(|slot| slot.id == version.as_str());
        slot.ok_or_else(|| Error::not_found("no such version"))
    }

    fn current_id(&self) -> Option<VersionId> {
        self.current.map(|at| VersionId::new(&self.slots[at].id))
    }
}

struct Memory {
    fault: Fault,
    places: Mutex<HashMap<String, Content>>,
    used: AtomicU32,
}

impl Memory {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            places: Mutex::default(),
            used: AtomicU32::new(0),
        }
    }

    fn at<T>(&self, place: &Place, work: impl FnOnce(&mut Content) -> T) -> T {
        let mut places = self.places.lock().unwrap();
        work(places.entry(place.path.clone()).or_default())
    }

    fn put(&self, content: &mut Content, write: &Write<'_>) -> Result<usize> {
        if self.fault != Fault::TakesAnySize && write.payload.len() > 100 {
            return Err(Error::invalid("too large"));
        }
        let known = content
            .slots
            .iter()
            .position(|slot| slot.token == write.mark.token);
        if let Some(known) = known.filter(|_| self.fault != Fault::WritesTwice) {
            return Ok(known);
        }
        if self.fault != Fault::IgnoresBase && content.current_id() != write.base.version {
            let text = write.payload.expose_secret_str().unwrap();
            let shown = if self.fault == Fault::ShowsValues {
                text
            } else {
                "the value"
            };
            let message = format!("somebody was faster than {shown}");
            return Err(Error::conflict(content.current_id(), message));
        }
        let text = write.payload.expose_secret_str().unwrap();
        let text = if self.fault == Fault::Trims {
            text.trim()
        } else {
            text
        };
        content.slots.push(Slot {
            id: format!("m{}", content.slots.len()),
            token: write.mark.token.clone(),
            bytes: SecretValue::from(text.to_owned()),
            enabled: true,
            ended: false,
        });
        Ok(content.slots.len() - 1)
    }
}

#[async_trait]
impl SecretStore for Memory {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: true,
            find: Find::ByTag,
            readable: true,
            idempotent_put: true,
            compare_and_set: true,
            versions: true,
            reversible: true,
            host_bound: true,
            max_bytes: Some(100),
            converges_in: Duration::ZERO,
        }
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        Ok(Inspection {
            current: self.at(place, |content| content.current_id()),
            ..Inspection::default()
        })
    }

    async fn compose(&self, _: &Place, document: &Document, _: &Inspection) -> Result<SecretValue> {
        document.encode()
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.at(write.place, |content| {
            let at = self.put(content, write)?;
            if self.fault == Fault::ShowsStaged {
                content.current = Some(at);
            }
            Ok(VersionId::new(&content.slots[at].id))
        })
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        self.at(write.place, |content| {
            let at = self.put(content, write)?;
            content.current = Some(at);
            content.foreign &= self.fault != Fault::DropsForeign;
            Ok(VersionId::new(&content.slots[at].id))
        })
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        self.at(place, |content| {
            let mut at = content.position(version)?;
            if self.fault == Fault::ReadsCurrent {
                at = content.current.unwrap();
            }
            if !content.slots[at].enabled {
                return Err(Error::not_found("disabled"));
            }
            Document::decode(&content.slots[at].bytes, &place.fields)
        })
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let mut versions: Vec<_> = self.at(place, |content| {
            let version = |(at, slot): (usize, &Slot)| Version {
                id: VersionId::new(&slot.id),
                current: content.current == Some(at),
                enabled: slot.enabled,
                ended: slot.ended.then_some(Retired::Destroyed),
            };
            content.slots.iter().enumerate().map(version).collect()
        });
        if self.fault != Fault::ListsBackwards {
            versions.reverse();
        }
        Ok(versions)
    }

    async fn find(&self, place: &Place, mark: &Mark, _: &SecretValue) -> Result<Found> {
        self.at(place, |content| {
            let known = content
                .slots
                .iter()
                .position(|slot| slot.token == mark.token);
            let Some(at) = known.filter(|_| self.fault != Fault::FindsNothing) else {
                return Ok(Found::Absent);
            };
            let id = VersionId::new(&content.slots[at].id);
            Ok(match content.current {
                Some(current) if current == at => Found::Current(id),
                Some(current) if current > at => Found::Superseded(id),
                _ => Found::Staged(id),
            })
        })
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.at(place, |content| {
            let at = content.position(version)?;
            content.slots[at].enabled = self.fault == Fault::OnlySaysDisabled;
            Ok(Retired::Disabled)
        })
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        self.at(place, |content| {
            let at = content.position(version)?;
            content.slots[at].enabled = true;
            Ok(())
        })
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.at(place, |content| {
            let Ok(at) = content.position(version) else {
                return Ok(Retired::Destroyed);
            };
            if content.current == Some(at) && self.fault != Fault::DestroysCurrent {
                return Err(Error::conflict(content.current_id(), "it is current"));
            }
            let slot = &mut content.slots[at];
            slot.ended = true;
            slot.enabled = self.fault == Fault::OnlySaysDestroyed;
            Ok(Retired::Destroyed)
        })
    }
}

#[async_trait]
impl StoreHarness for Memory {
    fn store(&self) -> &dyn SecretStore {
        self
    }

    async fn fresh_place(&self) -> Place {
        Place {
            path: self.used.fetch_add(1, Ordering::Relaxed).to_string(),
            fields: Vec::new(),
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        self.at(place, |content| content.foreign = true);
        true
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        self.at(place, |content| content.foreign)
    }
}

#[tokio::test]
async fn an_honest_store_passes_every_case() {
    let report = suite(&Memory::new(Fault::None)).await;
    assert_eq!((report.failed(), report.skipped()), (0, 0), "{report}");
}

#[tokio::test]
async fn each_broken_promise_of_a_store_is_caught() {
    for (fault, case) in [
        (
            Fault::IgnoresBase,
            "a wrong base is a conflict and changes nothing",
        ),
        (Fault::WritesTwice, "the same write twice makes one version"),
        (
            Fault::ShowsStaged,
            "a staged write is not shown to consumers",
        ),
        (
            Fault::FindsNothing,
            "a write whose answer was lost is found current",
        ),
        (
            Fault::FindsNothing,
            "a write that was overwritten is found superseded",
        ),
        (Fault::ReadsCurrent, "an older version is read exactly"),
        (
            Fault::OnlySaysDisabled,
            "disable and enable hold, also when repeated",
        ),
        (
            Fault::OnlySaysDestroyed,
            "destroy holds, also when repeated",
        ),
        (
            Fault::DestroysCurrent,
            "the current version is not destroyed",
        ),
        (Fault::DropsForeign, "other people's content is kept"),
        (Fault::TakesAnySize, "too large a content is refused"),
        (Fault::Trims, "an awkward value comes back byte for byte"),
        (Fault::ShowsValues, "no error shows the value"),
        (
            Fault::ListsBackwards,
            "the list is newest first with one current",
        ),
    ] {
        fails(&suite(&Memory::new(fault)).await, case);
    }
}
