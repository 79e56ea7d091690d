//! What the interface does to secrets.

use super::World;
use super::records::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Why a call is refused: status, its word, and what it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

impl Refusal {
    pub(crate) fn not_found(what: &str) -> Self {
        Self(404, "NOT_FOUND", format!("{what} not found"))
    }

    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self(400, "INVALID_ARGUMENT", why.into())
    }

    pub(crate) fn precondition(why: impl Into<String>) -> Self {
        Self(400, "FAILED_PRECONDITION", why.into())
    }
}

pub(crate) type Answer<T> = Result<T, Refusal>;

/// A page of a list.
pub(crate) struct Asked<'a> {
    pub(crate) size: usize,
    pub(crate) token: &'a str,
    pub(crate) filter: &'a str,
}

const MOST_ALIASES: usize = 50;
const MOST_ANNOTATIONS: usize = 16 * 1024;
/// What `updateMask` may name, in the interface's own spelling.
const UPDATABLE: &[&str] = &[
    "labels",
    "annotations",
    "versionAliases",
    "versionDestroyTtl",
    "rotation",
    "topics",
    "expireTime",
    "ttl",
];

impl World {
    pub(crate) fn next_etag(&mut self) -> String {
        self.etags += 1;
        format!("\"{:016x}\"", 0x1600_0000_0000_0000 + self.etags)
    }

    pub(crate) fn secret(&self, name: &str) -> Answer<&Secret> {
        let found = self.secrets.get(name);
        found.ok_or_else(|| Refusal::not_found(&format!("Secret [{name}]")))
    }

    pub(crate) fn create_secret(&mut self, parent: &str, id: &str, given: &Value) -> Answer<()> {
        let name = format!("{parent}/secrets/{id}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.len() > 255 || !id.chars().all(allowed) {
            return Err(Refusal::invalid("the secret's id is not valid"));
        }
        let regional = parent.contains("/locations/");
        if given["replication"].is_object() == regional {
            return Err(Refusal::invalid(
                "global secrets have a replication, regional ones none",
            ));
        }
        if self.secrets.contains_key(&name) {
            let why = format!("Secret [{name}] already exists.");
            return Err(Refusal(409, "ALREADY_EXISTS", why));
        }
        let etag = self.next_etag();
        let mut secret = Secret::new(&name, etag, self.now());
        secret.set(given);
        fits(&secret.annotations)?;
        self.secrets.insert(name, secret);
        Ok(())
    }

    /// Only what the mask names changes; the etag inside the secret must be the one that stands.
    pub(crate) fn update_secret(&mut self, name: &str, mask: &str, given: &Value) -> Answer<()> {
        let standing = self.secret(name)?;
        let etag = given["etag"].as_str().unwrap_or_default();
        if !etag.is_empty() && etag != standing.etag {
            return Err(Refusal::precondition("the etag is not the current one"));
        }
        let fields: Vec<String> = mask.split(',').map(camel).collect();
        if let Some(unknown) = fields.iter().find(|f| !UPDATABLE.contains(&f.as_str())) {
            return Err(Refusal::invalid(format!("updateMask: `{unknown}`")));
        }
        let mut changed = serde_json::Map::new();
        for field in fields {
            let empty = match field.as_str() {
                "labels" | "annotations" | "versionAliases" => json!({}),
                _ => Value::Null,
            };
            let value = given.get(&field).cloned().unwrap_or(empty);
            changed.insert(field, value);
        }
        self.change(name, &Value::Object(changed))
    }

    fn change(&mut self, name: &str, changed: &Value) -> Answer<()> {
        let standing = self.secret(name)?;
        let mut wanted = Secret::new(name, String::new(), 0);
        wanted.set(changed);
        fits(&wanted.annotations)?;
        aliases_fit(&wanted.aliases, standing)?;
        if changed.get("versionAliases").is_some() {
            let old = standing.aliases.clone();
            for (alias, number) in old {
                if wanted.aliases.get(&alias) != Some(&number) {
                    self.lag_behind(name, &alias, number);
                }
            }
        }
        let etag = self.next_etag();
        if let Some(secret) = self.secrets.get_mut(name) {
            secret.set(changed);
            secret.etag = etag;
        }
        Ok(())
    }

    /// Reads through this selector see the old version for a while.
    pub(crate) fn lag_behind(&mut self, name: &str, selector: &str, old: u64) {
        if self.lag > 0 {
            let key = (name.to_owned(), selector.to_owned());
            self.lagging.insert(key, (old, self.lag));
        }
    }

    /// Names in their order; `name:` and `labels.` are the filters that are known.
    pub(crate) fn list_secrets(&self, parent: &str, asked: &Asked<'_>) -> (Vec<String>, String) {
        let prefix = format!("{parent}/secrets/");
        let names = self.secrets.iter().filter(|(name, secret)| {
            name.strip_prefix(&prefix).is_some() && passes(secret, asked.filter)
        });
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        page(names, asked)
    }

    /// Those of the permissions that the caller has; of a secret that is not there, none.
    pub(crate) fn test_permissions(&self, name: &str, asked: &Value) -> Value {
        let there = self.secrets.contains_key(name);
        let has = |one: &&Value| {
            let one = one.as_str().unwrap_or_default();
            there && self.granted.as_ref().is_none_or(|all| all.contains(one))
        };
        let asked = asked["permissions"].as_array().into_iter().flatten();
        match asked.filter(has).cloned().collect::<Vec<_>>() {
            none if none.is_empty() => json!({}),
            some => json!({ "permissions": some }),
        }
    }
}

/// One page of what is left after the token, and the token of the next.
pub(crate) fn page<T>(all: Vec<T>, asked: &Asked<'_>) -> (Vec<T>, String) {
    let from = asked.token.parse().unwrap_or(0);
    let size = if asked.size == 0 { 25_000 } else { asked.size };
    let more = all.len() > from + size;
    let rest = all.into_iter().skip(from).take(size).collect();
    let next = if more {
        (from + size).to_string()
    } else {
        String::new()
    };
    (rest, next)
}

fn passes(secret: &Secret, filter: &str) -> bool {
    let id = secret.name.rsplit('/').next().unwrap_or_default();
    match (filter.strip_prefix("name:"), filter.split_once('=')) {
        (Some(part), _) => id.contains(part),
        (None, Some((label, value))) => {
            let label = label.strip_prefix("labels.").unwrap_or_default();
            secret.labels.get(label).is_some_and(|kept| kept == value)
        }
        (None, None) => true,
    }
}

fn fits(annotations: &BTreeMap<String, String>) -> Answer<()> {
    let size: usize = annotations.iter().map(|(k, v)| k.len() + v.len()).sum();
    if size >= MOST_ANNOTATIONS {
        return Err(Refusal::invalid("annotations have 16 KiB or more"));
    }
    Ok(())
}

fn aliases_fit(aliases: &BTreeMap<String, u64>, standing: &Secret) -> Answer<()> {
    if aliases.len() > MOST_ALIASES {
        return Err(Refusal::invalid("more than 50 aliases"));
    }
    for (alias, number) in aliases {
        let letter = alias.starts_with(|c: char| c.is_ascii_alphabetic());
        if !letter || matches!(alias.as_str(), "latest" | "NEW") {
            return Err(Refusal::invalid(format!("alias `{alias}`")));
        }
        if standing.version(*number).is_none() {
            return Err(Refusal::precondition(format!("no version {number}")));
        }
    }
    Ok(())
}

/// Masks come in both spellings.
fn camel(path: &str) -> String {
    let mut words = path.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_uppercase());
        camel.push_str(rest);
    }
    camel
}
