//! Workloads of the cluster, as a test arranges and sees them.

use super::Kubernetes;
use super::calls::merge;
use super::world::{Key, World, of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// Controllers that run by themselves; they stop when this is dropped.
pub struct Rolling(AbortHandle);

impl Drop for Rolling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Kubernetes {
    /// Runs so many pods of a workload (`deployments`, `statefulsets`, `daemonsets`), whose one variable is this key of
    /// that Secret of the same namespace.
    pub fn run(&self, kind: &str, path: &str, pods: u64, (secret, key): (&str, &str)) {
        let (namespace, name) = path.split_once('/').unwrap();
        let labels = json!({ "app": name });
        let from = json!({ "secretKeyRef": { "name": secret, "key": key } });
        let container = json!({ "name": name, "image": "example", "env": [{ "name": key, "valueFrom": from }] });
        let kind_word = match kind {
            "deployments" => "Deployment",
            "statefulsets" => "StatefulSet",
            _ => "DaemonSet",
        };
        let mut told = json!({
            "apiVersion": "apps/v1", "kind": kind_word, "metadata": { "namespace": namespace, "name": name },
            "spec": { "selector": { "matchLabels": labels },
                      "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } } },
        });
        let mut world = self.shared.world();
        match kind {
            "daemonsets" => world.nodes = pods,
            _ => told["spec"]["replicas"] = json!(pods),
        }
        assert!(
            world
                .update(&of(kind, path), told, "kubectl-create")
                .is_ok(),
            "refused"
        );
    }

    /// Every controller takes one step.
    pub fn tick(&self) {
        self.shared.world().tick();
    }

    /// Every controller goes on until nothing changes any more.
    ///
    /// # Panics
    /// That does not come to pass.
    pub fn settle(&self) {
        let mut world = self.shared.world();
        for _ in 0..200 {
            let before = world.objects.clone();
            world.tick();
            if world.objects == before {
                return;
            }
        }
        panic!("the controllers do not come to rest");
    }

    /// Controllers run by themselves, a step each time.
    #[must_use]
    pub fn rolls_every(self: &Arc<Self>, time: Duration) -> Rolling {
        let cluster = Arc::clone(self);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(time).await;
                cluster.tick();
            }
        });
        Rolling(task.abort_handle())
    }

    /// Whether new pods of a workload never become ready.
    pub fn breaks(&self, path: &str, breaks: bool) {
        let mut world = self.shared.world();
        match breaks {
            true => world.broken.insert(split(path)),
            false => world.broken.remove(&split(path)),
        };
    }

    /// The time that a workload has for a rollout is over, whenever one is not done.
    pub fn deadline_passes(&self, path: &str) {
        self.shared.world().overdue.insert(split(path));
    }

    /// Whether pods that are being deleted stay, as with a long grace period.
    pub fn lingers(&self, lingers: bool) {
        self.shared.world().lingers = lingers;
    }

    /// Changes a workload by a merge.
    pub fn merge_workload(&self, kind: &str, path: &str, patch: &Value) {
        let (mut world, key) = (self.shared.world(), of(kind, path));
        let mut value = world.object(&key).unwrap().value.clone();
        merge(&mut value, patch);
        assert!(world.update(&key, value, "kubectl-edit").is_ok(), "refused");
    }

    /// Somebody deletes a pod (`namespace/name`), as `kubectl delete pod` does.
    pub fn delete_pod(&self, path: &str) {
        self.shared.world().leave(&of("pods", path));
    }

    /// Takes a workload away, and leaves its pods.
    pub fn remove_workload(&self, kind: &str, path: &str) {
        self.shared.world().objects.remove(&of(kind, path));
    }

    /// A workload as an answer tells it.
    #[must_use]
    pub fn workload(&self, kind: &str, path: &str) -> Value {
        self.shared.world().told(&of(kind, path)).unwrap()
    }

    /// What each pod of a workload read when it started, those that are being deleted too: the truth about consumers.
    #[must_use]
    pub fn held(&self, path: &str) -> BTreeMap<String, String> {
        let (world, (namespace, name)) = (self.shared.world(), split(path));
        let is_its = |key: &&Key| {
            key.0 == "pods" && key.1 == namespace && key.2.starts_with(&format!("{name}-"))
        };
        let pods = world.objects.keys().filter(is_its);
        pods.filter_map(|key| Some((key.2.clone(), value_of(&world, key)?)))
            .collect()
    }
}

fn value_of(world: &World, pod: &Key) -> Option<String> {
    let read = world.environments.get(&world.uid(pod))?;
    read.values().next().cloned()
}

fn split(path: &str) -> (String, String) {
    let (namespace, name) = path.split_once('/').unwrap();
    (namespace.to_owned(), name.to_owned())
}
