//! The properties, for every kind of issuer.

use super::drawing::{any_script, any_setting};
use super::rules::Violation;
use super::run::{Planner, Run};
use super::script::Op;
use super::setting::{Make, Setting};
use crate::rotation::plan::plan;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// One case: a setting, what happens, and how long calls take once all is calm.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) setting: Setting,
    pub(super) script: Vec<Op>,
    pub(super) latency_ms: i64,
}

/// Any case with one kind of issuer.
pub(super) fn any_case(make: Make) -> impl Strategy<Value = Case> {
    let latency = prop_oneof![Just(0_i64), Just(7)];
    (any_setting(make), any_script(), latency).prop_map(|(setting, script, latency_ms)| Case {
        setting,
        script,
        latency_ms,
    })
}

/// Plays a case to its end.
pub(super) fn play(case: &Case, planner: Planner) -> Result<Run, Violation> {
    let mut run = Run::new(&case.setting, planner);
    run.play(&case.script)?;
    run.calm(case.latency_ms)?;
    Ok(run)
}

/// The same cases in every run; others, and as many as asked for, where `PROPTEST_CASES` is set.
pub(super) fn runner(cases: u32, max_shrink_iters: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let config = ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters,
        ..ProptestConfig::default()
    };
    match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

fn holds(make: Make) {
    let outcome = runner(200, 20_000).run(&any_case(make), |case| match play(&case, plan) {
        Ok(_) => Ok(()),
        Err(Violation { rule, detail }) => Err(TestCaseError::fail(format!("{rule}: {detail}"))),
    });
    if let Err(failure) = outcome {
        panic!("{make:?}: {failure}");
    }
}

#[test]
fn overlap() {
    holds(Make::Overlap);
}

#[test]
fn unfindable() {
    holds(Make::Unfindable);
}

#[test]
fn chosen_values() {
    holds(Make::Chosen);
}

#[test]
fn two_slots() {
    holds(Make::TwoSlots);
}

#[test]
fn alternating() {
    holds(Make::Alternating);
}

#[test]
fn assisted() {
    holds(Make::Assisted);
}

#[test]
fn generated_with_previous() {
    holds(Make::Previous);
}

#[test]
fn generated() {
    holds(Make::Generated);
}

#[test]
fn in_place() {
    holds(Make::InPlace);
}

#[test]
fn in_place_with_reuse() {
    holds(Make::InPlaceReuse);
}
