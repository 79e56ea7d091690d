//! The controllers of workloads, one step at a time: pods are started from the template, become ready, replace the old
//! ones, and read Secrets when they start.

use super::secrets;
use super::world::{Key, Object, World, now, of};
use serde_json::{Value, json};
use std::collections::{BTreeMap, hash_map::DefaultHasher};
use std::hash::{Hash as _, Hasher as _};

/// A pod, as its controller sees it.
struct Pod {
    key: Key,
    hash: String,
    ready: bool,
    leaving: bool,
}

impl World {
    /// One step of everything that runs here.
    pub(super) fn tick(&mut self) {
        let kinds = ["deployments", "statefulsets", "daemonsets"];
        let keys = self
            .objects
            .keys()
            .filter(|key| kinds.contains(&key.0.as_str()));
        for key in keys.cloned().collect::<Vec<_>>() {
            self.step(&key);
        }
    }

    fn step(&mut self, key: &Key) {
        let workload = self.objects[key].value.clone();
        let hash = template_hash(&workload);
        self.gone();
        for pod in self
            .pods_of(key)
            .iter()
            .filter(|pod| !pod.ready && !pod.leaving)
        {
            let broken = self.broken.contains(&(key.1.clone(), key.2.clone()));
            let is_new = pod.hash == hash;
            if !(broken && is_new) && self.environments.contains_key(&self.uid(&pod.key)) {
                self.set_ready(&pod.key);
            }
        }
        if workload["spec"]["paused"] != true {
            match key.0.as_str() {
                "deployments" => self.roll_deployment(key, &workload, &hash),
                _ => self.roll_in_place(key, &workload, &hash),
            }
        }
        self.tell_status(key, &hash);
    }

    /// What was leaving is gone at the next step, unless something holds it back.
    fn gone(&mut self) {
        if self.lingers {
            return;
        }
        let leaving = |one: &Object| !one.value["metadata"]["deletionTimestamp"].is_null();
        self.objects
            .retain(|key, one| key.0 != "pods" || !leaving(one));
    }

    /// One pod more than wanted at most, never one less ready.
    fn roll_deployment(&mut self, key: &Key, workload: &Value, hash: &str) {
        let wanted = workload["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
        let pods: Vec<Pod> = self
            .pods_of(key)
            .into_iter()
            .filter(|pod| !pod.leaving)
            .collect();
        let new = pods.iter().filter(|pod| pod.hash == hash).count();
        let ready = pods.iter().filter(|pod| pod.ready).count();
        let old = pods.iter().find(|pod| pod.hash != hash);
        let surplus = old.or_else(|| pods.first().filter(|_| new > wanted));
        match surplus {
            Some(pod) if ready > wanted || (!pod.ready && pods.len() > wanted) => {
                self.leave(&pod.key)
            }
            _ if new < wanted && pods.len() <= wanted => {
                let number = self.number();
                self.start(key, workload, hash, &format!("{}-{hash}-{number}", key.2));
            }
            _ => {}
        }
    }

    /// Pods that keep their names: the last first, each after the one before is ready.
    fn roll_in_place(&mut self, key: &Key, workload: &Value, hash: &str) {
        let spec = &workload["spec"];
        // A daemon set has one on each node.
        let wanted = spec["replicas"].as_u64().unwrap_or(self.nodes) as usize;
        let pods = self.pods_of(key);
        for number in 0..wanted {
            let name = format!("{}-{number}", key.2);
            if !pods.iter().any(|pod| pod.key.2 == name) {
                self.start(key, workload, hash, &name);
                return;
            }
        }
        let strategy = &spec["updateStrategy"];
        let partition = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0) as usize;
        let settled = pods.iter().all(|pod| pod.ready && !pod.leaving);
        let mut old = pods.iter().filter(|pod| pod.hash != hash);
        let old = old.rfind(|pod| ordinal(&pod.key.2) >= partition);
        if let (true, true, Some(pod)) = (settled, strategy["type"] != "OnDelete", old) {
            self.leave(&pod.key);
        }
    }

