//! The conformance suite of the contract, with the rights of the manual and no others.

use super::rig::Scene;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use std::time::Duration;

struct Keys(Scene);

#[async_trait]
impl IssuerHarness for Keys {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }

    /// As long as a new key may be refused without being dead.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let Some(scene) = Scene::of("conformance").await else {
        return;
    };
    let report = suite(&Keys(scene)).await;
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, 11), "{report}");
}
