//! A fake of Doppler's service, for there is none to run: configs, branches, saves under conditions, logs, tokens and
//! change requests, in memory.
//!
//! What it takes and answers is that of the published description, which [`openapi`] checks, and the vendor's own
//! command line works with it ([`cli`]). What no document tells is our assumption, and its client does not lean on it:
//! the status of a save whose condition fails ([`Doppler::refuses_mismatch_with`]), the words of a refusal by a
//! policy, and that a condition of `null` is none.

mod calls;
pub mod cli;
pub mod openapi;
mod world;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::Router;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use world::{Config, Reach, Secret, Status, World};

/// One request with its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The parameters.
    pub query: Vec<(String, String)>,
    /// What the client calls itself.
    pub agent: String,
    /// The body; null where there was none.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer.
    pub answer: Value,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

/// A service; it ends when this is dropped.
pub struct Doppler {
    served: Served,
    shared: Shared,
}

impl Doppler {
    /// An empty workplace, over TLS where an authority is given.
    pub async fn start(authority: Option<&Authority>) -> Self {
        let shared = Shared::default();
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(shared.clone());
        let served = serve(router, authority).await;
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

    /// Makes an empty config (`project/config`); a branch of `root`, a config of the same project, where given.
    pub fn config(&self, path: &str, environment: &str, root: Option<&str>) {
        let config = Config {
            environment: environment.to_owned(),
            root: root.map(str::to_owned),
            ..Config::default()
        };
        self.shared.world().configs.insert(split(path), config);
    }

    /// A person saves one secret.
    pub fn put(&self, path: &str, name: &str, text: &str) {
        self.shared.world().person_puts(&split(path), name, text);
    }

    /// A person deletes one secret.
    pub fn remove(&self, path: &str, name: &str) {
        self.shared.world().of(path).own.remove(name);
    }

    /// Makes a secret invisible to tokens of people.
    pub fn restrict(&self, path: &str, name: &str) {
        let mut world = self.shared.world();
        let secret: &mut Secret = world.of(path).own.get_mut(name).unwrap();
        secret.visibility = "restricted".to_owned();
    }

    /// Just before the next save is looked at, a person saves this.
    pub fn meddle(&self, path: &str, name: &str, text: &str) {
        let meddling = (split(path), name.to_owned(), text.to_owned());
        self.shared.world().meddling = Some(meddling);
    }

    /// The stored text.
    #[must_use]
    pub fn raw(&self, path: &str, name: &str) -> Option<String> {
        self.shared.world().raw(&split(path), name)
    }

    /// What consumers get.
    #[must_use]
    pub fn computed(&self, path: &str, name: &str) -> Option<String> {
        self.shared.world().computed(&split(path), name)
    }

    /// How often a config was saved.
    #[must_use]
    pub fn saves(&self, path: &str) -> usize {
        self.shared.world().of(path).logs.len()
    }

    /// A token of one config, with `read` or `read/write`.
    #[must_use]
    pub fn service_token(&self, path: &str, access: &str) -> String {
        let reach = Reach::Config(split(path));
        let writes = access == "read/write";
        self.shared.world().new_token("example", reach, writes)
    }

    /// A token of the whole workplace, not of a person.
    #[must_use]
    pub fn service_account(&self) -> String {
        let mut world = self.shared.world();
        world.new_token("example", Reach::Workplace, true)
    }

    /// A token of a person.
    #[must_use]
    pub fn person(&self) -> String {
        self.shared
            .world()
            .new_token("example", Reach::Person, true)
    }

    /// Makes a token worthless.
    pub fn revoke(&self, token: &str) {
        self.shared.world().tokens.remove(token);
    }

    /// From now on only change requests change this config.
    pub fn demand_review(&self, path: &str) {
        self.shared.world().of(path).reviewed = true;
    }

    /// Ids of the change requests that wait.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        let world = self.shared.world();
        let open = world
            .requests
            .iter()
            .filter(|one| one.status == Status::Open);
        open.map(|one| one.id.clone()).collect()
    }

    /// A person approves and applies a change request.
    pub fn approve(&self, id: &str) {
        self.shared.world().approve(id);
    }

    /// A person closes a change request without applying it.
    pub fn close(&self, id: &str) {
        self.shared.world().request(id).status = Status::Canceled;
    }

    /// The status of a save whose condition fails; 409 until this is called.
    pub fn refuses_mismatch_with(&self, status: u16) {
        self.shared.world().mismatch = status;
    }

    /// The next request that writes is answered with a page of a balancer, before or after it was carried out.
    pub fn breaks_down(&self, status: u16, after: bool) {
        self.shared.world().breakdown = Some((status, after));
    }

    /// Everything that was asked and answered so far.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.world().exchanges.clone()
    }
}

fn split(path: &str) -> (String, String) {
    let (project, config) = path.split_once('/').unwrap();
    (project.to_owned(), config.to_owned())
}
