//! Layering, origins and size. Bad inputs are in `bad_inputs` and `bad_files`.

mod bad_files;
mod bad_inputs;

use super::definition::{NotifySpec, Reference, VerifySpec};
use super::testing::Files;
use std::fmt::Write as _;
use std::time::Instant;

#[test]
fn the_examples_of_the_design_are_read() {
    let team = r#"[secrets.anthropic-api-key]
owner      = "ml"
impact     = "chat is down for every customer"
tags       = ["pci"]
issuer     = { use = "people", prefix = "example-" }
publish_to = [{ store = "main", path = "prod/anthropic", fields = { ANTHROPIC_API_KEY = "{value}" } }]
formerly   = ["claude-key"]
[secrets.anthropic-api-key.consumers.chat-api]
canary = true
notify = { http = "https://chat.internal/-/reload", bearer = { env = "CHAT_RELOAD_TOKEN" } }
verify = { http = "https://chat.internal/.well-known/keywheel", instances = 6 }
[secrets.billing-token]
like  = "service-token"
consumers.nightly = { role = "presents", notify = { none = "fetches it at each start" }, verify = { exec = "check-app" } }
"#;
    let snapshot = Files::usual()
        .with("inventory/production/ml.toml", team)
        .read()
        .unwrap();
    let [claude, billing] = &snapshot.definitions[..] else {
        panic!("two secrets");
    };
    assert_eq!(claude.id.as_str(), "production/anthropic-api-key");
    assert_eq!(
        (claude.origin.file.as_str(), claude.origin.line),
        ("inventory/production/ml.toml", 1)
    );
    assert_eq!(claude.issuer.options["prefix"], "example-");
    assert_eq!(claude.issuer.options["min_length"], 20);
    assert_eq!(claude.formerly[0].as_str(), "production/claude-key");
    let chat = &claude.consumers["chat-api"];
    let bearer = Some(Reference::Env("CHAT_RELOAD_TOKEN".to_owned()));
    assert!(matches!(&chat.notify, NotifySpec::Http { bearer: found, .. } if *found == bearer));
    assert!(matches!(chat.verify, VerifySpec::Http { .. }));
    assert_eq!((chat.instances, chat.canary), (6, true));
    assert_eq!(
        billing.destinations[0].name(),
        "main:production/tokens/billing-token"
    );
    assert!(billing.destinations[0].shows_previous());
    assert_eq!(
        billing.consumers.keys().collect::<Vec<_>>(),
        ["gateway", "nightly"]
    );
    assert_eq!(snapshot.files.len(), 4);
    assert_eq!(
        snapshot.owners["ml"].email.as_deref(),
        Some("ml@example.com")
    );
}

/// Each layer sets the keys of the layers above it and one of its own, which no other layer takes away.
#[test]
fn each_layer_wins_over_those_below_and_origins_tell_which() {
    let config = "journal = \"sqlite://k.db\"\nseal = { key_file = \"k\" }\n[defaults.timing]\n\
                  quiet = \"1m\"\nundo = \"1m\"\noverlap = \"1m\"\nprove_within = \"1m\"\ndue_soon = \"1m\"\n";
    let shared = "[owners]\nml = {}\n[templates.t]\nissuer = { kind = \"manual\" }\ntags = [\"t\"]\n\
                  [templates.t.timing]\nprove_within = \"4m\"\ndue_soon = \"4m\"\n";
    let environment = "environment = \"production\"\n\
                       stores.main = { kind = \"files\", root = \"/srv\" }\n\
                       [defaults]\nowner = \"ml\"\nschedule = \"production\"\ntags = [\"e\", \"f\"]\n\
                       timing = { undo = \"2m\", overlap = \"2m\", prove_within = \"2m\", due_soon = \"2m\" }\n";
    let team = "defaults = { timing = { overlap = \"3m\", prove_within = \"3m\", due_soon = \"3m\" } }\n\
                [secrets.a]\nlike = \"t\"\nno_consumers = \"tried by hand\"\n\
                publish_to = [{ store = \"main\", path = \"{name}\" }]\n\
                timing = { due_soon = \"5m\", cron = \"0 3 * * TUE\" }\n";
    let files = Files::default()
        .with("keywheel.toml", config)
        .with("inventory/shared.toml", shared)
        .with("inventory/production/environment.toml", environment)
        .with("inventory/production/team.toml", team);
    let values = files.origins("production/a").unwrap();
    let found = |key: &str| {
        let value = values.iter().find(|value| value.key == key).unwrap();
        format!(
            "{} {}:{}",
            value.value, value.origin.file, value.origin.line
        )
    };
    assert_eq!(
        found("timing.jitter"),
        "3d schedules/presets/production.toml:3"
    );
    assert_eq!(found("timing.quiet"), "1m keywheel.toml:4");
    assert_eq!(
        found("timing.undo"),
        "2m inventory/production/environment.toml:7"
    );
    assert_eq!(
        found("timing.overlap"),
        "3m inventory/production/team.toml:1"
    );
    assert_eq!(found("timing.prove_within"), "4m inventory/shared.toml:7");
    assert_eq!(
        found("timing.due_soon"),
        "5m inventory/production/team.toml:6"
    );
    assert_eq!(found("tags"), "[\"t\"] inventory/shared.toml:5");
    assert_eq!(
        found("publish_to[0].path"),
        "{name} inventory/production/team.toml:5"
    );
    assert!(
        values.iter().all(|value| value.key != "timing.every"),
        "`cron` takes `every` away"
    );
    let definition = &files.read().unwrap().definitions[0];
    assert_eq!(definition.timing.overlap.to_string(), "3m");
    assert_eq!(definition.destinations[0].path, "a");
}

