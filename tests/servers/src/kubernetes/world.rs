//! What stands in the cluster, and how it changes.

use super::owners::{self, Owner};
use super::rights::User;
use super::secrets;
use super::status::Refusal;
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Resource, namespace and name.
pub(super) type Key = (String, String, String);

/// One thing of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// Without the field managers.
    pub(super) value: Value,
    pub(super) owners: Vec<Owner>,
}

/// A write of somebody else's that comes just before ours.
#[derive(Debug, Clone)]
pub(super) struct Meddling {
    pub(super) path: String,
    pub(super) key: String,
    pub(super) text: String,
    pub(super) manager: String,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) objects: BTreeMap<Key, Object>,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) meddling: Vec<Meddling>,
    /// A webhook that changes this key of every Secret on its way in.
    pub(super) webhook: Option<String>,
    /// Workloads whose new pods never become ready, by namespace and name.
    pub(super) broken: BTreeSet<(String, String)>,
    /// Workloads whose time for a rollout is over.
    pub(super) overdue: BTreeSet<(String, String)>,
    /// Whether pods that are being deleted stay.
    pub(super) lingers: bool,
    /// How many nodes there are for daemon sets.
    pub(super) nodes: u64,
    /// What each pod read from Secrets when it started, by its uid.
    pub(super) environments: BTreeMap<String, BTreeMap<String, String>>,
    /// How often each thing was written with success.
    pub(super) writes: BTreeMap<Key, usize>,
    /// Method, path and query of every request.
    pub(super) asked: Vec<String>,
    revision: u64,
}

/// The present, in whole seconds, as the cluster writes it.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl World {
    pub(super) fn number(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    pub(super) fn object(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// As an answer tells it.
    pub(super) fn told(&self, key: &Key) -> Option<Value> {
        let object = self.objects.get(key)?;
        let mut value = object.value.clone();
        if !object.owners.is_empty() {
            let version = value["apiVersion"].as_str().unwrap_or("v1").to_owned();
            value["metadata"]["managedFields"] = owners::told(&object.owners, &version);
        }
        Some(value)
    }

    /// Keeps a change after the checks that the API server makes; what changes nothing leaves no trace.
    pub(super) fn keep(&mut self, key: &Key, mut after: Object) -> Result<Value, Refusal> {
        let before = self.objects.get(key).cloned();
        if key.0 == "secrets" {
            secrets::settle(&mut after.value)?;
            if let Some(changed) = &self.webhook {
                owners::set(
                    &mut after.value,
                    &["data".to_owned(), changed.clone()],
                    json!("Y2hhbmdlZA=="),
                );
            }
            secrets::check(before.as_ref().map(|one| &one.value), &after.value)?;
        }
        if before.as_ref() == Some(&after) {
            return Ok(self.told(key).unwrap());
        }
        let spec = before.as_ref().map(|one| one.value["spec"].clone());
        let number = self.number();
        let meta = &mut after.value["metadata"];
        meta["resourceVersion"] = json!(number.to_string());
        if before.is_none() {
            meta["uid"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
            meta["creationTimestamp"] = json!(now());
            meta["namespace"] = json!(key.1);
            meta["name"] = json!(key.2);
        }
        if is_workload(&key.0) && spec.as_ref() != Some(&after.value["spec"]) {
            let generation = after.value["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
            after.value["metadata"]["generation"] = json!(generation);
        }
        self.objects.insert(key.clone(), after);
        *self.writes.entry(key.clone()).or_default() += 1;
        Ok(self.told(key).unwrap())
    }

    /// A write that is not an apply.
    pub(super) fn update(
        &mut self,
        key: &Key,
        value: Value,
        manager: &str,
    ) -> Result<Value, Refusal> {
        let before = self.objects.get(key).cloned();
        let mut owners = before
            .as_ref()
            .map(|one| one.owners.clone())
            .unwrap_or_default();
        let was = before.map_or(json!({}), |one| one.value);
        let mut value = value;
        if key.0 == "secrets" {
            secrets::settle(&mut value)?;
        }
        owners::updated(&was, &value, &mut owners, manager, &now());
        self.keep(key, Object { value, owners })
    }

    /// Somebody sets one key of a Secret, which is made where there is none.
    pub(super) fn edit(&mut self, path: &str, name: &str, text: &str, manager: &str) {
        let key = secret(path);
        let empty =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": {}, "type": "Opaque" });
        let mut value = self.object(&key).map_or(empty, |one| one.value.clone());
        let path = ["data".to_owned(), name.to_owned()];
        owners::set(&mut value, &path, json!(secrets::encoded(text)));
        assert!(
            self.update(&key, value, manager).is_ok(),
            "the edit was refused"
        );
    }

    pub(super) fn meddle(&mut self) {
        if !self.meddling.is_empty() {
            let one = self.meddling.remove(0);
            self.edit(&one.path, &one.key, &one.text, &one.manager);
        }
    }
}

/// The key of a Secret, `namespace/name`.
pub(super) fn secret(path: &str) -> Key {
    of("secrets", path)
}

pub(super) fn of(resource: &str, path: &str) -> Key {
    let (namespace, name) = path.split_once('/').unwrap();
    (resource.to_owned(), namespace.to_owned(), name.to_owned())
}

pub(super) fn is_workload(resource: &str) -> bool {
    ["deployments", "statefulsets", "daemonsets"].contains(&resource)
}
