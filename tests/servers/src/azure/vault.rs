//! What the vault holds, and what can be done to it.

use super::answers::No;
use super::{Moment, Right};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Largest value.
const MAX_BYTES: usize = 25 * 1024;
const MAX_TAGS: usize = 15;

/// One version.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    value: String,
    pub(crate) enabled: bool,
    created: i64,
    updated: i64,
    not_before: Option<i64>,
    expires: Option<i64>,
    content_type: Option<String>,
    tags: Option<Value>,
    pub(crate) managed: bool,
}

pub(crate) struct Vault {
    /// Versions in the order in which they were made.
    pub(crate) secrets: BTreeMap<String, Vec<Version>>,
    pub(crate) bin: BTreeMap<String, Vec<Version>>,
    pub(crate) rights: HashSet<Right>,
    pub(crate) tokens: HashSet<String>,
    pub(crate) tokens_made: usize,
    pub(crate) stopped: Option<i64>,
    pub(crate) person: Option<(Moment, Value)>,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            secrets: BTreeMap::new(),
            bin: BTreeMap::new(),
            rights: HashSet::from([Right::Get, Right::List, Right::Set]),
            tokens: HashSet::new(),
            tokens_made: 0,
            stopped: None,
            person: None,
        }
    }
}

impl Vault {
    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.stopped
            .unwrap_or(i64::try_from(now.as_secs()).unwrap())
    }

    pub(crate) fn ensure(&self, right: Right) -> Result<(), No> {
        self.rights.contains(&right).then_some(()).ok_or(No::DENIED)
    }

    /// A write, with whatever a person does around it.
    pub(crate) fn set_among_people(&mut self, name: &str, body: &Value) -> Result<Version, No> {
        let person = self.person.take();
        if let Some((Moment::BeforeNextWrite, theirs)) = &person {
            self.set(name, theirs).unwrap();
        }
        let made = self.set(name, body)?;
        if let Some((Moment::AfterNextWrite, theirs)) = &person {
            self.set(name, theirs).unwrap();
        }
        Ok(made)
    }

    pub(crate) fn set(&mut self, name: &str, body: &Value) -> Result<Version, No> {
        if self.bin.contains_key(name) {
            return Err(No::IN_THE_BIN);
        }
        let value = body["value"].as_str().ok_or(No::BAD)?;
        let tags = body["tags"].as_object().map_or(0, serde_json::Map::len);
        if value.is_empty() || value.len() > MAX_BYTES || tags > MAX_TAGS {
            return Err(No::BAD);
        }
        let now = self.now();
        let versions = self.secrets.entry(name.to_owned()).or_default();
        if versions.last().is_some_and(|newest| newest.managed) {
            return Err(No::MANAGED);
        }
        let mut made = Version {
            id: random_id(),
            value: value.to_owned(),
            enabled: true,
            created: now,
            updated: now,
            not_before: None,
            expires: None,
            content_type: None,
            tags: None,
            managed: false,
        };
        made.change(body);
        versions.push(made.clone());
        Ok(made)
    }

    /// The version of that id, or the newest one; never an older one in its place.
    pub(crate) fn get(&self, name: &str, version: Option<&str>) -> Result<&Version, No> {
        let versions = self.secrets.get(name).ok_or(No::NOT_FOUND)?;
        let found = match version {
            Some(id) => versions.iter().find(|version| version.id == id),
            None => versions.last(),
        };
        let found = found.ok_or(No::NOT_FOUND)?;
        found.enabled.then_some(found).ok_or(No::DISABLED)
    }

    pub(crate) fn update(
        &mut self,
        name: &str,
        version: &str,
        body: &Value,
    ) -> Result<Version, No> {
        let now = self.now();
        let versions = self.secrets.get_mut(name).ok_or(No::NOT_FOUND)?;
        let mut of_id = versions.iter_mut().filter(|known| known.id == version);
        let found = of_id.next().ok_or(No::NOT_FOUND)?;
        found.change(body);
        found.updated = now;
        Ok(found.clone())
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<Version, No> {
        let versions = self.secrets.remove(name).ok_or(No::NOT_FOUND)?;
        let newest = versions.last().unwrap().clone();
        self.bin.insert(name.to_owned(), versions);
        Ok(newest)
    }

    pub(crate) fn recover(&mut self, name: &str) -> Result<Version, No> {
        let versions = self.bin.remove(name).ok_or(No::NOT_FOUND)?;
        let newest = versions.last().unwrap().clone();
        self.secrets.insert(name.to_owned(), versions);
        Ok(newest)
    }
}

impl Version {
    /// What a request names is changed, and nothing else.
    fn change(&mut self, body: &Value) {
        let attributes = &body["attributes"];
        let date = |name: &str, before| attributes[name].as_i64().or(before);
        self.enabled = attributes["enabled"].as_bool().unwrap_or(self.enabled);
        self.not_before = date("nbf", self.not_before);
        self.expires = date("exp", self.expires);
        if let Some(text) = body["contentType"].as_str() {
            self.content_type = Some(text.to_owned());
        }
        if body["tags"].is_object() {
            self.tags = Some(body["tags"].clone());
        }
    }

    /// As lists show it.
    pub(crate) fn properties(&self, id: &str) -> Value {
        let mut attributes = json!({
            "enabled": self.enabled, "created": self.created, "updated": self.updated,
            "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
        });
        let dates = [("nbf", self.not_before), ("exp", self.expires)];
        for (name, date) in dates.into_iter().filter(|(_, date)| date.is_some()) {
            attributes[name] = json!(date);
        }
        let mut shown = json!({ "id": id, "attributes": attributes });
        if let Some(text) = &self.content_type {
            shown["contentType"] = json!(text);
        }
        if let Some(tags) = &self.tags {
            shown["tags"] = tags.clone();
        }
        if self.managed {
            shown["managed"] = json!(true);
        }
        shown
    }

    /// With its value and its own id.
    pub(crate) fn whole(&self, address: &str, name: &str) -> Value {
        let mut shown = self.properties(&format!("{address}/secrets/{name}/{}", self.id));
        shown["value"] = Value::from(&*self.value);
        shown
    }
}

/// 32 hexadecimal digits that nobody foresees.
pub(crate) fn random_id() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
