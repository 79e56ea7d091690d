//! A person brings the value: `provide`, from the request to the end.

use super::rig::{CANARY, Rig};
use super::terminal::Terminal;
use crate::project::canary::found_in;

const ID: &str = "development/api-key";
const MANUAL: &str = r#"
[secrets.api-key]
issuer = { kind = "manual", prefix = "example-", min_length = 20, instructions = "make it in the console" }
publish_to = [{ store = "folders", path = "api-key" }]
no_consumers = "this is a test of bringing a value"
"#;

fn waiting() -> Rig {
    waiting_for(MANUAL)
}

fn waiting_for(text: &str) -> Rig {
    let rig = Rig::starter();
    rig.write("inventory/development/manual.toml", text);
    rig.ok(&["inventory", "apply"]);
    let ran = rig.run(&["rotate-now", ID, "--wait=30s", "--output", "jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(ran.json()["result"], "waits_for_person");
    assert!(
        ran.err
            .contains("next: keywheel provide development/api-key"),
        "{}",
        ran.err
    );
    rig
}

#[test]
fn a_value_from_stdin_is_checked_sealed_and_published_without_its_line_ending() {
    let rig = waiting();
    let refused = rig.run_with(&["provide", ID], "wrong-prefix-of-an-example-value\n");
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("does not begin with `example-`"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("the rotation still waits"),
        "{}",
        refused.err
    );
    let taken = rig.run_with(&["provide", ID, "--id", "key-7"], &format!("{CANARY}\n"));
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert!(taken.out.contains("sealed as key-7"), "{}", taken.out);
    let ran = rig.run(&["rotate-now", ID, "--wait=60s"]);
    assert_eq!(
        rig.read("published/api-key/current"),
        CANARY,
        "{} {}",
        ran.out,
        ran.err
    );
    rig.audited(&["candidate", "sealed", "brought by a person"]);
    assert!(!rig.audit().join("\n").contains(CANARY));
    for name in ["keywheel.db", "keywheel.db-wal"] {
        let bytes = std::fs::read(rig.path().join(name)).unwrap_or_default();
        let found = found_in(&bytes, CANARY);
        assert!(found.is_empty(), "{name} holds the value as {found:?}");
    }
}

#[test]
fn a_value_is_only_asked_for_where_one_is_waited_for() {
    let rig = Rig::starter();
    let early = rig.run_with(&["provide", "development/example-token"], CANARY);
    assert_eq!(early.code, 1);
    assert!(
        early
            .err
            .contains("no rotation of development/example-token is under way"),
        "{}",
        early.err
    );
    let empty = waiting().run_with(&["provide", ID], "\n");
    assert_eq!(empty.code, 2);
    assert!(
        empty.err.contains("no value was given on stdin"),
        "{}",
        empty.err
    );
}

#[test]
fn the_old_value_is_refused_again() {
    let rig = waiting();
    assert_eq!(rig.run_with(&["provide", ID], CANARY).code, 0);
    assert_eq!(
        rig.run(&["rotate-now", ID, "--wait=60s", "--output", "jsonl"])
            .json()["result"],
        "completed"
    );
    assert_eq!(
        rig.run(&["rotate-now", ID, "--wait=60s", "--output", "jsonl"])
            .json()["result"],
        "waits_for_person"
    );
    let again = rig.run_with(&["provide", ID], CANARY);
    assert_eq!(again.code, 1, "{}", again.err);
}

#[test]
fn a_secret_of_several_fields_takes_one_object_and_publishes_each() {
    let text = MANUAL
        .replace("prefix", "fields = [\"login\", \"password\"], prefix")
        .replace(
            "path = \"api-key\" }",
            "path = \"api-key\", fields = { LOGIN = \"{login}\", PASSWORD = \"{password}\" } }",
        );
    let rig = waiting_for(&text);
    for wrong in [
        CANARY.to_owned(),
        format!(r#"{{"password":"{CANARY}"}}"#),
        format!(r#"{{"login":7,"password":"{CANARY}"}}"#),
    ] {
        let refused = rig.run_with(&["provide", ID], &wrong);
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(
            refused
                .err
                .contains("a JSON object of text with login, password"),
            "{}",
            refused.err
        );
    }
    let object = format!(r#"{{"password":"{CANARY}","login":"example"}}"#);
    let taken = rig.run_with(&["provide", ID], &object);
    assert_eq!(taken.code, 0, "{}", taken.err);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    assert_eq!(rig.read("published/api-key/current/LOGIN"), "example");
    assert_eq!(rig.read("published/api-key/current/PASSWORD"), CANARY);
}

#[test]
fn what_is_typed_at_a_terminal_is_not_shown_and_the_terminal_is_put_back() {
    let rig = waiting();
    let terminal = Terminal::new();
    let mut child = rig
        .command(&["provide", ID])
        .stdin(terminal.end())
        .stdout(terminal.end())
        .stderr(terminal.end())
        .spawn()
        .unwrap();
    rig.until("it asks", || terminal.shown().contains("(not shown): "));
    assert!(!terminal.echoes(), "what is typed would be shown");
    terminal.types(&format!("{CANARY}\n"));
    assert!(child.wait().unwrap().success(), "{}", terminal.shown());
    rig.until("it says so", || terminal.shown().contains("sealed as"));
    assert!(terminal.shown().contains("make it in the console"));
    assert!(!terminal.shown().contains(CANARY), "the value was shown");
    assert!(terminal.echoes(), "the terminal still hides what is typed");
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    assert_eq!(rig.read("published/api-key/current"), CANARY);
}
