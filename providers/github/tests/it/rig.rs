//! What the tests share: a service, stores on it, and writes.

pub(crate) use keywheel_test_servers::writes::{Kept, place_of, publish, publish_over, word};

use keywheel_contract::{Place, Result, SecretStore as _, VersionId};
use keywheel_provider_github::{GithubOptions, GithubStore};
use keywheel_test_servers::github::Github;
use serde_json::{Value, json};
use std::path::Path;

/// The places of most tests.
pub(crate) const REPOSITORY: &str = "octo-org/backend";
pub(crate) const ENVIRONMENT: &str = "octo-org/backend/environments/production eu/blue";
pub(crate) const ORGANIZATION: &str = "orgs/octo-org";

/// A service with one place of each kind, and a store with a token that may write to them.
pub(crate) struct Rig {
    pub(crate) github: Github,
    pub(crate) store: GithubStore,
    pub(crate) token: Kept,
}

impl Rig {
    pub(crate) async fn set() -> Self {
        let github = Github::start(None).await;
        let places = [REPOSITORY, ENVIRONMENT, ORGANIZATION];
        places.iter().for_each(|path| github.place(path));
        let token = Kept::new(&github.token(&places, true));
        let store = store(github.address(), &token, json!({}));
        Self {
            github,
            store,
            token,
        }
    }

    /// Writes to the repository, as a rotation does.
    pub(crate) async fn publish(&self, text: &str, number: u8) -> Result<VersionId> {
        publish(&self.store, &place(), text, number).await
    }

    /// What workflows of the repository get.
    pub(crate) fn value(&self) -> String {
        self.github.value(REPOSITORY, "TOKEN").unwrap()
    }

    pub(crate) async fn current(&self) -> Option<VersionId> {
        self.store.inspect(&place()).await.unwrap().current
    }
}

/// A store at that address; `more` are further options.
pub(crate) fn store(address: &str, token: &Kept, more: Value) -> GithubStore {
    let mut options = json!({ "address": address, "token": token.reference() });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    let options: GithubOptions = serde_json::from_value(options).unwrap();
    GithubStore::new(&options, Path::new("/nonexistent")).unwrap()
}

pub(crate) fn place() -> Place {
    place_of(REPOSITORY, &["TOKEN"])
}
