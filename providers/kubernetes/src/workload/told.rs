//! Workloads and pods, as far as we read them.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A Deployment, `StatefulSet` or `DaemonSet`: the fields of all three, each of which some have.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Told {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) deletion_timestamp: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) replicas: Option<i64>,
    pub(crate) paused: bool,
    pub(crate) selector: Selector,
    pub(crate) update_strategy: Strategy,
}

/// How a `StatefulSet` or `DaemonSet` replaces its pods.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) rolling_update: Rolling,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rolling {
    pub(crate) partition: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    pub(crate) match_labels: BTreeMap<String, String>,
    pub(crate) match_expressions: Vec<Expression>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Expression {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i64,
    pub(crate) ready_replicas: i64,
    pub(crate) updated_replicas: i64,
    pub(crate) available_replicas: i64,
    pub(crate) current_revision: String,
    pub(crate) update_revision: String,
    pub(crate) desired_number_scheduled: i64,
    pub(crate) updated_number_scheduled: i64,
    pub(crate) number_available: i64,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
}

/// A page of pods.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pods {
    pub(crate) metadata: ListMeta,
    /// An empty list may be told as null.
    pub(crate) items: Option<Vec<Pod>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListMeta {
    #[serde(rename = "continue")]
    pub(crate) next: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Meta,
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) start_time: Option<String>,
    pub(crate) conditions: Vec<Condition>,
}

impl Pod {
    /// Whether something of it may still run. One that is being deleted does, until it is gone.
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    pub(crate) fn is_ready(&self) -> bool {
        let mut conditions = self.status.conditions.iter();
        conditions.any(|one| one.kind == "Ready" && one.status == "True")
    }
}

impl Selector {
    /// As a query has it (kubernetes.io, "Labels and Selectors"); `None` where it demands what we do not know.
    pub(crate) fn query(&self) -> Option<String> {
        let labels = self
            .match_labels
            .iter()
            .map(|(key, value)| Some(format!("{key}={value}")));
        let expressions = self.match_expressions.iter().map(|one| {
            let (key, values) = (&one.key, one.values.join(","));
            Some(match one.operator.as_str() {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => return None,
            })
        });
        let all: Option<Vec<String>> = labels.chain(expressions).collect();
        // An empty selector would be everybody's pods.
        all.filter(|all| !all.is_empty()).map(|all| all.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use serde_json::json;

    #[test]
    fn a_selector_is_asked_as_it_is_written() {
        let read = |told| serde_json::from_value::<Selector>(told).unwrap().query();
        let all = json!({ "matchLabels": { "app": "api" }, "matchExpressions": [
            { "key": "tier", "operator": "In", "values": ["a", "b"] },
            { "key": "old", "operator": "DoesNotExist" },
        ] });
        assert_eq!(read(all).unwrap(), "app=api,tier in (a,b),!old");
        assert_eq!(read(json!({})), None);
        let newer = json!({ "matchExpressions": [{ "key": "a", "operator": "Near" }] });
        assert_eq!(read(newer), None);
    }
}