    fn pods_of(&self, key: &Key) -> Vec<Pod> {
        let owned = |one: &Value| {
            let owner = &one["metadata"]["ownerReferences"][0];
            owner["kind"] == key.0.as_str() && owner["name"] == key.2.as_str()
        };
        let pods = self
            .objects
            .iter()
            .filter(|(of, one)| of.0 == "pods" && of.1 == key.1 && owned(&one.value));
        pods.map(|(key, one)| Pod {
            key: key.clone(),
            hash: one.value["metadata"]["labels"]["pod-template-hash"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            ready: one.value["status"]["conditions"][0]["status"] == "True",
            leaving: !one.value["metadata"]["deletionTimestamp"].is_null(),
        })
        .collect()
    }

    /// A pod reads its variables once, when it starts; where a Secret lacks one, it does not.
    fn start(&mut self, workload: &Key, told: &Value, hash: &str, name: &str) {
        let template = &told["spec"]["template"];
        let mut labels = template["metadata"]["labels"].clone();
        labels["pod-template-hash"] = json!(hash);
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "labels": labels,
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": workload.0, "name": workload.2,
                                      "uid": told["metadata"]["uid"], "controller": true }],
            },
            "spec": template["spec"],
            "status": { "phase": "Pending", "startTime": now(),
                        "conditions": [{ "type": "Ready", "status": "False" }] },
        });
        if let Some(annotations) = template["metadata"].get("annotations") {
            pod["metadata"]["annotations"] = annotations.clone();
        }
        let key = ("pods".to_owned(), workload.1.clone(), name.to_owned());
        let read = self.environment(&workload.1, &template["spec"]);
        let object = Object {
            value: pod,
            owners: Vec::new(),
        };
        assert!(self.keep(&key, object).is_ok(), "a pod was refused");
        if let Some(read) = read {
            self.environments.insert(self.uid(&key), read);
        }
    }

    fn environment(&self, namespace: &str, spec: &Value) -> Option<BTreeMap<String, String>> {
        let variables = spec["containers"][0]["env"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let read = |variable: &Value| {
            let name = variable["name"].as_str()?.to_owned();
            let from = &variable["valueFrom"]["secretKeyRef"];
            let secret = of(
                "secrets",
                &format!("{namespace}/{}", from["name"].as_str()?),
            );
            let value = secrets::decoded(&self.object(&secret)?.value, from["key"].as_str()?)?;
            Some((name, value))
        };
        variables.iter().map(read).collect()
    }

    pub(super) fn uid(&self, key: &Key) -> String {
        self.objects[key].value["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn set_ready(&mut self, key: &Key) {
        let mut pod = self.objects[key].clone();
        pod.value["status"]["phase"] = json!("Running");
        pod.value["status"]["conditions"][0]["status"] = json!("True");
        assert!(self.keep(key, pod).is_ok(), "a pod was refused");
    }

    pub(super) fn leave(&mut self, key: &Key) {
        let mut pod = self.objects[key].clone();
        pod.value["metadata"]["deletionTimestamp"] = json!(now());
        assert!(self.keep(key, pod).is_ok(), "a pod was refused");
    }

    /// Pods that are leaving count nowhere, as in the real controllers: the status says "done" while they still run.
    fn tell_status(&mut self, key: &Key, hash: &str) {
        let pods: Vec<Pod> = self
            .pods_of(key)
            .into_iter()
            .filter(|pod| !pod.leaving)
            .collect();
        let count = |fits: &dyn Fn(&Pod) -> bool| pods.iter().filter(|pod| fits(pod)).count();
        let (all, new) = (pods.len(), count(&|pod| pod.hash == hash));
        let ready = count(&|pod| pod.ready);
        let new_ready = count(&|pod| pod.ready && pod.hash == hash);
        let mut object = self.objects[key].clone();
        let before = object.value["status"]["currentRevision"].clone();
        let wanted = object.value["spec"]["replicas"]
            .as_u64()
            .unwrap_or(self.nodes) as usize;
        // `completeRollingUpdate` of the real controller: by no other strategy.
        let rolls = object.value["spec"]["updateStrategy"]["type"] != "OnDelete";
        let current = if before.is_null() || (rolls && new >= all) {
            json!(hash)
        } else {
            before
        };
        let overdue = self.overdue.contains(&(key.1.clone(), key.2.clone())) && new_ready < wanted;
        let reason = if overdue {
            "ProgressDeadlineExceeded"
        } else {
            "ReplicaSetUpdated"
        };
        object.value["status"] = json!({
            "observedGeneration": object.value["metadata"]["generation"], "replicas": all, "readyReplicas": ready,
            "updatedReplicas": new, "availableReplicas": ready, "currentRevision": current, "updateRevision": hash,
            "desiredNumberScheduled": self.nodes, "updatedNumberScheduled": new, "numberAvailable": ready,
            "conditions": [{ "type": "Progressing", "status": if overdue { "False" } else { "True" },
                             "reason": reason }],
        });
        assert!(self.keep(key, object).is_ok(), "a status was refused");
    }
}

fn template_hash(workload: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    workload["spec"]["template"].to_string().hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

fn ordinal(name: &str) -> usize {
    name.rsplit('-')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
