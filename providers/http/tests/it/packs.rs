//! The contract suite of every shipped pack.

use keywheel_provider_http::{contract, shipped};
use keywheel_test_servers::counts;

/// How many cases each pack passes, and how many do not apply to it. One that is skipped from now on is to be noticed.
const CASES: [(&str, usize, usize); 18] = [
    ("anthropic", 16, 11),
    ("auth0", 8, 19),
    ("cloudflare", 18, 9),
    ("datadog", 19, 8),
    ("github-app-deploy-key", 16, 11),
    ("github-deploy-key", 15, 12),
    ("github-token", 10, 17),
    ("gitlab", 20, 7),
    ("mailgun", 13, 14),
    ("npm", 6, 21),
    ("okta", 13, 14),
    ("openai", 18, 9),
    ("qiita", 6, 21),
    ("sendgrid", 16, 11),
    ("slack", 6, 21),
    ("stripe", 6, 21),
    ("stripe-webhook", 11, 16),
    ("twilio", 16, 11),
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
