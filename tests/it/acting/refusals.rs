//! Each misuse: its exit code, and what it says to a person at night.

use super::rig::Rig;

const ID: &str = "development/example-token";

/// Words, exit code, what stderr says.
type Misuse = (&'static [&'static str], i32, &'static str);

const MISUSES: &[Misuse] = &[
    (&["rotate-now"], 2, "no secret was named; none is never all"),
    (
        &["rotate-now", "development/nothing"],
        1,
        "no secret is called development/nothing",
    ),
    (
        &["rotate-now", ID, "--mode", "hurry"],
        2,
        "invalid value 'hurry'",
    ),
    (
        &["rotate-now", ID, "--mode", "cutover"],
        2,
        "an emergency needs --reason",
    ),
    (
        &["rotate-now", ID, "--mode", "contain"],
        2,
        "an emergency needs --reason",
    ),
    (
        &["rotate-now", ID, "--credential", "current"],
        2,
        "an emergency needs --reason",
    ),
    (
        &["rotate-now", ID, "--mode", "cutover", "--reason", " "],
        2,
        "an empty reason is none",
    ),
    (
        &[
            "rotate-now",
            ID,
            "--credential",
            "key-9",
            "--reason",
            "leak",
        ],
        1,
        "has no credential `key-9`",
    ),
    (
        &["rotate-now", ID, "--mode", "contain", "--reason", "leak"],
        1,
        "cannot be contained without a longer outage",
    ),
    (
        &["rotate-now", ID, "--reported-at", "yesterday"],
        2,
        "`yesterday` is no moment",
    ),
    (
        &["rotate-now", ID, "--reported-at", "2999-01-01T00:00:00Z"],
        2,
        "lies in the future",
    ),
    (&["rotate-now", ID, "--until", "proven"], 2, "--wait"),
    (
        &["rotate-now", ID, "--wait=soon"],
        2,
        "is not a length of time",
    ),
    (
        &["retry", ID],
        1,
        "nothing of development/example-token is under way",
    ),
    (
        &["retry", "development/nothing"],
        1,
        "development/nothing is not in the journal",
    ),
    (&["rollback", ID], 2, "--reason"),
    (
        &["rollback", ID, "--reason", "x"],
        1,
        "nothing of development/example-token is under way",
    ),
    (
        &["reenable", ID, "--reason", "x"],
        1,
        "nothing of development/example-token is under way",
    ),
    (
        &["cancel", ID],
        1,
        "nothing of development/example-token is queued or under way",
    ),
    (&["pause", ID], 2, "--reason"),
    (&["pause", "--reason", "x"], 2, "no secret was named"),
    (
        &[
            "pause",
            ID,
            "--reason",
            "x",
            "--until",
            "2020-01-01T00:00:00Z",
        ],
        1,
        "over before it begins",
    ),
    (&["resume", ID], 1, "is not paused"),
    (&["vouch", ID, "--reason", "x"], 2, "--consumer"),
    (&["vouch", ID, "--consumer", "example"], 2, "--reason"),
    (
        &["vouch", ID, "--consumer", "nobody", "--reason", "x"],
        1,
        "has no consumer `nobody`; it has example",
    ),
    (
        &[
            "vouch",
            ID,
            "--consumer",
            "example",
            "--reason",
            "x",
            "--until",
            "31d",
        ],
        1,
        "at most 30d",
    ),
    (
        &["vouch", ID, "--old-revoked", "--reason", "x"],
        1,
        "asks whether its old credential was ended",
    ),
    (
        &["vouch", ID, "--new-revoked", "--reason", "x"],
        1,
        "asks whether its provided credential was ended",
    ),
    (
        &["notify", ID, "--consumer", "nobody"],
        1,
        "has no consumer `nobody`",
    ),
    (
        &["notify", ID, "--consumer", "example"],
        1,
        "there is no way to tell example",
    ),
    (
        &["plugin", "check", "nobody", "--role", "issuer"],
        78,
        "program `nobody` is not declared",
    ),
    (&["--config", "nowhere.toml", "check"], 78, "cannot be read"),
];

#[test]
fn each_misuse_has_its_code_and_its_words_and_changes_nothing() {
    let rig = Rig::starter();
    let before = rig.audit().join("\n");
    for (words, code, says) in MISUSES {
        let ran = rig.run(words);
        assert_eq!(ran.code, *code, "{words:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{words:?} says {}", ran.err);
        assert_eq!(ran.out, "", "{words:?}");
    }
    assert_eq!(rig.audit().join("\n"), before);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
}

#[test]
fn production_asks_for_its_name_and_without_a_terminal_nothing_happens() {
    let text = "[secrets.token]\nissuer = { kind = \"random\", length = 40 }\n\
         publish_to = [{ store = \"main\", path = \"token\" }]\nno_consumers = \"a test\"\nin_place = \"a test\"\n";
    let rig = Rig::with("production", text);
    let ran = rig.run(&["rotate-now", "production/token"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.err
            .contains("there is no terminal; nothing was changed"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("owner me"),
        "the plan comes first: {}",
        ran.err
    );
    let yes = rig.run(&[
        "rotate-now",
        "production/token",
        "--yes",
        "--wait=60s",
        "--output",
        "jsonl",
    ]);
    assert_eq!(yes.code, 0, "{}", yes.err);
    assert_eq!(yes.json()["phase"], "completed");
}

#[test]
fn a_paused_or_tracked_secret_is_not_rotated() {
    let rig = Rig::starter();
    rig.ok(&["pause", ID, "--reason", "year end", "--until", "7d"]);
    let paused = rig.run(&["rotate-now", ID]);
    assert_eq!(paused.code, 1);
    assert!(paused.err.contains("(year end)"), "{}", paused.err);
    assert!(
        paused
            .err
            .contains("next: keywheel resume development/example-token"),
        "{}",
        paused.err
    );
    rig.ok(&["resume", ID]);
    let tracked = rig
        .read("inventory/development/environment.toml")
        .replace("\"auto\"", "\"track\"");
    rig.write("inventory/development/environment.toml", &tracked);
    rig.ok(&["inventory", "apply"]);
    let ran = rig.run(&["rotate-now", ID]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is only tracked"), "{}", ran.err);
}
