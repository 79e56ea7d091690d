//! What answers mean.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// What is named is not there (any more).
    Gone,
    /// The credential that asked is refused.
    Dead,
    /// The credential that asked works, but not for this.
    Narrow,
    /// There is no room for another credential.
    Full,
    /// Too many calls.
    Busy,
    /// It cannot be told.
    Unclear,
    /// It is refused for what it says.
    Wrong,
}

/// One rule: the first that fits an answer decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it means.
    pub is: Outcome,
    /// The answer has one of these statuses; any where left out.
    #[serde(default)]
    pub status: Vec<u16>,
    /// The answer has these at these JSON pointers.
    #[serde(default)]
    pub has: BTreeMap<String, Value>,
    /// The answer has something else than these at these JSON pointers, or nothing.
    #[serde(default)]
    pub has_not: BTreeMap<String, Value>,
    /// The answer need not be JSON.
    #[serde(default)]
    pub plain: bool,
}

impl Rule {
    /// Whether it is about this answer; `body` is `None` where it is not JSON.
    pub(crate) fn fits(&self, status: u16, body: Option<&Value>) -> bool {
        let at = |pointer: &str| body.and_then(|body| body.pointer(pointer));
        let has = |(pointer, wanted): (&String, &Value)| is(at(pointer), wanted);
        (self.status.is_empty() || self.status.contains(&status))
            && (self.plain || body.is_some())
            && self.has.iter().all(has)
            && (self.has_not.is_empty() || !self.has_not.iter().all(has))
    }
}

/// Whether what was found is wanted: equal, or one of a list.
fn is(found: Option<&Value>, wanted: &Value) -> bool {
    match (found, wanted) {
        (Some(found), Value::Array(choices)) => choices.contains(found),
        (Some(found), wanted) => found == wanted,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;
    use serde_json::json;

    #[test]
    fn a_rule_is_about_status_and_body() {
        let rule = |text: &str| toml::from_str::<Rule>(text).unwrap();
        let not_ok = rule("is = 'dead'\nstatus = [200]\nhas_not = { '/ok' = true }");
        let fits = |status, body: serde_json::Value| not_ok.fits(status, Some(&body));
        assert!(fits(200, json!({ "ok": false })) && fits(200, json!({})));
        assert!(!fits(200, json!({ "ok": true })) && !fits(500, json!({ "ok": false })));
        assert!(!not_ok.fits(200, None), "a page for people decides nothing");
        let one_of = rule("is = 'full'\nhas = { '/errors/0/code' = [1, 2] }");
        assert!(one_of.fits(400, Some(&json!({ "errors": [{ "code": 2 }] }))));
        assert!(!one_of.fits(400, Some(&json!({ "errors": [] }))));
        assert!(rule("is = 'dead'\nstatus = [401]\nplain = true").fits(401, None));
    }
}
