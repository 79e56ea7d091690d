//! The conformance suite of the contract, with the rights of the manual and no others.

use crate::rig::Rig;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_test_servers::redis::Keeps;

struct Users(Rig);

#[async_trait]
impl IssuerHarness for Users {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }
}

#[tokio::test]
async fn the_rights_of_the_manual_suffice_for_every_case() {
    for keeps in [Keeps::AclFile, Keeps::Configuration] {
        let Some(rig) = Rig::new(keeps).await else {
            return;
        };
        let report = suite(&Users(rig)).await;
        keywheel_test_servers::counts::suite(&report);
        // No marks, nothing minted, no last use, no sessions of one password alone.
        assert_eq!((report.failed(), report.skipped()), (0, 4), "{report}");
    }
}
