//! How far a rollout is (pure): the rules of `kubectl rollout status` (kubernetes/kubectl,
//! `pkg/polymorphichelpers/rollout_status.go`).

use super::place::Kind;
use super::told::Told;

/// How far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Every pod is of the present template, and available.
    Done,
    /// Not yet, with what is missing.
    Moving(String),
    /// Not without a person, with why.
    Stuck(String),
}

/// How far the rollout of the present template is.
pub(crate) fn rollout(kind: Kind, told: &Told) -> Rollout {
    if told.metadata.generation > told.status.observed_generation {
        return Rollout::Moving("its controller has not seen the new template yet".to_owned());
    }
    match kind {
        Kind::Deployment => deployment(told),
        Kind::StatefulSet => stateful_set(told),
        Kind::DaemonSet => daemon_set(told),
    }
}

fn deployment(told: &Told) -> Rollout {
    let (status, wanted) = (&told.status, told.spec.replicas.unwrap_or(1));
    let overdue = |one: &super::told::Condition| {
        one.kind == "Progressing" && one.reason == "ProgressDeadlineExceeded"
    };
    if status.conditions.iter().any(overdue) {
        return Rollout::Stuck(
            "ProgressDeadlineExceeded: new pods do not become ready; `kubectl rollout undo` or mend them".to_owned(),
        );
    }
    let (updated, available) = (status.updated_replicas, status.available_replicas);
    if updated < wanted {
        return match told.spec.paused {
            true => Rollout::Stuck("the Deployment is paused".to_owned()),
            false => Rollout::Moving(format!("{updated} of {wanted} pods are new")),
        };
    }
    if status.replicas > updated {
        let old = status.replicas - updated;
        return Rollout::Moving(format!("{old} old pods are left"));
    }
    if available < updated {
        return Rollout::Moving(format!("{available} of {updated} new pods are available"));
    }
    Rollout::Done
}

fn stateful_set(told: &Told) -> Rollout {
    let (status, wanted) = (&told.status, told.spec.replicas.unwrap_or(1));
    let strategy = &told.spec.update_strategy;
    let by_hand = strategy.kind == "OnDelete";
    if by_hand && status.updated_replicas < wanted {
        return on_delete();
    }
    if status.ready_replicas < wanted {
        let ready = status.ready_replicas;
        return Rollout::Moving(format!("{ready} of {wanted} pods are ready"));
    }
    let partition = strategy.rolling_update.partition;
    if !by_hand && partition > 0 && status.update_revision != status.current_revision {
        return Rollout::Stuck(format!(
            "its partition keeps pods below {partition} on the old template"
        ));
    }
    // `currentRevision` moves at the end of a rolling update only (kubernetes/kubernetes,
    // `pkg/controller/statefulset/stateful_set_utils.go`, `completeRollingUpdate`).
    match by_hand || status.update_revision == status.current_revision {
        true => Rollout::Done,
        false => Rollout::Moving(format!(
            "{} of {wanted} pods are new",
            status.updated_replicas
        )),
    }
}

fn daemon_set(told: &Told) -> Rollout {
    let status = &told.status;
    let wanted = status.desired_number_scheduled;
    let (updated, available) = (status.updated_number_scheduled, status.number_available);
    if updated < wanted {
        return match told.spec.update_strategy.kind.as_str() {
            "OnDelete" => on_delete(),
            _ => Rollout::Moving(format!("{updated} of {wanted} pods are new")),
        };
    }
    match available < wanted {
        true => Rollout::Moving(format!("{available} of {wanted} pods are available")),
        false => Rollout::Done,
    }
}

