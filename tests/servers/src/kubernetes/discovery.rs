//! What the API server tells of itself, for clients that ask before they act.

use serde_json::{Value, json};

/// Resource, kind and short name of what is served, in the core group and in `apps`.
const CORE: [(&str, &str, &str); 2] = [("secrets", "Secret", "secret"), ("pods", "Pod", "po")];
const APPS: [(&str, &str, &str); 3] = [
    ("deployments", "Deployment", "deploy"),
    ("statefulsets", "StatefulSet", "sts"),
    ("daemonsets", "DaemonSet", "ds"),
];

pub(super) fn told(method: &str, path: &str) -> Option<Value> {
    if method != "GET" {
        return None;
    }
    Some(match path {
        "/version" => json!({ "major": "1", "minor": "31", "gitVersion": "v1.31.0-example" }),
        "/api" => json!({ "kind": "APIVersions", "versions": ["v1"] }),
        "/apis" => json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group("apps")] }),
        "/api/v1" => resources("v1", &CORE),
        "/apis/apps/v1" => resources("apps/v1", &APPS),
        _ => return None,
    })
}

fn group(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

fn resources(version: &str, all: &[(&str, &str, &str)]) -> Value {
    let verbs = ["create", "delete", "get", "list", "patch", "update"];
    let one = |(name, kind, short): &(&str, &str, &str)| {
        json!({ "name": name, "singularName": kind.to_lowercase(), "kind": kind, "namespaced": true,
                "shortNames": [short], "verbs": verbs })
    };
    let all: Vec<Value> = all.iter().map(one).collect();
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": all })
}

/// The kind of a list of these.
pub(super) fn list_of(resource: &str) -> String {
    let all = CORE.iter().chain(&APPS);
    let mut kinds = all
        .filter(|(name, _, _)| *name == resource)
        .map(|(_, kind, _)| *kind);
    format!("{}List", kinds.next().unwrap_or_default())
}
