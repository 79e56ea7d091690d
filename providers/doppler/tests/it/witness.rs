//! Two witnesses of the fake and of us: the vendor's command line, and the published description.

use crate::rig::{CONFIG, Rig, place, place_of, publish};
use keywheel_contract::SecretStore;
use keywheel_test_servers::doppler::Doppler;
use keywheel_test_servers::doppler::cli::Cli;
use keywheel_test_servers::doppler::openapi::Description;

#[tokio::test]
async fn the_command_line_reads_what_we_saved_and_we_read_what_it_saved() {
    let rig = Rig::set().await;
    let token = rig.doppler.service_token(CONFIG, "read/write");
    let Some(cli) = Cli::new(rig.doppler.address(), &token) else {
        return;
    };
    let read = ["secrets", "get", "TOKEN", "--plain", "--no-check-version"];
    // Written by it, replaced by us.
    let set = [
        "secrets",
        "set",
        "TOKEN=example 'old' $5",
        "OTHER=${TOKEN}!",
        "--silent",
    ];
    cli.run(&set).await.unwrap();
    assert_eq!(
        rig.doppler.raw(CONFIG, "TOKEN").unwrap(),
        "example 'old' $5"
    );
    let seen = rig.store.inspect(&place()).await.unwrap();
    let awkward = "example \"new\" $5 \\ {} é";
    let new = publish(&rig.store, &place(), awkward, 1).await.unwrap();
    assert_ne!(seen.current.as_ref(), Some(&new));
    assert_eq!(
        cli.run(&read).await.unwrap().trim_end_matches('\n'),
        awkward
    );
    let other = ["secrets", "get", "OTHER", "--plain"];
    assert_eq!(cli.run(&other).await.unwrap().trim(), format!("{awkward}!"));
    let raw = ["secrets", "get", "OTHER", "--plain", "--raw"];
    assert_eq!(cli.run(&raw).await.unwrap().trim(), "${TOKEN}!");
    let all = ["secrets", "download", "--no-file", "--format", "json"];
    let all: serde_json::Value = serde_json::from_str(&cli.run(&all).await.unwrap()).unwrap();
    assert_eq!(all["TOKEN"], awkward);
    assert_eq!(all["DOPPLER_CONFIG"], "prd");
    // Deleted by it, empty for us.
    cli.run(&["secrets", "delete", "TOKEN", "--yes", "--silent"])
        .await
        .unwrap();
    assert_eq!(rig.store.inspect(&place()).await.unwrap().current, None);
}

#[tokio::test]
async fn the_command_line_is_refused_as_we_are() {
    let rig = Rig::set().await;
    let reads = rig.doppler.service_token(CONFIG, "read");
    let Some(cli) = Cli::new(rig.doppler.address(), &reads) else {
        return;
    };
    let refused = cli
        .run(&["secrets", "set", "TOKEN=example"])
        .await
        .unwrap_err();
    assert!(refused.contains("does not have access"), "{refused}");
    rig.doppler.revoke(&reads);
    let refused = cli.run(&["secrets"]).await.unwrap_err();
    assert!(refused.contains("Invalid Auth token"), "{refused}");
}

/// Every call that the store makes, and every form of answer that it meets.
async fn everything(rig: &Rig) {
    rig.doppler.put(CONFIG, "HOST", "example");
    publish(&rig.store, &place(), "example-1", 1).await.unwrap();
    let both = place_of(CONFIG, &["TOKEN", "HOST"]);
    publish(&rig.store, &both, "example-2", 2).await.unwrap();
    rig.doppler.meddle(CONFIG, "TOKEN", "example-theirs");
    publish(&rig.store, &place(), "example-3", 3)
        .await
        .unwrap_err();
    rig.store.examine(&[place()]).await;
    rig.store.discover(None).await.unwrap();
    rig.token.replace(&rig.doppler.service_account());
    rig.store.discover(None).await.unwrap();
    rig.doppler.demand_review(CONFIG);
    publish(&rig.store, &place(), "example-4", 4)
        .await
        .unwrap_err();
    publish(&rig.store, &place(), "example-4", 4)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn every_request_of_ours_and_every_answer_fits_the_published_description() {
    let Some(description) = Description::published() else {
        return;
    };
    let rig = Rig::set().await;
    everything(&rig).await;
    let exchanges = rig.doppler.exchanges();
    let misfits = exchanges.iter().flat_map(|one| description.misfits(one));
    assert_eq!(misfits.collect::<Vec<_>>(), Vec::<String>::new());
    assert!(exchanges.iter().all(|one| one.agent == "keywheel"));
    let mut calls: Vec<_> = exchanges
        .iter()
        .map(|one| (&one.method, &one.path))
        .collect();
    calls.sort_unstable();
    calls.dedup();
    println!("{} exchanges of {} calls fit", exchanges.len(), calls.len());
    assert_eq!(calls.len(), 11, "{calls:?}");
}

#[tokio::test]
async fn the_answers_to_the_command_line_fit_the_published_description() {
    let doppler = Doppler::start(None).await;
    doppler.config(CONFIG, "prd", None);
    let (Some(description), Some(cli)) = (
        Description::published(),
        Cli::new(
            doppler.address(),
            &doppler.service_token(CONFIG, "read/write"),
        ),
    ) else {
        return;
    };
    cli.run(&["secrets", "set", "TOKEN=example"]).await.unwrap();
    cli.run(&["secrets"]).await.unwrap();
    cli.run(&["me"]).await.unwrap();
    let exchanges = doppler.exchanges();
    assert!(exchanges.len() >= 3);
    // It names project and config in the query of every call, which the description does not; its answers do fit.
    let answers = exchanges.into_iter().map(|mut one| {
        one.query = vec![
            ("project".into(), String::new()),
            ("config".into(), String::new()),
        ];
        one.body = serde_json::Value::Null;
        one
    });
    let misfits: Vec<_> = answers.flat_map(|one| description.misfits(&one)).collect();
    let misfits: Vec<_> = misfits
        .iter()
        .filter(|one| one.contains("answer"))
        .collect();
    assert!(misfits.is_empty(), "{misfits:?}");
}
