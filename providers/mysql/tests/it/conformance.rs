//! The conformance suite of the contract, with the rights of the manual and no others.

use crate::rig::Rig;
use async_trait::async_trait;
use keywheel_contract::Issuer;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};

struct Account(Rig<'static>);

#[async_trait]
impl IssuerHarness for Account {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }
}

#[tokio::test]
async fn the_rights_of_the_manual_suffice_for_every_case() {
    let Some(rig) = Rig::new("conformance") else {
        return;
    };
    let report = suite(&Account(rig)).await;
    keywheel_test_servers::counts::suite(&report);
    // No marks, nothing minted, no last use, no sessions of one password alone.
    assert_eq!((report.failed(), report.skipped()), (0, 4), "{report}");
}
