//! What is kept of a secret and its versions, and how the interface writes it.

use super::clock::written;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Whether a version can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can.
    Enabled,
    /// Not now.
    Disabled,
    /// Never again.
    Destroyed,
}

impl State {
    fn answer(self, as_number: bool) -> Value {
        match (self, as_number) {
            (Self::Enabled, true) => json!(1),
            (Self::Disabled, true) => json!(2),
            (Self::Destroyed, true) => json!(3),
            (Self::Enabled, false) => json!("ENABLED"),
            (Self::Disabled, false) => json!("DISABLED"),
            (Self::Destroyed, false) => json!("DESTROYED"),
        }
    }
}

pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) state: State,
    pub(crate) data: Vec<u8>,
    pub(crate) etag: String,
    pub(crate) checked: bool,
    pub(crate) created: u64,
    pub(crate) destroyed: Option<u64>,
    pub(crate) scheduled: Option<u64>,
}

pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) etag: String,
    pub(crate) created: u64,
    pub(crate) aliases: BTreeMap<String, u64>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    /// Seconds, where destroying waits.
    pub(crate) destroy_ttl: Option<u64>,
    /// Replication, topics, rotation, type and expiry: kept as they are written.
    pub(crate) other: Map<String, Value>,
    pub(crate) versions: Vec<Version>,
}

impl Secret {
    pub(crate) fn new(name: &str, etag: String, created: u64) -> Self {
        Self {
            name: name.to_owned(),
            etag,
            created,
            aliases: BTreeMap::new(),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            destroy_ttl: None,
            other: Map::new(),
            versions: Vec::new(),
        }
    }

    /// Takes over the fields that are given.
    pub(crate) fn set(&mut self, given: &Value) {
        for (field, value) in given.as_object().into_iter().flatten() {
            match field.as_str() {
                "versionAliases" => self.aliases = numbers(value),
                "annotations" => self.annotations = texts(value),
                "labels" => self.labels = texts(value),
                "versionDestroyTtl" => self.destroy_ttl = seconds(value),
                "name" | "etag" | "createTime" => {}
                other if value.is_null() => drop(self.other.remove(other)),
                other => {
                    self.other.insert(other.to_owned(), value.clone());
                }
            }
        }
    }

    pub(crate) fn newest(&self) -> Option<u64> {
        self.versions.last().map(|version| version.number)
    }

    pub(crate) fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|v| v.number == number)
    }

    pub(crate) fn version_mut(&mut self, number: u64) -> Option<&mut Version> {
        self.versions.iter_mut().find(|v| v.number == number)
    }

    pub(crate) fn answer(&self, as_numbers: bool) -> Value {
        let mut answer = self.other.clone();
        if let Some(kind) = answer.get_mut("secretType") {
            *kind = typed(kind, as_numbers);
        }
        if let Some(state) = answer
            .get_mut("rotation")
            .and_then(|rotation| rotation.pointer_mut("/managedRotationStatus/state"))
        {
            *state = rotating(state, as_numbers);
        }
        let aliases: BTreeMap<_, _> = self
            .aliases
            .iter()
            .map(|(alias, number)| (alias, number.to_string()))
            .collect();
        answer.insert("name".into(), json!(self.name));
        answer.insert("etag".into(), json!(self.etag));
        answer.insert("createTime".into(), json!(written(self.created)));
        answer.insert("versionAliases".into(), json!(aliases));
        answer.insert("annotations".into(), json!(self.annotations));
        answer.insert("labels".into(), json!(self.labels));
        if let Some(ttl) = self.destroy_ttl {
            answer.insert("versionDestroyTtl".into(), json!(format!("{ttl}s")));
        }
        Value::Object(answer)
    }

    pub(crate) fn version_answer(&self, version: &Version, as_numbers: bool) -> Value {
        let mut answer = json!({
            "name": format!("{}/versions/{}", self.name, version.number),
            "createTime": written(version.created),
            "state": version.state.answer(as_numbers),
            "etag": version.etag,
            "clientSpecifiedPayloadChecksum": version.checked,
            "replicationStatus": { "automatic": {} },
        });
        for (field, at) in [
            ("destroyTime", version.destroyed),
            ("scheduledDestroyTime", version.scheduled),
        ] {
            if let Some(at) = at {
                answer[field] = json!(written(at));
            }
        }
        answer
    }

    pub(crate) fn access_answer(&self, version: &Version) -> Value {
        json!({
            "name": format!("{}/versions/{}", self.name, version.number),
            "payload": {
                "data": STANDARD.encode(&version.data),
                "dataCrc32c": crc32c::crc32c(&version.data).to_string(),
            },
        })
    }
}

/// Whole numbers of 64 bits are text on the wire.
fn numbers(value: &Value) -> BTreeMap<String, u64> {
    let number = |value: &Value| match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_u64(),
    };
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), number(value)?)))
        .collect()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn seconds(value: &Value) -> Option<u64> {
    value.as_str()?.strip_suffix('s')?.parse().ok()
}

fn typed(kind: &Value, as_number: bool) -> Value {
    match kind.as_str() {
        Some("CLOUD_SQL_DB_CREDENTIALS") if as_number => json!(1),
        Some("OTHER") if as_number => json!(50),
        _ => kind.clone(),
    }
}

fn rotating(state: &Value, as_number: bool) -> Value {
    match state.as_str() {
        Some("ACTIVE") if as_number => json!(1),
        Some("INACTIVE") if as_number => json!(2),
        _ => state.clone(),
    }
}
