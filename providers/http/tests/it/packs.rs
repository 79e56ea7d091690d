//! The contract suite of every shipped pack.

use keywheel_provider_http::{contract, shipped};

#[tokio::test]
async fn every_shipped_pack_keeps_its_contract() {
    let mut broken = Vec::new();
    for name in shipped::names() {
        let pack = shipped::pack(name).unwrap_or_else(|| panic!("{name} cannot be read"));
        let report = contract::check(pack).await.unwrap();
        let (passed, skipped) = (report.passed(), report.skipped());
        println!(
            "{name}: {passed} passed, {skipped} skipped, {} failed",
            report.failed()
        );
        if report.failed() > 0 {
            broken.push(format!("{name}\n{report}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
