//! Bad nights: somebody turns back, brings a credential back, vouches, is too late.

use super::rig::Rig;

const ID: &str = "other/token";

fn inventory(overlap: &str, undo: &str) -> String {
    format!(
        r#"
[secrets.token]
issuer = {{ kind = "exec", program = "token-issuer", config = {{ path = "tokens.json" }} }}
publish_to = [{{ store = "main", path = "token" }}]
no_consumers = "a test"
timing = {{ overlap = "{overlap}", quiet = "0s", undo = "{undo}" }}
"#
    )
}

/// A second rotation, at rest where its timing lets it.
fn resting(overlap: &str, undo: &str, phase: &str) -> (Rig, String) {
    let rig = Rig::with("other", &inventory(overlap, undo));
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let first = rig.read("published/token/current");
    let ran = rig.run(&["rotate-now", ID, "--wait=6s", "--output", "jsonl"]);
    assert_eq!(ran.json()["phase"], phase, "{}", ran.err);
    assert_ne!(rig.read("published/token/current"), first);
    (rig, first)
}

#[test]
fn a_rollback_in_the_overlap_brings_the_old_value_back() {
    let (rig, first) = resting("1h", "1h", "overlapping");
    let back = rig.ok(&["rollback", ID, "--reason", "reports fail"]);
    assert!(
        back.err
            .contains("the old credential is made to work first"),
        "{}",
        back.err
    );
    assert!(back.err.contains("no daemon is running"), "{}", back.err);
    let _daemon = rig.daemon();
    rig.audited(&["rolled_back", "phase"]);
    assert_eq!(rig.read("published/token/current"), first);
    rig.audited(&["rollback", "asked", "reports fail"]);
}

#[test]
fn a_disabled_credential_is_brought_back_and_held_until_somebody_says_retry() {
    let (rig, _) = resting("0s", "1h", "observing");
    let back = rig.ok(&["reenable", ID, "--reason", "reports-batch cannot log in"]);
    assert!(
        back.err.contains("nothing is ended by itself"),
        "{}",
        back.err
    );
    let _daemon = rig.daemon();
    rig.audited(&["enable_credential", "applied"]);
    rig.audited(&["blocked", "re-enabled by a person"]);
    rig.ok(&["retry", ID]);
    rig.until("it is disabled again", || {
        let audit = rig.audit().join("\n");
        let disabled = |l: &&str| l.contains("disable_credential") && l.contains("applied");
        audit.lines().filter(disabled).count() == 2
    });
}

#[test]
fn past_the_point_of_no_return_it_says_where_the_working_value_is() {
    let rig = Rig::with("other", &inventory("0s", "0s"));
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let late = rig.run(&["rollback", ID, "--reason", "x"]);
    assert_eq!(late.code, 1);
    assert!(late.err.contains("was ended by"), "{}", late.err);
    assert!(
        late.err.contains("the working value is main:token"),
        "{}",
        late.err
    );
    assert!(
        late.err.contains("next: keywheel rotate-now other/token"),
        "{}",
        late.err
    );
}

#[test]
fn a_waiver_is_named_expiring_and_audited() {
    let rig = Rig::starter();
    let words = [
        "vouch",
        "development/example-token",
        "--consumer",
        "example",
        "--reason",
        "seen myself",
    ];
    let ran = rig.ok(&words);
    assert!(ran.out.contains("example is vouched for by"), "{}", ran.out);
    assert!(
        ran.err.contains("two-person rules are not enforced"),
        "{}",
        ran.err
    );
    rig.ok(&["rotate-now", "development/example-token", "--wait=60s"]);
    rig.audited(&["waiver", "granted", "seen myself"]);
}
