//! A fake of the API server of a cluster, for there is none to run: Secrets, tokens and rights, server-side apply with
//! field managers, workloads whose controllers take one step at a time, in memory.
//!
//! It is checked by clients that share no line with ours: the Python package `kubernetes` ([`witness`]) and, where it
//! is installed, `kubectl`. Known deviations: a list is one field for whoever owns it (the API server merges some by
//! key); a strategic merge patch is merged by RFC 7396; there is no watch, no protobuf, no admission but the one
//! [`Kubernetes::changes_on_the_way_in`] arranges, and no history of revisions, so that a list shows the present; a
//! continued list never expires. A Deployment has no `ReplicaSet`s: its pods belong to it directly.

mod calls;
mod controller;
mod discovery;
mod owners;
mod rights;
mod secrets;
mod selector;
mod status;
pub mod witness;
mod workloads;
mod world;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::Router;
use rights::User;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use world::{Meddling, World, of, secret};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

/// A cluster; it ends when this is dropped. Paths are `namespace/name`.
pub struct Kubernetes {
    served: Served,
    shared: Shared,
}

impl Kubernetes {
    /// A cluster with these namespaces. Like every real one it speaks TLS only.
    pub async fn start(authority: &Authority, namespaces: &[&str]) -> Self {
        let shared = Shared::default();
        for namespace in namespaces {
            shared.world().namespaces.insert((*namespace).to_owned());
        }
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(shared.clone());
        let served = serve(router, Some(authority)).await;
        Self { served, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.served.address
    }

    /// What it does wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.served.faults
    }

    /// The token of somebody who may do everything.
    #[must_use]
    pub fn administrator(&self) -> String {
        self.token("example:administrator", None)
    }

    /// The token of a service account with exactly the Roles of that YAML and no other right. Every list in it stands
    /// in brackets.
    #[must_use]
    pub fn service_account(&self, roles: &str) -> String {
        self.token("system:serviceaccount:keywheel:keywheel", Some(roles))
    }

    fn token(&self, name: &str, roles: Option<&str>) -> String {
        let mut world = self.shared.world();
        let token = format!("example-token-{}", world.number());
        let rules = roles.map(rights::rules);
        let name = name.to_owned();
        world.users.insert(token.clone(), User { name, rules });
        token
    }

    /// Makes a token worthless.
    pub fn revoke(&self, token: &str) {
        self.shared.world().users.remove(token);
    }

    /// Somebody sets one key of a Secret, which is made where there is none.
    pub fn edit(&self, path: &str, key: &str, text: &str, manager: &str) {
        self.shared.world().edit(path, key, text, manager);
    }

    /// Just before the next write is looked at, somebody sets this key. Several of them are for as many writes.
    pub fn meddle(&self, path: &str, key: &str, text: &str, manager: &str) {
        let one = Meddling {
            path: path.to_owned(),
            key: key.to_owned(),
            text: text.to_owned(),
            manager: manager.to_owned(),
        };
        self.shared.world().meddling.push(one);
    }

    /// Sets anything else of a Secret by a merge, such as `{"immutable": true}`, as a controller would.
    pub fn merge(&self, path: &str, patch: &Value) {
        let (mut world, key) = (self.shared.world(), secret(path));
        let mut value = world.object(&key).unwrap().value.clone();
        calls::merge(&mut value, patch);
        assert!(
            world.update(&key, value, "controller").is_ok(),
            "the patch was refused"
        );
    }

    /// Takes a Secret away.
    pub fn remove(&self, path: &str) {
        self.shared.world().objects.remove(&secret(path));
    }

    /// From now on a webhook puts another value into this key of every Secret that is written.
    pub fn changes_on_the_way_in(&self, key: &str) {
        self.shared.world().webhook = Some(key.to_owned());
    }

    /// The text of a key.
    #[must_use]
    pub fn value(&self, path: &str, key: &str) -> Option<String> {
        let world = self.shared.world();
        secrets::decoded(&world.object(&secret(path))?.value, key)
    }

    /// The Secret as an answer tells it; null where there is none.
    #[must_use]
    pub fn secret(&self, path: &str) -> Value {
        self.shared
            .world()
            .told(&secret(path))
            .unwrap_or(json!(null))
    }

    /// Which field managers own this key of a Secret, with the operation.
    #[must_use]
    pub fn owners(&self, path: &str, key: &str) -> Vec<String> {
        let field = vec!["data".to_owned(), key.to_owned()];
        let world = self.shared.world();
        let owners = &world.object(&secret(path)).unwrap().owners;
        let theirs = owners.iter().filter(|one| one.paths.contains(&field));
        theirs
            .map(|one| format!("{} {}", one.manager, one.operation))
            .collect()
    }

    /// How often a Secret was changed.
    #[must_use]
    pub fn writes(&self, path: &str) -> usize {
        self.writes_of("secrets", path)
    }

    fn writes_of(&self, resource: &str, path: &str) -> usize {
        let world = self.shared.world();
        world.writes.get(&of(resource, path)).copied().unwrap_or(0)
    }

    /// Method, path and query of everything that was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.shared.world().asked.clone()
    }
}
