//! The conformance suite of the contract.

use crate::rig::Rig;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};

struct Account(Rig);

#[async_trait]
impl IssuerHarness for Account {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }
}

#[tokio::test]
async fn every_case_holds_with_a_real_server() {
    let Some(rig) = Rig::new().await else {
        return;
    };
    let account = Account(rig);
    let report = suite(&account).await;
    keywheel_test_servers::counts::suite(&report);
    // Nothing minted, no last use, no sessions of one key alone.
    assert_eq!((report.failed(), report.skipped()), (0, 3), "{report}");
    assert_eq!(account.0.server.keys(), "");
}
