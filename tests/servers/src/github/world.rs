//! What stands in the fake, and how it changes.

use super::Exchange;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use crypto_box::SecretKey;
use crypto_box::aead::OsRng;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A status and what is said with it.
pub(super) type Refusal = (u16, &'static str);

pub(super) struct World {
    /// By path, as calls name it: `repos/O/R`, `repos/O/R/environments/E`, `orgs/O`.
    pub(super) shelves: BTreeMap<String, Shelf>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) rekeying: Option<String>,
    pub(super) lag: u32,
    pub(super) flies: bool,
    pub(super) used_up: bool,
    /// Most repositories on one page of a list.
    pub(super) page: usize,
    /// Repositories that are counted in lists and not shown.
    pub(super) unlisted: usize,
    now: DateTime<Utc>,
    serial: u64,
}

/// The secrets of one place.
pub(super) struct Shelf {
    pub(super) key: SecretKey,
    pub(super) key_id: String,
    pub(super) secrets: BTreeMap<String, Secret>,
    /// How often one of them was written.
    pub(super) writes: usize,
}

impl Shelf {
    pub(super) fn new(serial: u64) -> Self {
        Self {
            key: SecretKey::generate(&mut OsRng),
            key_id: format!("{}", 568_250_167_242_549_743 + serial),
            secrets: BTreeMap::new(),
            writes: 0,
        }
    }
}

#[derive(Clone)]
pub(super) struct Secret {
    pub(super) value: Vec<u8>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    /// Of an organization's.
    pub(super) visibility: Option<String>,
    pub(super) selected: Vec<u64>,
    /// What reads still show, and how many.
    pub(super) stale: Option<(DateTime<Utc>, u32)>,
}

#[derive(Clone)]
pub(super) struct Token {
    /// Every place, where none is named.
    pub(super) reach: Option<BTreeSet<String>>,
    /// Of a classic token.
    pub(super) scopes: Option<String>,
    pub(super) writes: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            shelves: BTreeMap::new(),
            tokens: BTreeMap::new(),
            exchanges: Vec::new(),
            rekeying: None,
            lag: 0,
            page: 100,
            unlisted: 0,
            flies: true,
            used_up: false,
            now: Utc::now(),
            serial: 0,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The time, to the second; a request begins.
    pub(super) fn tick(&mut self) {
        self.now = match self.flies {
            true => self.now + TimeDelta::seconds(1),
            false => Utc::now(),
        };
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now.timestamp(), 0).unwrap()
    }

    pub(super) fn new_token(&mut self, token: Token) -> String {
        let kind = match token.scopes {
            None => "github_pat_",
            Some(_) => "ghp_",
        };
        let text = format!("{kind}example{}", self.number());
        self.tokens.insert(text.clone(), token);
        text
    }

    pub(super) fn secret(&mut self, path: &str, name: &str) -> &mut Secret {
        let shelf = self.shelves.get_mut(path).unwrap();
        shelf.secrets.get_mut(name).unwrap()
    }

    /// Keeps a text, whoever writes it; whether there was none before.
    pub(super) fn put(&mut self, path: &str, name: &str, text: &str) -> bool {
        self.keep(path, name, text.as_bytes().to_vec(), None)
    }

    fn keep(
        &mut self,
        path: &str,
        name: &str,
        value: Vec<u8>,
        audience: Option<(String, Vec<u64>)>,
    ) -> bool {
        if self.flies {
            self.tick();
        }
        let (now, lag) = (self.now(), self.lag);
        let shelf = self.shelves.get_mut(path).unwrap();
        let before = shelf.secrets.get(name).cloned();
        let usual = path.starts_with("orgs/").then(|| "private".to_owned());
        let (visibility, selected) = match (audience, &before) {
            (Some((visibility, selected)), _) => (Some(visibility), selected),
            (None, Some(before)) => (before.visibility.clone(), before.selected.clone()),
            (None, None) => (usual, Vec::new()),
        };
        let secret = Secret {
            value,
            created: before.as_ref().map_or(now, |before| before.created),
            updated: now,
            visibility,
            selected,
            stale: before.as_ref().map(|before| (before.updated, lag)),
        };
        shelf.secrets.insert(name.to_owned(), secret);
        before.is_none()
    }

    /// A write as a request asks for it; whether there was none before.
    pub(super) fn take(&mut self, path: &str, name: &str, body: &Value) -> Result<bool, Refusal> {
        if self.rekeying.as_deref() == Some(path) {
            self.rekeying = None;
            let serial = self.number();
            let fresh = Shelf::new(serial);
            let shelf = self.shelves.get_mut(path).unwrap();
            (shelf.key, shelf.key_id) = (fresh.key, fresh.key_id);
        }
        let audience = audience_in(path, body)?;
        let shelf = self.shelves.get_mut(path).unwrap();
        if body["key_id"] != *shelf.key_id {
            return Err((422, "The key id is not that of the public key."));
        }
        let sealed = body["encrypted_value"].as_str().unwrap_or_default();
        let opened = STANDARD.decode(sealed).ok();
        let opened = opened.and_then(|sealed| shelf.key.unseal(&sealed).ok());
        let value = opened.ok_or((422, "The encrypted value cannot be opened."))?;
        if value.len() > 48 * 1024 {
            return Err((422, "The value is too large."));
        }
        shelf.writes += 1;
        Ok(self.keep(path, &name.to_uppercase(), value, audience))
    }
}

/// Who may use an organization's secret: every write has to say it.
fn audience_in(path: &str, body: &Value) -> Result<Option<(String, Vec<u64>)>, Refusal> {
    if !path.starts_with("orgs/") {
        return Ok(None);
    }
    let visibility = body["visibility"].as_str();
    let known = visibility.filter(|word| ["all", "private", "selected"].contains(word));
    let visibility = known.ok_or((422, "visibility is missing or unknown"))?;
    let ids = body["selected_repository_ids"].as_array();
    if ids.is_some() != (visibility == "selected") {
        return Err((
            422,
            "selected_repository_ids belongs to visibility selected",
        ));
    }
    let ids = ids.into_iter().flatten().filter_map(Value::as_u64);
    Ok(Some((visibility.to_owned(), ids.collect())))
}
