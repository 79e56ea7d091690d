//! What the interface does to versions.

use super::World;
use super::calls::{Answer, Asked, Refusal, page};
use super::records::{State, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

const MOST_BYTES: usize = 65_536;

impl World {
    /// The payload with its checksum, which must be right where there is one.
    pub(crate) fn add_given(&mut self, name: &str, given: &Value) -> Answer<u64> {
        let payload = &given["payload"];
        let text = payload["data"].as_str().unwrap_or_default();
        let data = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
        let data = data.map_err(|_| Refusal::invalid("payload.data is not base64"))?;
        let sum = match &payload["dataCrc32c"] {
            Value::Null => None,
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        if sum.is_some_and(|sum: i64| sum != i64::from(crc32c::crc32c(&data))) {
            return Err(Refusal::invalid("payload.data_crc32c does not match"));
        }
        self.add_version(name, data, sum.is_some())
    }

    pub(crate) fn add_version(&mut self, name: &str, data: Vec<u8>, checked: bool) -> Answer<u64> {
        let newest = self.secret(name)?.newest();
        if data.len() > MOST_BYTES {
            return Err(Refusal::invalid("the payload is larger than 64 KiB"));
        }
        let (etag, created) = (self.next_etag(), self.now());
        let number = newest.unwrap_or(0) + 1;
        if let Some(old) = newest {
            self.lag_behind(name, "latest", old);
        }
        if let Some(secret) = self.secrets.get_mut(name) {
            secret.versions.push(Version {
                number,
                state: State::Enabled,
                data,
                etag,
                checked,
                created,
                destroyed: None,
                scheduled: None,
            });
        }
        Ok(number)
    }

    /// The number that a name means; `reads` where the answer may lag behind.
    pub(crate) fn resolve(&mut self, name: &str, which: &str, reads: bool) -> Answer<u64> {
        let missing = || Refusal::not_found(&format!("Secret Version [{name}/versions/{which}]"));
        let secret = self.secret(name)?;
        let number = match which {
            "latest" => secret.newest(),
            alias => secret
                .aliases
                .get(alias)
                .copied()
                .or_else(|| alias.parse().ok()),
        };
        let number = number.filter(|number| secret.version(*number).is_some());
        let number = number.ok_or_else(missing)?;
        let key = (name.to_owned(), which.to_owned());
        match self.lagging.get_mut(&key) {
            Some((old, left)) if reads && *left > 0 => {
                *left -= 1;
                Ok(*old)
            }
            _ => Ok(number),
        }
    }

    pub(crate) fn version(&self, name: &str, number: u64) -> Answer<&Version> {
        let found = self.secret(name)?.version(number);
        found.ok_or_else(|| Refusal::not_found(&format!("Secret Version [{number}]")))
    }

    pub(crate) fn access(&mut self, name: &str, which: &str) -> Answer<Value> {
        let number = self.resolve(name, which, true)?;
        let version = self.version(name, number)?;
        match version.state {
            State::Enabled => Ok(self.secret(name)?.access_answer(version)),
            State::Disabled => Err(Refusal::precondition("it is in DISABLED state")),
            State::Destroyed => Err(Refusal::precondition("it is in DESTROYED state")),
        }
    }

    /// Newest first; `state:` is the filter that is known.
    pub(crate) fn list_versions(
        &self,
        name: &str,
        asked: &Asked<'_>,
    ) -> Answer<(Vec<u64>, String)> {
        let wanted = asked.filter.strip_prefix("state:").unwrap_or_default();
        let passes = |version: &&Version| match wanted {
            "ENABLED" => version.state == State::Enabled,
            "DISABLED" => version.state == State::Disabled,
            "DESTROYED" => version.state == State::Destroyed,
            _ => true,
        };
        let newest_first = self.secret(name)?.versions.iter().rev();
        let numbers: Vec<u64> = newest_first.filter(passes).map(|v| v.number).collect();
        Ok(page(numbers, asked))
    }

    /// `enable`, `disable` or `destroy`; a destroyed version stays destroyed.
    pub(crate) fn switch(
        &mut self,
        name: &str,
        which: &str,
        verb: &str,
        given: &Value,
    ) -> Answer<u64> {
        let number = self.resolve(name, which, false)?;
        let ttl = self.secret(name)?.destroy_ttl;
        let (next, now) = (self.next_etag(), self.now());
        let secret = self.secrets.get_mut(name);
        let version = secret.and_then(|secret| secret.version_mut(number));
        let version = version.ok_or_else(|| Refusal::not_found("Secret Version"))?;
        let etag = given["etag"].as_str().unwrap_or_default();
        if !etag.is_empty() && etag != version.etag {
            return Err(Refusal::precondition("the etag is not the current one"));
        }
        if version.state == State::Destroyed {
            return Err(Refusal::precondition("it is in DESTROYED state"));
        }
        match (verb, ttl) {
            ("enable", _) => (version.state, version.scheduled) = (State::Enabled, None),
            ("disable", _) => version.state = State::Disabled,
            (_, Some(ttl)) => {
                version.state = State::Disabled;
                version.scheduled = Some(now + ttl);
            }
            (_, None) => {
                version.state = State::Destroyed;
                version.destroyed = Some(now);
                version.data.clear();
            }
        }
        version.etag = next;
        Ok(number)
    }
}
