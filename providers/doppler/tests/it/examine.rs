//! What is told before a rotation: examination and discovery.

use crate::rig::{CONFIG, Kept, Rig, place, place_of, publish, store, word};
use keywheel_contract::{Examination, Page, SecretStore, Verb, Verdict};
use keywheel_provider_doppler::DopplerStore;
use keywheel_test_servers::doppler::cli::Cli;
use keywheel_test_servers::faults::Fault;
use serde_json::json;

fn verdict(seen: &Examination, about: &str) -> Option<Verdict> {
    let found = seen.findings.iter().find(|one| one.about == about);
    found.map(|found| found.verdict)
}

#[tokio::test]
async fn a_good_place_is_reachable_and_its_write_access_unproven() {
    let rig = Rig::set().await;
    let saves = rig.doppler.saves(CONFIG);
    let seen = rig.store.examine(&[place()]).await;
    for (about, expected) in [
        ("identity", Verdict::Good),
        ("clock", Verdict::Good),
        ("reachable: backend/prd", Verdict::Good),
        ("permission to read: backend/prd", Verdict::Good),
        ("permission to write: backend/prd", Verdict::Unproven),
        ("native rotation: backend/prd", Verdict::Unproven),
    ] {
        assert_eq!(verdict(&seen, about), Some(expected), "{about}: {seen:?}");
    }
    assert_eq!(verdict(&seen, "branch: backend/prd"), None);
    assert_eq!(rig.doppler.saves(CONFIG), saves);
    assert!(
        rig.doppler
            .exchanges()
            .iter()
            .all(|one| one.method == "GET")
    );
}

#[tokio::test]
async fn what_is_wrong_is_a_finding() {
    let rig = Rig::set().await;
    rig.doppler.config("backend/prd_eu", "prd", Some("prd"));
    rig.token.replace(&rig.doppler.person());
    let missing = place_of("backend/nothing", &["TOKEN"]);
    let branch = place_of("backend/prd_eu", &["TOKEN"]);
    let seen = rig.store.examine(&[missing, branch]).await;
    assert_eq!(verdict(&seen, "identity"), Some(Verdict::Warning));
    assert_eq!(
        verdict(&seen, "reachable: backend/nothing"),
        Some(Verdict::Missing)
    );
    assert_eq!(
        verdict(&seen, "branch: backend/prd_eu"),
        Some(Verdict::Warning)
    );
    rig.token.replace("dp.st.prd.example-unknown");
    let seen = rig.store.examine(&[place()]).await;
    assert_eq!(verdict(&seen, "identity"), Some(Verdict::Missing));
    assert_eq!(
        verdict(&seen, "reachable: backend/prd"),
        Some(Verdict::Missing)
    );
}

#[tokio::test]
async fn the_token_of_the_policy_is_made_by_the_command_line_and_suffices() {
    let rig = Rig::set().await;
    let Some(cli) = Cli::new(rig.doppler.address(), &rig.doppler.person()) else {
        return;
    };
    let policy = rig.store.examine(&[place()]).await.policy.unwrap();
    let words: Vec<_> = policy.split_whitespace().collect();
    assert_eq!(words[0], "doppler");
    let made = cli.run(&words[1..]).await.unwrap();
    let token = Kept::new(made.trim());
    let store = store(rig.doppler.address(), &token, json!({}));
    assert_eq!(
        word(publish(&store, &place(), "example-1", 1).await),
        "done"
    );
}

async fn everything(store: &DopplerStore) -> (Vec<Page>, Vec<String>) {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.discover(after.as_deref()).await.unwrap();
        after.clone_from(&page.next);
        pages.push(page);
        if after.is_none() {
            break;
        }
    }
    let paths = pages.iter().flat_map(|page| &page.entries);
    let paths = paths
        .map(|one| format!("{} {}", one.path, one.fields.join(",")))
        .collect();
    (pages, paths)
}

#[tokio::test]
async fn a_service_token_discovers_its_config_and_reads_no_value() {
    let rig = Rig::set().await;
    rig.doppler.put(CONFIG, "B", "example-value");
    rig.doppler.put(CONFIG, "A", "example-value");
    let (pages, paths) = everything(&rig.store).await;
    assert_eq!(paths, ["backend/prd A,B"]);
    let entry = &pages[0].entries[0];
    assert_eq!(entry.tags["environment"], "prd");
    assert_eq!(entry.written_at_ms, Some(1_767_225_603_000));
    let told = format!("{:?}", rig.doppler.exchanges());
    assert!(!told.contains("example-value"), "{told}");
}

#[tokio::test]
async fn a_service_account_discovers_every_project_page_by_page() {
    let rig = Rig::set().await;
    for number in 0..43 {
        rig.doppler
            .config(&format!("p{number:02}/dev"), "dev", None);
    }
    for number in 0..21 {
        rig.doppler
            .config(&format!("p00/dev_{number:02}"), "dev", Some("dev"));
    }
    rig.token.replace(&rig.doppler.service_account());
    let (pages, paths) = everything(&rig.store).await;
    assert_eq!(paths.len(), 44 + 21);
    assert!(pages.iter().all(|page| page.entries.len() <= 4));
    let names: std::collections::BTreeSet<_> = paths.iter().collect();
    assert_eq!(names.len(), paths.len());
    assert_eq!(word(rig.store.discover(Some("elsewhere")).await), "invalid");
}

#[tokio::test]
async fn a_failing_service_is_not_an_empty_one() {
    let rig = Rig::set().await;
    rig.doppler
        .faults()
        .next(1, Fault::Refuse(503, None), |_| true);
    assert_eq!(word(rig.store.discover(None).await), "unavailable");
}

#[tokio::test]
async fn we_take_four_fifths_of_what_the_plan_allows() {
    let rig = Rig::set().await;
    let draw = rig.store.draws(Verb::Promote).remove(0);
    assert_eq!(
        (draw.quota.name.as_str(), draw.quota.per_minute),
        ("doppler/127.0.0.1", 96)
    );
    let more = json!({ "per_minute": 480 });
    let rich = store(rig.doppler.address(), &rig.token, more);
    assert_eq!(rich.draws(Verb::Inspect)[0].quota.per_minute, 384);
    assert!(rich.draws(Verb::Compose).is_empty());
}
