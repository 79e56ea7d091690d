//! A fake of Azure Key Vault and of the part of Entra that hands out tokens, for no emulator speaks this protocol.
//!
//! What it does is what the vendor's documentation says, checked by the vendor's own client in Python. Known
//! differences: one origin for vault and Entra, rights for the whole vault only, and names that are told apart by case.

mod answers;
pub mod directory;
mod entra;
mod secrets;
mod vault;
pub mod witness;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::Router;
use axum::extract::State;
use axum::middleware;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use vault::Vault;

/// Id of the tenant.
pub const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
/// Id of the application.
pub const CLIENT: &str = "33333333-aaaa-4bbb-8ccc-444444444444";
/// Id that roles are assigned to.
pub const OBJECT: &str = "55555555-aaaa-4bbb-8ccc-666666666666";
/// The application's client secret.
pub const SECRET: &str = "example-client-secret";
/// The token of another issuer that the application trusts.
pub const FEDERATED: &str = "example-federated-token";

/// When a person writes a version by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After the next write was sent, before it is done.
    BeforeNextWrite,
    /// Right after the next write was done, before it is answered.
    AfterNextWrite,
}

/// A right of an access policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Reading values.
    Get,
    /// Listing secrets and versions.
    List,
    /// Writing versions and changing attributes.
    Set,
}

type Shared = Arc<Mutex<Vault>>;

/// A vault and its Entra.
pub struct Azure {
    /// `https://127.0.0.1:PORT`, of both.
    pub address: String,
    /// What it does wrong.
    pub faults: Faults,
    vault: Shared,
    _served: Served,
}

impl Azure {
    /// An empty vault, over TLS.
    pub async fn start(authority: &Authority) -> Self {
        let vault = Shared::default();
        let guarded = secrets::routes().layer(middleware::from_fn_with_state(
            Arc::clone(&vault),
            entra::only_with_a_token,
        ));
        let router: Router = guarded
            .merge(entra::routes())
            .with_state(Arc::clone(&vault));
        let served = serve(router, Some(authority)).await;
        Self {
            address: served.address.clone(),
            faults: served.faults.clone(),
            vault,
            _served: served,
        }
    }

    /// Exactly these rights from now on.
    pub fn allow(&self, rights: &[Right]) {
        self.state().rights = rights.iter().copied().collect();
    }

    /// No token that was handed out is taken any more.
    pub fn forget_tokens(&self) {
        self.state().tokens.clear();
    }

    /// A token for whoever reads the vault in a test.
    #[must_use]
    pub fn token(&self) -> String {
        let token = vault::random_id();
        self.state().tokens.insert(token.clone());
        token
    }

    /// How many tokens were handed out so far.
    #[must_use]
    pub fn tokens_made(&self) -> usize {
        self.state().tokens_made
    }

    /// All versions made from now on are of this second, in epoch seconds; `None`: of the one in which they are made.
    pub fn stop_clock(&self, at: Option<i64>) {
        self.state().stopped = at;
    }

    /// A version made by a person, with the body that the client would send; its id.
    pub fn write(&self, name: &str, body: &Value) -> String {
        self.state().set(name, body).unwrap().id
    }

    /// A person makes such a version at that moment of the next write.
    pub fn write_at(&self, moment: Moment, body: &Value) {
        self.state().person = Some((moment, body.clone()));
    }

    /// Changes a version as a person would: the body of `PATCH`.
    pub fn change(&self, name: &str, version: &str, body: &Value) {
        self.state().update(name, version, body).unwrap();
    }

    /// Makes a secret part of a certificate.
    pub fn make_managed(&self, name: &str) {
        for version in self.state().secrets.get_mut(name).unwrap() {
            version.managed = true;
        }
    }

    /// Moves a secret to the bin.
    pub fn delete(&self, name: &str) {
        self.state().delete(name).unwrap();
    }

    /// Every version in the order in which it was made, as the vault shows it to those who may see everything.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<Value> {
        let state = self.state();
        let versions = state.secrets.get(name).cloned().unwrap_or_default();
        versions
            .iter()
            .map(|version| version.whole(&self.address, name))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().unwrap()
    }
}

/// The state of a request.
type Inside = State<Shared>;