#[test]
fn a_template_consumer_is_completed_key_by_key() {
    let team = "[secrets.t]\nlike = \"service-token\"\nconsumers.gateway.instances = 3\n";
    let snapshot = Files::usual()
        .with("inventory/production/ml.toml", team)
        .read()
        .unwrap();
    let gateway = &snapshot.definitions[0].consumers["gateway"];
    assert_eq!(gateway.instances, 3);
    assert!(matches!(gateway.verify, VerifySpec::Exec { .. }));
}

#[test]
fn own_schedules_stand_beside_presets_and_replace_them_by_word() {
    let team = "[secrets.t]\nlike = \"service-token\"\nschedule = \"nightly\"\n[secrets.u]\nlike = \"service-token\"\n";
    let nightly = "cron = \"0 3 * * *\"\nprove_within = \"1h\"\nfirst_due = 2026-12-01\n";
    let production = "replaces = \"production\"\nevery = \"10d\"\nprove_within = \"2h\"\n";
    let snapshot = Files::usual()
        .with("inventory/production/ml.toml", team)
        .with("schedules/nightly.toml", nightly)
        .with("schedules/production.toml", production)
        .read()
        .unwrap();
    let timings: Vec<_> = snapshot
        .definitions
        .iter()
        .map(|definition| &definition.timing)
        .collect();
    assert_eq!(timings[0].cron.as_deref(), Some("0 3 * * *"));
    assert_eq!(timings[0].first_due.as_deref(), Some("2026-12-01"));
    assert_eq!(timings[1].every.unwrap().to_string(), "10d");
}

#[test]
fn what_cannot_be_seen_is_a_warning() {
    let team = "[secrets.t]\nlike = \"service-token\"\n\
                consumers.old = { role = \"presents\", notify = { none = \"restarts itself\" }, verify = { none = \"a black box\" } }\n";
    let snapshot = Files::usual()
        .with("inventory/production/ml.toml", team)
        .read()
        .unwrap();
    assert_eq!(snapshot.warnings.len(), 1);
    assert!(
        snapshot.warnings[0].to_string().contains("keywheel vouch"),
        "{}",
        snapshot.warnings[0]
    );
}

#[test]
fn ten_thousand_entries_are_read() {
    const TEAMS: usize = 40;
    const SECRETS: usize = 250;
    let mut files = Files::usual();
    for team in 0..TEAMS {
        let mut text = String::new();
        for secret in 0..SECRETS {
            write!(
                text,
                "[secrets.s-{team}-{secret}]\nlike = \"service-token\"\ntags = [\"t{team}\"]\n\
                 timing = {{ overlap = \"2h\" }}\nconsumers.nightly = {{ role = \"presents\", \
                 notify = {{ none = \"fetches it\" }}, verify = {{ exec = \"check-app\" }} }}\n"
            )
            .unwrap();
        }
        files = files.with(&format!("inventory/production/team-{team}.toml"), &text);
    }
    let started = Instant::now();
    let snapshot = files.read().unwrap();
    println!(
        "{} entries in {:?}",
        snapshot.definitions.len(),
        started.elapsed()
    );
    assert_eq!(snapshot.definitions.len(), TEAMS * SECRETS);
}
