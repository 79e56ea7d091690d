//! The conformance suite of the contract, with the token of the manual's policy and no other right.

use crate::rig::{ENVIRONMENT, Kept, ORGANIZATION, REPOSITORY, store};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_provider_github::GithubStore;
use keywheel_test_servers::github::Github;
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    github: Github,
    store: GithubStore,
    path: &'static str,
    used: AtomicU32,
}

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    /// Places of the suite are secrets of one repository, so that each case meets the others' as other people's.
    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        Place {
            path: self.path.to_owned(),
            fields: vec![format!("TOKEN_{number}"), format!("_USER_{number}")],
            selector: None,
        }
    }

    async fn plant_foreign(&self, _place: &Place) -> bool {
        self.github.put(self.path, "FOREIGN", "example-theirs");
        true
    }

    async fn foreign_kept(&self, _place: &Place) -> bool {
        let kept = self.github.value(self.path, "FOREIGN");
        kept.as_deref() == Some("example-theirs")
    }
}

#[tokio::test]
async fn a_token_of_one_place_that_writes_suffices_for_every_case() {
    for path in [REPOSITORY, ENVIRONMENT, ORGANIZATION] {
        let github = Github::start(None).await;
        github.place(path);
        let token = Kept::new(&github.token(&[path], true));
        let places = Places {
            store: store(github.address(), &token, json!({})),
            github,
            path,
            used: AtomicU32::new(0),
        };
        let report = suite(&places).await;
        keywheel_test_servers::counts::suite(&report);
        // Reading, finding, staging, conditions and older versions do not apply.
        assert_eq!((report.failed(), report.passed()), (0, 9), "{report}");
    }
}
