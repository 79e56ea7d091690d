//! Who may do what: rules as a Role has them.

use serde_json::Value;
use std::collections::BTreeMap;

/// One rule of a Role of one namespace; an empty list of names is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) namespace: String,
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) verbs: Vec<String>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// A user with its rules; none at all is an administrator.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) rules: Option<Vec<Rule>>,
}

impl User {
    pub(super) fn may(&self, wish: &Wish<'_>) -> bool {
        let Some(rules) = &self.rules else {
            return true;
        };
        rules.iter().any(|rule| rule.allows(wish))
    }
}

impl Rule {
    /// A rule with names allows nothing that has no name yet: not creating, and no list.
    fn allows(&self, wish: &Wish<'_>) -> bool {
        let has = |all: &[String], one: &str| all.iter().any(|some| some == one);
        self.namespace == wish.namespace
            && has(&self.groups, wish.group)
            && has(&self.resources, wish.resource)
            && has(&self.verbs, wish.verb)
            && (self.names.is_empty() || (wish.verb != "create" && has(&self.names, wish.name)))
    }
}

/// The rules of the Roles in a text of YAML, in which every list stands in brackets, as JSON does it. `RoleBinding`s and
/// what else there is are passed over.
///
/// # Panics
/// A Role is written in another form.
pub(super) fn rules(yaml: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for document in yaml
        .split("---")
        .filter(|text| text.contains("kind: Role\n"))
    {
        let namespace = document
            .lines()
            .find_map(|line| line.trim().strip_prefix("namespace: "));
        for rule in document.split("- apiGroups:").skip(1) {
            rules.push(rule_of(namespace.unwrap(), &format!("apiGroups:{rule}")));
        }
    }
    rules
}

fn rule_of(namespace: &str, text: &str) -> Rule {
    let lists: BTreeMap<String, Vec<String>> = text
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .filter_map(|(key, list)| {
            let list: Value = serde_json::from_str(list.trim()).ok()?;
            let texts = list.as_array()?.iter().filter_map(Value::as_str);
            Some((key.to_owned(), texts.map(str::to_owned).collect()))
        })
        .collect();
    let list = |key: &str| lists.get(key).cloned().unwrap_or_default();
    let rule = Rule {
        namespace: namespace.trim().to_owned(),
        groups: list("apiGroups"),
        resources: list("resources"),
        names: list("resourceNames"),
        verbs: list("verbs"),
    };
    assert!(
        !rule.resources.is_empty() && !rule.verbs.is_empty(),
        "{text}"
    );
    rule
}
