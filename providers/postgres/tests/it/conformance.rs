//! The suite of the contract, in both styles, on both servers.

use crate::rig::{Rig, servers};
use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_contract::{CredentialId, Issuer};

struct Harness(Rig);

#[async_trait]
impl IssuerHarness for Harness {
    fn issuer(&self) -> &dyn Issuer {
        &self.0.issuer
    }

    async fn current(&self) -> Option<CredentialId> {
        let role = self.0.name.clone();
        Some(CredentialId::new(format!("{role}_a/0")))
    }
}

#[tokio::test]
async fn conformance_of_two_roles_in_turn() {
    for server in servers() {
        let report = suite(&Harness(Rig::new(server, "turns").await)).await;
        keywheel_test_servers::counts::suite(&report);
        assert_eq!((report.failed(), report.skipped()), (0, 2), "{report}");
    }
}

#[tokio::test]
async fn conformance_of_one_role_in_place() {
    for server in servers() {
        let rig = Rig::with(server, "place", "role = 'place_a'").await;
        let report = suite(&Harness(rig)).await;
        keywheel_test_servers::counts::suite(&report);
        assert_eq!(report.failed(), 0, "{report}");
    }
}
