//! The conformance suite of the contract.

use crate::rig::Rig;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};

struct Set(Rig);

#[async_trait]
impl IssuerHarness for Set {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }

    async fn settle(&self) {
        self.0.in_force().await;
    }
}

#[tokio::test]
async fn every_case_holds_for_every_algorithm() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let set = Set(Rig::new(algorithm).await);
        let report = suite(&set).await;
        keywheel_test_servers::counts::suite(&report);
        // Nothing minted, no marks, no last use, no sessions.
        assert_eq!((report.failed(), report.skipped()), (0, 4), "{report}");
        assert!(!set.0.set().contains("kid"));
    }
}
