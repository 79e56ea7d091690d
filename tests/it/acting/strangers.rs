//! Somebody outside the inventory who still has the old credential is named with their address.

use super::rig::Rig;
use crate::project::Tokens;

const ID: &str = "other/token";
/// Time to look while the old credential is disabled.
const WATCHED: &str = r#"
[secrets.token]
issuer = { kind = "exec", program = "token-issuer", config = { path = "tokens.json" } }
publish_to = [{ store = "main", path = "token" }]
no_consumers = "a test"
timing = { overlap = "0s", quiet = "0s", undo = "80s" }
"#;

#[test]
fn whoever_is_refused_with_the_disabled_credential_is_named_with_their_address() {
    let rig = Rig::with("other", WATCHED);
    let tokens = Tokens::in_folder(rig.path());
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let old = rig.read("published/token/current");
    let daemon = rig.daemon();
    rig.ok(&["rotate-now", ID]);
    rig.until("the old token is disabled", || !tokens.accepts(&old));
    rig.until("the stranger is named", || {
        let refused = !tokens.accepts(&old);
        let told = rig.ok(&["show", ID]).out;
        refused && told.contains("refused with it: 10.0.0.7")
    });
    drop(daemon);
}
