//! The contract suite of every shipped pack.

use keywheel_provider_http::{contract, shipped};
use keywheel_test_servers::counts;

/// How many cases each pack passes, and how many do not apply to it. One that is skipped from now on is to be noticed.
const CASES: [(&str, usize, usize); 18] = [
    ("anthropic", 16, 10),
    ("auth0", 8, 18),
    ("cloudflare", 17, 9),
    ("datadog", 19, 7),
    ("github-app-deploy-key", 16, 10),
    ("github-deploy-key", 15, 11),
    ("github-token", 10, 16),
    ("gitlab", 19, 7),
    ("mailgun", 13, 13),
    ("npm", 6, 20),
    ("okta", 13, 13),
    ("openai", 18, 8),
    ("qiita", 6, 20),
    ("sendgrid", 16, 10),
    ("slack", 6, 20),
    ("stripe", 6, 20),
    ("stripe-webhook", 11, 15),
    ("twilio", 16, 10),
];

#[tokio::test]
async fn every_shipped_pack_keeps_its_contract() {
    let (mut broken, mut cases) = (Vec::new(), Vec::new());
    for name in shipped::names() {
        let pack = shipped::pack(name).unwrap_or_else(|| panic!("{name} cannot be read"));
        let report = contract::check(pack).await.unwrap();
        if report.failed() > 0 {
            broken.push(format!("{name}\n{report}"));
        }
        cases.push((name, report.passed(), report.skipped()));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let all = |count: fn(&(&str, usize, usize)) -> usize| cases.iter().map(count).sum::<usize>();
    counts::show(format!(
        "contracts of {} packs: {} cases passed, {} do not apply",
        cases.len(),
        all(|(_, passed, _)| *passed),
        all(|(_, _, skipped)| *skipped)
    ));
    assert_eq!(cases, CASES);
}
