//! A fake of the part of Google that keeps keys of service accounts, and of the place where accounts log in with them,
//! for no emulator has either. It reads the certificates that are uploaded and checks every signature.
//!
//! Its calls are those of the vendor's documentation, and the vendor's own clients in Python are its judges: they list
//! keys and log in. What no document tells is our assumption: that a certificate is shown as it was uploaded, that a key
//! gets a name of Google's choice, that disabling a disabled key succeeds, and the words with which an upload is
//! refused. Tokens are not of use anywhere, and rights are all or none.

mod calls;
mod world;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::Router;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use world::World;

/// The account whose keys these are.
pub const ACCOUNT: &str = "chat@example-1.iam.gserviceaccount.com";
/// Its number.
pub const NUMBER: &str = "112233445566778899001";

/// One request with its answer, as far as it is about keys.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The body; null where there was none.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

/// A service; it ends when this is dropped.
pub struct Accounts {
    served: Served,
    shared: Shared,
}

impl Accounts {
    /// One account without keys that people have made, over TLS where an authority is given.
    pub async fn start(authority: Option<&Authority>) -> Self {
        let shared = Shared::default();
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(shared.clone());
        let served = serve(router, authority).await;
        shared.world().token_uri = format!("{}/token", served.address);
        Self { served, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.served.address
    }

    /// Where the account logs in.
    #[must_use]
    pub fn token_uri(&self) -> String {
        format!("{}/token", self.address())
    }

    /// What it does wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.served.faults
    }

    /// Google makes a key for a person, who gets its file.
    #[must_use]
    pub fn made_by_google(&self) -> String {
        self.shared.world().made_by_google()
    }

    /// Names of the keys that people have, oldest first, and whether each is enabled.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, bool)> {
        self.shared.world().listed()
    }

    /// A rule of the organization forbids uploads.
    pub fn forbids_uploads(&self) {
        self.shared.world().forbids_uploads = true;
    }

    /// From now on whoever calls is refused.
    pub fn takes_rights_away(&self) {
        self.shared.world().no_rights = true;
    }

    /// The account itself is disabled.
    pub fn disables_the_account(&self) {
        self.shared.world().account_disabled = true;
    }

    /// So many logins with a key that is new or enabled again are refused before it is known where accounts log in.
    pub fn learns_late(&self, logins: u32) {
        self.shared.world().late = logins;
    }

    /// How many logins were accepted.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.shared.world().logins
    }

    /// Every call about keys so far.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.world().exchanges.clone()
    }
}
