//! A fake of the part of GitHub that keeps secrets of Actions, for there is none to run: repositories, environments and
//! organizations with a key pair each, which opens what is written; tokens, limits, and a clock that tells seconds.
//!
//! Its calls are those of the published description, which [`openapi`] checks, and GitHub's usual clients work with it.
//! Known differences: a secret is written at once for every reader unless it is told to lag, a key changes only on
//! demand, and calls are not counted. What no document tells is our assumption: that a write sealed to a key that is
//! no longer the place's is refused with status 422.

mod calls;
pub mod openapi;
mod world;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use world::{Secret, Shelf, Token, World};

/// One request with its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// Names of the parameters.
    pub query: Vec<String>,
    /// What the client calls itself.
    pub agent: String,
    /// The version of the interface that it asks for.
    pub version: String,
    /// The body; null where there was none.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer; null where it has no body.
    pub answer: Value,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

/// A service; it ends when this is dropped.
pub struct Github {
    served: Served,
    shared: Shared,
}

impl Github {
    /// Without any place, over TLS where an authority is given. Each request takes a second of its clock.
    pub async fn start(authority: Option<&Authority>) -> Self {
        let shared = Shared(Arc::new(Mutex::new(World::new())));
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(shared.clone());
        let served = serve(router, authority).await;
        Self { served, shared }
    }

    /// Where it listens; below `/api/v3` it answers as a server of one's own.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.served.address
    }

    /// What it does wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.served.faults
    }

    /// Makes a place without secrets: `owner/repository`, `owner/repository/environments/NAME` or `orgs/NAME`.
    pub fn place(&self, path: &str) {
        let mut world = self.shared.world();
        let shelf = Shelf::new(world.number());
        world.shelves.insert(inside(path), shelf);
    }

    /// A person writes a secret.
    pub fn put(&self, path: &str, name: &str, text: &str) {
        self.shared.world().put(&inside(path), name, text);
    }

    /// A person chooses the repositories that may use an organization's secret.
    pub fn select(&self, path: &str, name: &str, repositories: &[u64]) {
        let mut world = self.shared.world();
        let secret = world.secret(&inside(path), name);
        secret.visibility = Some("selected".to_owned());
        secret.selected = repositories.to_vec();
    }

    /// Lists of repositories have no more than so many on a page, whatever is asked for.
    pub fn lists_at_most(&self, repositories: usize) {
        self.shared.world().page = repositories;
    }

    /// So many repositories are counted in lists and not shown.
    pub fn hides(&self, repositories: usize) {
        self.shared.world().unlisted = repositories;
    }

    /// What workflows get.
    #[must_use]
    pub fn value(&self, path: &str, name: &str) -> Option<String> {
        let world = self.shared.world();
        let secret = world.shelves[&inside(path)].secrets.get(name)?;
        Some(String::from_utf8(secret.value.clone()).unwrap())
    }

    /// Who may use an organization's secret: its visibility, and the repositories where they are chosen.
    #[must_use]
    pub fn audience(&self, path: &str, name: &str) -> (Option<String>, Vec<u64>) {
        let mut world = self.shared.world();
        let secret: &mut Secret = world.secret(&inside(path), name);
        (secret.visibility.clone(), secret.selected.clone())
    }

    /// How often secrets of a place were written by requests.
    #[must_use]
    pub fn writes(&self, path: &str) -> usize {
        self.shared.world().shelves[&inside(path)].writes
    }

    /// A fine-grained token for these places.
    #[must_use]
    pub fn token(&self, places: &[&str], writes: bool) -> String {
        let reach = places.iter().map(|path| inside(path)).collect();
        self.shared.world().new_token(Token {
            reach: Some(reach),
            scopes: None,
            writes,
        })
    }

    /// A classic token, of every place.
    #[must_use]
    pub fn classic_token(&self, scopes: &str) -> String {
        self.shared.world().new_token(Token {
            reach: None,
            scopes: Some(scopes.to_owned()),
            writes: true,
        })
    }

    /// Makes a token worthless.
    pub fn revoke(&self, token: &str) {
        self.shared.world().tokens.remove(token);
    }

    /// The place gets another key just before the next write.
    pub fn rekeys_before_the_next_write(&self, path: &str) {
        self.shared.world().rekeying = Some(inside(path));
    }

    /// The private key that opens what is written to a place, in base 64, for other people's programs.
    #[must_use]
    pub fn private_key(&self, path: &str) -> String {
        let world = self.shared.world();
        STANDARD.encode(world.shelves[&inside(path)].key.to_bytes())
    }

    /// After each write the next reads of the secret still show what was there.
    pub fn lags(&self, reads: u32) {
        self.shared.world().lag = reads;
    }

    /// From now on its clock is that of this machine, and requests take as long as they take.
    pub fn keeps_time(&self) {
        self.shared.world().flies = false;
    }

    /// From now on every call is refused until a minute from now, as where all of an hour are used up.
    pub fn uses_up_its_calls(&self, used_up: bool) {
        self.shared.world().used_up = used_up;
    }

    /// Everything that was asked and answered so far.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.world().exchanges.clone()
    }
}

/// The path of a place as calls name it.
fn inside(path: &str) -> String {
    match path.starts_with("orgs/") {
        true => path.to_owned(),
        false => format!("repos/{path}"),
    }
}
