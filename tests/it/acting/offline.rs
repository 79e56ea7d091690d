//! What needs no daemon: checking, schema, manual, completions, plugins, adopting, proving.

use super::rig::{CANARY, Rig};
use std::fs;

const ID: &str = "development/example-token";

#[test]
fn a_folder_without_seal_key_and_journal_is_checked_by_its_files() {
    let rig = Rig::starter();
    assert!(
        rig.ok(&["check"])
            .out
            .contains("1 secret, no problem found")
    );
    assert!(rig.ok(&["check", "--online"]).out.contains("answers"));
    let journal = rig.path().join("keywheel.db");
    fs::rename(&journal, rig.path().join("elsewhere.db")).unwrap();
    let half = rig.run(&["check"]);
    assert_eq!(half.code, 78);
    assert!(half.err.contains("there is no journal at"), "{}", half.err);
    fs::remove_file(rig.path().join("seal.key")).unwrap();
    assert!(
        rig.ok(&["check"])
            .err
            .contains("only the files were checked")
    );
}

#[test]
fn every_problem_is_named_with_its_place() {
    let rig = Rig::starter();
    rig.append(
        "inventory/development/example.toml",
        "[secrets.other]\nisuer = 1\nowner = 2\n",
    );
    let ran = rig.run(&["check"]);
    assert_eq!(ran.code, 78);
    let places = ran
        .err
        .matches("inventory/development/example.toml:")
        .count();
    assert!(places >= 2, "{}", ran.err);
}

#[test]
fn schema_manual_and_completions_are_made() {
    let rig = Rig::starter();
    assert!(rig.ok(&["schema"]).out.contains("json-schema.org"));
    assert!(rig.ok(&["completions", "bash"]).out.contains("rotate-now"));
    assert!(rig.ok(&["man"]).out.contains(".TH keywheel"));
    rig.ok(&["man", "--dir", "man"]);
    assert!(rig.read("man/keywheel-rotate-now.1").contains("cutover"));
}

#[test]
fn a_plugin_is_checked_for_real() {
    let rig = Rig::with("other", "[secrets]\n");
    let words = [
        "plugin",
        "check",
        "token-issuer",
        "--role",
        "issuer",
        "--set",
        "path=tokens.json",
    ];
    let ran = rig.ok(&words);
    assert!(ran.out.contains(" 0 failed"), "{}", ran.out);
    let wrong = rig.run(&["plugin", "check", "token-issuer", "--role", "store"]);
    assert_eq!(wrong.code, 1, "{}", wrong.out);
    assert!(wrong.out.contains("FAILED"), "{}", wrong.out);
}

#[test]
fn adopting_learns_without_showing_and_starts_nothing() {
    let rig = Rig::starter();
    rig.write("example.env", &format!("EXAMPLE_TOKEN={CANARY}\n"));
    let first = rig.ok(&["inventory", "adopt", ID]);
    assert!(
        first.out.contains("development/example-token adopted"),
        "{} {}",
        first.out,
        first.err
    );
    assert!(first.err.contains("nothing was rotated"), "{}", first.err);
    assert!(
        rig.ok(&["inventory", "adopt", ID])
            .err
            .contains("1 known before")
    );
    assert_eq!(rig.read("example.env"), format!("EXAMPLE_TOKEN={CANARY}\n"));
}

#[test]
fn proving_says_who_does_not_hold_the_value_in_use_and_changes_nothing() {
    let rig = Rig::starter();
    assert_eq!(rig.run(&["prove", ID]).code, 1, "nothing is published yet");
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let proven = rig.ok(&["prove", ID]);
    assert!(proven.out.contains("delivered"), "{}", proven.out);
    let before = rig.audit().join("\n");
    rig.ok(&["prove", ID]);
    assert_eq!(rig.audit().join("\n"), before);
}

#[cfg(feature = "doppler")]
#[test]
fn a_plan_says_how_long_the_quotas_of_the_stores_hold_everything_back() {
    let rig = Rig::starter();
    rig.append(
        "inventory/development/environment.toml",
        "\n[stores.doppler]\nkind = \"doppler\"\ntoken = { file = \"doppler-token\" }\nper_minute = 60\n",
    );
    let secrets = (0..20).map(|number| {
        format!(
            "[secrets.many-{number}]\nissuer = {{ kind = \"random\", length = 48 }}\nin_place = \"example\"\n\
             no_consumers = \"example\"\ntiming = {{ first_due = \"2026-01-01\" }}\n\
             publish_to = [{{ store = \"doppler\", path = \"backend/dev\", field = \"TOKEN_{number}\" }}]\n"
        )
    });
    let team: String = secrets.collect();
    rig.write("inventory/development/many.toml", &team);
    rig.ok(&["inventory", "apply"]);
    let plan = rig.ok(&["plan", "--until", "1d"]);
    assert!(
        plan.out
            .contains("all at once, they take their stores at least"),
        "{}",
        plan.out
    );
    let json = rig.ok(&["plan", "--until", "1d", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let narrowest = &json["narrowest_quota"];
    assert!(narrowest["seconds"].as_u64().unwrap() > 60, "{narrowest}");
    assert!(
        narrowest["quota"].as_str().unwrap().contains("doppler"),
        "{narrowest}"
    );
}
