//! Where the emulators differ from AWS: `deviations.toml` says it case by case, and each case is tried.

use crate::rig::Witness;
use keywheel_test_servers::aws::Emulator;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

const CASES: &str = include_str!("deviations.py");
const KNOWN: &str = include_str!("deviations.toml");

/// What happens in one case: at AWS as it is documented, and at an emulator where that differs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    aws: String,
    roto: Option<String>,
    moto: Option<String>,
}

fn known() -> BTreeMap<String, Case> {
    toml::from_str(KNOWN).unwrap()
}

fn check(emulator: &Emulator, differs: impl Fn(&Case) -> Option<&String>, deviations: usize) {
    let Some(witness) = Witness::of(&emulator.address) else {
        return;
    };
    let seen = witness.run(CASES, json!(null));
    let seen: BTreeMap<String, String> = serde_json::from_value(seen).unwrap();
    let known = known();
    let expected = known
        .iter()
        .map(|(name, case)| (name.clone(), differs(case).unwrap_or(&case.aws).clone()));
    assert_eq!(seen, expected.collect());
    let listed = known.values().filter_map(differs);
    assert_eq!(listed.count(), deviations);
}

#[tokio::test]
async fn roto_differs_where_the_list_says() {
    if let Some(emulator) = Emulator::roto().await {
        check(&emulator, |case| case.roto.as_ref(), 8);
    }
}

#[tokio::test]
async fn moto_differs_where_the_list_says() {
    if let Some(emulator) = Emulator::moto().await {
        check(&emulator, |case| case.moto.as_ref(), 8);
    }
}

#[test]
fn a_deviation_differs() {
    for (name, case) in known() {
        for other in [case.roto, case.moto].into_iter().flatten() {
            assert_ne!(other, case.aws, "{name}");
        }
    }
}
