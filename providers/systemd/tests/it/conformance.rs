//! The conformance suite of the contract. systemd knows when a process began, not what it read: every case that tells
//! values apart does not apply.

use crate::rig::{RUNS, Rig};
use async_trait::async_trait;
use keywheel_contract::conformance::consumer::{ConsumerHarness, suite};
use keywheel_contract::{Consumer, SecretId, SecretValue};
use keywheel_provider_systemd::Told;

struct Service(Rig<'static>);

#[async_trait]
impl ConsumerHarness for Service {
    fn consumer(&self) -> &dyn Consumer {
        &self.0.unit
    }

    fn id(&self) -> SecretId {
        "production/db".parse().unwrap()
    }

    async fn hold(&self, _: &SecretValue) -> bool {
        false
    }

    async fn hold_nothing(&self) -> bool {
        self.0.systemd.systemctl(&["stop", &self.0.name]).unwrap();
        true
    }
}

#[tokio::test]
async fn a_unit_keeps_the_contract() {
    let service = format!("{RUNS}\nExecReload=true");
    for told in [Told::Restart, Told::Reload] {
        let name = format!("suite-{told:?}.service").to_lowercase();
        let Some(rig) = Rig::running(&name, told, &service).await else {
            return;
        };
        let report = suite(&Service(rig)).await;
        keywheel_test_servers::counts::suite(&report);
        assert_eq!((report.failed(), report.skipped()), (0, 8), "{report}");
    }
}
