//! The suites themselves: an honest provider passes, and each broken one fails the case that is about it.

#![cfg(test)]

mod issuer;
mod store;

use keywheel_contract::conformance::report::{Outcome, Report};

/// One broken promise may show in several cases; it must show in the one that is about it.
fn fails(report: &Report, wanted: &str) {
    let outcome = report.outcome(wanted);
    assert!(
        matches!(outcome, Some(Outcome::Failed(_))),
        "{wanted}\n{report}"
    );
}
