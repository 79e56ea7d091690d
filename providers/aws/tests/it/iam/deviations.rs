//! Where the emulator and its shim differ from AWS: `deviations.toml` says it case by case, and each case is tried.

use super::rig::Scene;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

const CASES: &str = include_str!("deviations.py");
const KNOWN: &str = include_str!("deviations.toml");

/// What happens in one case: at AWS as it is documented, and at the emulator where that differs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    aws: String,
    moto: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_differs_where_the_list_says() {
    let Some(scene) = Scene::of("deviations").await else {
        return;
    };
    let key = json!({ "id": scene.account.key.id, "secret": scene.account.key.secret });
    let seen = scene.run(CASES, json!({ "user": "deviations", "key": key }));
    let seen: BTreeMap<String, String> = serde_json::from_value(seen).unwrap();
    let known: BTreeMap<String, Case> = toml::from_str(KNOWN).unwrap();
    for (name, case) in &known {
        assert_ne!(case.moto.as_ref(), Some(&case.aws), "{name}");
    }
    let deviations = known.values().filter(|case| case.moto.is_some()).count();
    let expected = known
        .into_iter()
        .map(|(name, case)| (name, case.moto.unwrap_or(case.aws)));
    assert_eq!(seen, expected.collect());
    assert_eq!(deviations, 1);
}
