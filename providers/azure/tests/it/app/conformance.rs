//! The conformance suite of the contract.

use super::rig::Scene;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use std::time::Duration;

struct Secrets(Scene);

#[async_trait]
impl IssuerHarness for Secrets {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }

    /// As long as a new secret may be refused without being dead.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
}

/// A secret cannot be disabled, its last use is not told, and it has no sessions.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let report = suite(&Secrets(Scene::set().await)).await;
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, 9), "{report}");
}
