//! What is told before a rotation.

use crate::rig::{
    ENVIRONMENT, ORGANIZATION, REPOSITORY, Rig, place, place_of, publish, store, word,
};
use keywheel_contract::{Examination, SecretStore, Verb, Verdict};
use keywheel_test_servers::writes::Kept;
use serde_json::json;

fn verdict(seen: &Examination, about: &str) -> Option<Verdict> {
    let found = seen.findings.iter().find(|one| one.about == about);
    found.map(|found| found.verdict)
}

#[tokio::test]
async fn a_good_place_is_reachable_and_its_write_access_unproven() {
    let rig = Rig::set().await;
    let seen = rig.store.examine(&[place()]).await;
    for (about, expected) in [
        ("identity", Verdict::Good),
        ("headroom", Verdict::Good),
        ("clock", Verdict::Good),
        ("reachable: octo-org/backend", Verdict::Good),
        ("permission to write: octo-org/backend", Verdict::Unproven),
        ("read back: octo-org/backend", Verdict::Unproven),
    ] {
        assert_eq!(verdict(&seen, about), Some(expected), "{about}: {seen:?}");
    }
    let exchanges = rig.github.exchanges();
    assert!(exchanges.iter().all(|one| one.method == "GET"));
}

#[tokio::test]
async fn a_classic_token_is_told_by_its_scopes() {
    let rig = Rig::set().await;
    let (organization, environment) = (
        place_of(ORGANIZATION, &["A"]),
        place_of(ENVIRONMENT, &["A"]),
    );
    rig.token
        .replace(&rig.github.classic_token("repo, workflow"));
    let seen = rig
        .store
        .examine(&[place(), organization, environment])
        .await;
    for (about, expected) in [
        ("identity".to_owned(), Verdict::Warning),
        (format!("permission to write: {REPOSITORY}"), Verdict::Good),
        (format!("permission to write: {ENVIRONMENT}"), Verdict::Good),
        (
            format!("permission to write: {ORGANIZATION}"),
            Verdict::Missing,
        ),
    ] {
        assert_eq!(verdict(&seen, &about), Some(expected), "{about}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_finding() {
    let rig = Rig::set().await;
    let seen = rig
        .store
        .examine(&[place_of("octo-org/nothing", &["A"])])
        .await;
    assert_eq!(
        verdict(&seen, "reachable: octo-org/nothing"),
        Some(Verdict::Missing)
    );
    rig.token.replace("github_pat_example-unknown");
    let seen = rig.store.examine(&[place()]).await;
    assert_eq!(verdict(&seen, "identity"), Some(Verdict::Missing));
    assert_eq!(
        verdict(&seen, "reachable: octo-org/backend"),
        Some(Verdict::Missing)
    );
}

#[tokio::test]
async fn the_places_of_the_policy_suffice() {
    let rig = Rig::set().await;
    let places = [REPOSITORY, ENVIRONMENT, ORGANIZATION].map(|path| place_of(path, &["TOKEN"]));
    let policy = rig.store.examine(&places).await.policy.unwrap();
    assert_eq!(policy.lines().count(), 3, "{policy}");
    let token = Kept::new(
        &rig.github
            .token(&[REPOSITORY, ENVIRONMENT, ORGANIZATION], true),
    );
    let store = store(rig.github.address(), &token, json!({}));
    for place in &places {
        assert_eq!(word(publish(&store, place, "example-1", 1).await), "done");
    }
}

#[tokio::test]
async fn we_take_four_fifths_of_the_calls() {
    let rig = Rig::set().await;
    let draw = rig.store.draws(Verb::Promote).remove(0);
    assert_eq!(
        (draw.quota.name.as_str(), draw.quota.per_minute, draw.calls),
        ("github/127.0.0.1", 66, 4)
    );
    let rich = store(
        rig.github.address(),
        &rig.token,
        json!({ "per_hour": 15_000 }),
    );
    assert_eq!(rich.draws(Verb::Inspect)[0].quota.per_minute, 200);
    assert!(rich.draws(Verb::Compose).is_empty());
}