fn on_delete() -> Rollout {
    Rollout::Stuck(
        "its strategy is OnDelete: pods change only when somebody deletes them".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Rollout, rollout};
    use crate::workload::place::Kind;
    use serde_json::{Value, json};

    fn judged(kind: Kind, spec: Value, status: Value) -> Rollout {
        let told = json!({ "metadata": { "generation": 2 }, "spec": spec, "status": status });
        rollout(kind, &serde_json::from_value(told).unwrap())
    }

    fn said(rollout: Rollout) -> String {
        match rollout {
            Rollout::Done => "done".to_owned(),
            Rollout::Moving(why) => format!("moving: {why}"),
            Rollout::Stuck(why) => format!("stuck: {why}"),
        }
    }

    #[test]
    fn a_deployment_is_done_when_no_old_pod_is_left_and_every_new_one_is_available() {
        let deployment = |status: [i64; 5]| {
            let [seen, updated, replicas, available, overdue] = status;
            let reason = if overdue == 1 {
                "ProgressDeadlineExceeded"
            } else {
                "ReplicaSetUpdated"
            };
            let status = json!({ "observedGeneration": seen, "updatedReplicas": updated, "replicas": replicas,
                                 "availableReplicas": available,
                                 "conditions": [{ "type": "Progressing", "status": "True", "reason": reason }] });
            said(judged(Kind::Deployment, json!({ "replicas": 3 }), status))
        };
        assert_eq!(deployment([2, 3, 3, 3, 0]), "done");
        assert!(deployment([1, 3, 3, 3, 0]).contains("not seen"));
        assert!(deployment([2, 2, 3, 3, 0]).contains("2 of 3 pods are new"));
        assert!(deployment([2, 3, 4, 3, 0]).contains("1 old pods"));
        assert!(deployment([2, 3, 3, 2, 0]).contains("2 of 3 new pods are available"));
        assert!(deployment([2, 1, 4, 3, 1]).starts_with("stuck: ProgressDeadlineExceeded"));
        let paused = judged(
            Kind::Deployment,
            json!({ "paused": true }),
            json!({ "observedGeneration": 2 }),
        );
        assert!(said(paused).contains("paused"));
    }

    #[test]
    fn a_stateful_set_is_done_when_its_revisions_are_the_same() {
        let set = |spec: Value, ready: i64, current: &str| {
            let status = json!({ "observedGeneration": 2, "readyReplicas": ready, "updatedReplicas": 1,
                                 "currentRevision": current, "updateRevision": "b" });
            said(judged(Kind::StatefulSet, spec, status))
        };
        let two = json!({ "replicas": 2 });
        assert_eq!(set(two.clone(), 2, "b"), "done");
        assert!(set(two.clone(), 1, "b").contains("1 of 2 pods are ready"));
        assert!(set(two, 2, "a").contains("1 of 2 pods are new"));
        let kept =
            json!({ "replicas": 2, "updateStrategy": { "rollingUpdate": { "partition": 1 } } });
        assert!(set(kept, 2, "a").contains("partition"));
    }

    /// Its `currentRevision` never moves, and an undone template may have it from the start.
    #[test]
    fn a_stateful_set_of_on_delete_is_done_when_every_pod_is_new_and_ready() {
        let set = |updated: i64, ready: i64, current: &str| {
            let spec = json!({ "replicas": 2, "updateStrategy": { "type": "OnDelete" } });
            let status = json!({ "observedGeneration": 2, "readyReplicas": ready, "updatedReplicas": updated,
                                 "currentRevision": current, "updateRevision": "b" });
            said(judged(Kind::StatefulSet, spec, status))
        };
        for current in ["a", "b"] {
            assert_eq!(set(2, 2, current), "done");
            assert!(set(1, 2, current).starts_with("stuck: its strategy is OnDelete"));
            assert!(set(2, 1, current).contains("1 of 2 pods are ready"));
        }
    }

    #[test]
    fn a_daemon_set_is_done_when_every_node_has_a_new_pod() {
        let set = |strategy: &str, updated: i64, available: i64| {
            let status = json!({ "observedGeneration": 2, "desiredNumberScheduled": 2,
                                 "updatedNumberScheduled": updated, "numberAvailable": available });
            let spec = json!({ "updateStrategy": { "type": strategy } });
            said(judged(Kind::DaemonSet, spec, status))
        };
        assert_eq!(set("RollingUpdate", 2, 2), "done");
        assert!(set("RollingUpdate", 1, 2).contains("1 of 2 pods are new"));
        assert!(set("RollingUpdate", 2, 1).contains("1 of 2 pods are available"));
        assert!(set("OnDelete", 1, 2).contains("OnDelete"));
    }
}
