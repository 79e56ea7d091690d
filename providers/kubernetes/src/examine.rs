//! Whether rotations of places would work, by calls that change nothing: the cluster itself says what we may do.

use crate::KubernetesStore;
use crate::place::Named;
use crate::rights::Wish;
use chrono::{DateTime, Utc};
use keywheel_contract::{Examination, Finding, Place, SecretStore as _, Verdict, seen};
use std::collections::{BTreeMap, BTreeSet};

/// Clocks further apart than this are told, in seconds.
const SKEW: i64 = 60;

impl KubernetesStore {
    pub(crate) async fn examined(&self, places: &[Place]) -> Examination {
        let (identity, date) = self.cluster.transport.identity().await;
        let mut findings = vec![identity, clock(date.as_deref())];
        let mut absent = BTreeSet::new();
        for place in places {
            let inspection = self.inspect(place).await;
            if let Ok(inspection) = &inspection {
                // No keys of ours may also mean that there is a Secret without them.
                if inspection.token.is_none() {
                    absent.insert(place.path.as_str());
                }
                let told = inspection.warnings.iter();
                let about = format!("others: {}", place.path);
                findings.extend(told.map(|text| Finding::new(&about, Verdict::Warning, text)));
            }
            findings.push(seen(place, inspection));
            let is_absent = absent.contains(place.path.as_str());
            findings.extend(self.rights(place, is_absent).await);
        }
        Examination {
            findings,
            policy: policy(places, &absent),
        }
    }

    /// Each right that a rotation needs.
    async fn rights(&self, place: &Place, is_absent: bool) -> Vec<Finding> {
        let Ok(named) = Named::of(place) else {
            return Vec::new();
        };
        let verbs = ["get", "patch", "create"];
        let mut findings = Vec::new();
        for verb in verbs
            .into_iter()
            .filter(|verb| *verb != "create" || is_absent)
        {
            let wish = Wish {
                namespace: named.namespace,
                verb,
                group: "",
                resource: "secrets",
                name: if verb == "create" { "" } else { named.name },
            };
            findings.push(self.cluster.transport.right(wish, &place.path).await);
        }
        findings
    }
}

/// How far the cluster's clock is from ours, by the date of an answer.
pub(crate) fn clock(date: Option<&str>) -> Finding {
    let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let Some(theirs) = theirs else {
        return Finding::new("clock", Verdict::Unproven, "the answer has no date");
    };
    let apart = Utc::now().timestamp() - theirs.timestamp();
    match apart.abs() <= SKEW {
        true => Finding::new("clock", Verdict::Good, format!("{apart} s apart")),
        false => Finding::new(
            "clock",
            Verdict::Warning,
            format!(
                "ours and the cluster's are {apart} s apart: what restarted after a publication is told by its clock"
            ),
        ),
    }
}

/// The smallest Roles: for each namespace the Secrets by name, and creating only where one is not there yet.
fn policy(places: &[Place], absent: &BTreeSet<&str>) -> Option<String> {
    let mut namespaces: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut creates = BTreeSet::new();
    for place in places {
        if let Ok(named) = Named::read(&place.path) {
            namespaces
                .entry(named.namespace)
                .or_default()
                .insert(named.name);
            if absent.contains(place.path.as_str()) {
                creates.insert(named.namespace);
            }
        }
    }
    let role = |(namespace, names): (&&str, &BTreeSet<&str>)| {
        role(namespace, names, creates.contains(namespace))
    };
    let roles: Vec<String> = namespaces.iter().map(role).collect();
    (!roles.is_empty()).then(|| roles.join("---\n"))
}

fn role(namespace: &str, names: &BTreeSet<&str>, creates: bool) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: keywheel\n  namespace: {namespace}\n\
         rules:\n- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  resourceNames: [{}]\n  verbs: [\"get\", \"patch\"]\n",
        names.join(", ")
    );
    if creates {
        text += "- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  verbs: [\"create\"]\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{clock, policy};
    use chrono::{TimeDelta, Utc};
    use keywheel_contract::{Place, Verdict};
    use std::collections::BTreeSet;

    #[test]
    fn clocks_are_compared() {
        let at = |seconds| {
            let date = Utc::now() + TimeDelta::seconds(seconds);
            clock(Some(&date.to_rfc2822())).verdict
        };
        assert_eq!((at(0), at(300)), (Verdict::Good, Verdict::Warning));
        assert_eq!(clock(None).verdict, Verdict::Unproven);
    }

    #[test]
    fn each_namespace_gets_one_role_with_its_secrets_by_name() {
        let place = |path: &str| Place {
            path: path.into(),
            fields: vec!["A".into()],
            selector: None,
        };
        let places = [
            place("shop/b"),
            place("orders/a"),
            place("shop/a"),
            place("shop/a"),
            place("bad"),
        ];
        let text = policy(&places, &BTreeSet::from(["orders/a"])).unwrap();
        let roles: Vec<&str> = text.split("---\n").collect();
        assert_eq!(roles.len(), 2, "{text}");
        assert!(roles[0].contains("namespace: orders") && roles[0].contains("[\"create\"]"));
        assert!(roles[1].contains("resourceNames: [\"a\", \"b\"]") && !roles[1].contains("create"));
        assert!(policy(&[], &BTreeSet::new()).is_none());
    }
}
