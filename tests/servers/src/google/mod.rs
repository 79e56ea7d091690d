//! A Secret Manager of our own: as much of Google's REST interface as stores and their consumers use, for no emulator
//! has etags, checksums, aliases, annotations or paging. The vendor's own client is the judge of it.
//!
//! What it does not have: deleting secrets, keys of the customer's own, topics that deliver messages, and quotas by
//! time; a refusal for too many calls is a [fault](crate::faults).

pub mod accounts;
mod calls;
mod clock;
mod http;
mod records;
mod versions;

pub use records::State as VersionState;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use records::Secret;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A running fake; it ends when this is dropped.
pub struct Google {
    served: Served,
    world: Arc<Mutex<World>>,
}

/// Everything that it holds.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// What the caller may do; everything where none is set.
    pub(crate) granted: Option<BTreeSet<String>>,
    /// Bearer tokens that are accepted; any caller where none is set.
    pub(crate) tokens: Option<BTreeSet<String>>,
    /// As many reads by alias or `latest` see the version before, after each change.
    pub(crate) lag: usize,
    pub(crate) lagging: BTreeMap<(String, String), (u64, usize)>,
    pub(crate) passed: Duration,
    pub(crate) etags: u64,
    /// Method, path and `Authorization` of every call.
    pub(crate) calls: Vec<(String, String, String)>,
}

impl Google {
    /// Starts one without encryption, or over TLS.
    pub async fn start(authority: Option<&Authority>) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let served = serve(http::router(Arc::clone(&world)), authority).await;
        Self { served, world }
    }

    /// `http://127.0.0.1:PORT`, or `https://…`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.served.address
    }

    /// What it does wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.served.faults
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// A secret with this full name (`projects/P/secrets/S`), as a person creates it; `more` are further fields of
    /// it, also those that only the service itself sets.
    pub fn create(&self, name: &str, more: &Value) {
        let mut world = self.world();
        let etag = world.next_etag();
        let now = world.now();
        let mut secret = Secret::new(name, etag, now);
        secret.set(more);
        world.secrets.insert(name.to_owned(), secret);
    }

    /// Adds a version as a person does; its number.
    pub fn add(&self, name: &str, value: &str) -> u64 {
        self.world()
            .add_version(name, value.as_bytes().to_vec(), false)
            .unwrap()
    }

    /// Points an alias at a version as a person does.
    pub fn point(&self, name: &str, alias: &str, number: u64) {
        let mut world = self.world();
        let etag = world.next_etag();
        let secret = world.secrets.get_mut(name).unwrap();
        secret.aliases.insert(alias.to_owned(), number);
        secret.etag = etag;
    }

    /// Ends a version as a person does.
    pub fn set_state(&self, name: &str, number: u64, state: VersionState) {
        let mut world = self.world();
        let etag = world.next_etag();
        let version = world.secrets.get_mut(name).unwrap();
        let version = version.version_mut(number).unwrap();
        version.state = state;
        version.etag = etag;
    }

    /// Changes fields of a secret as a person does, also those that only the service itself sets.
    pub fn set(&self, name: &str, more: &Value) {
        let mut world = self.world();
        let etag = world.next_etag();
        let secret = world.secrets.get_mut(name).unwrap();
        secret.set(more);
        secret.etag = etag;
    }

    /// Removes a secret.
    pub fn remove(&self, name: &str) {
        self.world().secrets.remove(name);
    }

    /// A secret as the interface answers it, with enums as words.
    #[must_use]
    pub fn secret(&self, name: &str) -> Value {
        self.world().secrets[name].answer(false)
    }

    /// Number, state and value of every version, oldest first.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<(u64, VersionState, String)> {
        let world = self.world();
        let secret = world.secrets.get(name);
        let versions = secret.map(|secret| secret.versions.as_slice());
        let each = versions.unwrap_or_default().iter();
        each.map(|v| {
            (
                v.number,
                v.state,
                String::from_utf8_lossy(&v.data).into_owned(),
            )
        })
        .collect()
    }

    /// From now on only this is allowed, by anybody.
    pub fn grant(&self, permissions: &[&str]) {
        let granted = permissions.iter().map(|one| (*one).to_owned()).collect();
        self.world().granted = Some(granted);
    }

    /// From now on a call must carry one of these bearer tokens.
    pub fn accept_tokens(&self, tokens: &[&str]) {
        let tokens = tokens.iter().map(|one| (*one).to_owned()).collect();
        self.world().tokens = Some(tokens);
    }

    /// From now on so many reads by alias or `latest` see the version before, after each change.
    pub fn lag(&self, reads: usize) {
        self.world().lag = reads;
    }

    /// Lets time pass: what was to be destroyed by then is.
    pub fn advance(&self, by: Duration) {
        self.world().advance(by);
    }

    /// Method, path and `Authorization` of every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String, String)> {
        self.world().calls.clone()
    }
}
