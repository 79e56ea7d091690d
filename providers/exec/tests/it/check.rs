//! `keywheel plugin check` finds good programs good and bad ones bad.

use crate::support::{config, launcher, program};
use keywheel_contract::conformance::report::{Outcome, Report};
use keywheel_provider_exec::{Role, check};

async fn check(below: &str, options: &str, role: Role, pairs: &[(&str, &str)]) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let program = program(below, options, directory.path());
    check::run(program, role, config(pairs), launcher()).await
}

#[tokio::test]
async fn the_examples_pass() {
    let issuer = "examples/plugins/token-issuer";
    let report = check(issuer, "", Role::Issuer, &[("path", "tokens.json")]).await;
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() >= 15, "{report}");
    let store = "examples/plugins/directory-store";
    let report = check(store, "", Role::Store, &[("root", "secrets")]).await;
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() >= 20, "{report}");
    let consumer = "examples/plugins/env-file-consumer";
    let pairs = [("path", ".env"), ("key", "TOKEN")];
    let report = check(consumer, "", Role::Consumer, &pairs).await;
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() >= 7, "{report}");
}

#[tokio::test]
async fn what_is_wrong_fails_its_case() {
    for (way, case) in [
        ("garbage", "an operation that does not exist is invalid"),
        (
            "garbage",
            "a value it was sent comes back on neither output",
        ),
        ("exit", "a value it was sent comes back on neither output"),
        ("good", "an operation that does not exist is invalid"),
        ("closed", "a request that is empty is not answered with ok"),
        (
            "closed",
            "a request that is no JSON is not answered with ok",
        ),
        ("boasting", "it keeps its promises"),
        ("foreign", "it describes itself"),
    ] {
        let options = format!("args = ['{way}']");
        let report = check("tests/plugins/faulty", &options, Role::Issuer, &[]).await;
        let found = matches!(report.outcome(case), Some(Outcome::Failed(_)));
        assert!(found, "{way}, {case}: {report}");
    }
}

#[tokio::test]
async fn a_program_asked_in_the_wrong_role_says_so() {
    let report = check("examples/plugins/token-issuer", "", Role::Store, &[]).await;
    assert_eq!((report.failed(), report.passed()), (1, 0), "{report}");
}
