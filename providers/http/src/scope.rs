//! The values that texts of a pack may name while one operation runs: public ones, and secrets.

use chrono::{DateTime, Days, SecondsFormat, Utc};
use keywheel_contract::{Error, Fields, Result, SecretValue};
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Values by name. Secrets are kept apart, so that nothing public can hold one by accident.
#[derive(Default)]
pub(crate) struct Scope {
    public: BTreeMap<String, Value>,
    secret: BTreeMap<String, SecretValue>,
    now: DateTime<Utc>,
}

impl Scope {
    /// Nothing but this moment.
    pub(crate) fn now() -> Self {
        Self {
            now: Utc::now(),
            ..Self::default()
        }
    }

    /// The same values; what is added to them is not seen by this one.
    pub(crate) fn duplicate(&self) -> Self {
        let secret = self.secret.iter();
        let secret = secret.map(|(name, value)| (name.clone(), value.duplicate()));
        Self {
            public: self.public.clone(),
            secret: secret.collect(),
            now: self.now,
        }
    }

    /// Sets a public value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.public.insert(name.to_owned(), value);
    }

    /// Sets a secret.
    pub(crate) fn keep(&mut self, name: &str, value: SecretValue) {
        self.secret.insert(name.to_owned(), value);
    }

    /// Sets every field of a credential.
    pub(crate) fn keep_all(&mut self, fields: &Fields) {
        for (name, value) in fields.iter() {
            self.keep(name, value.duplicate());
        }
    }

    /// Takes a secret out.
    pub(crate) fn take(&mut self, name: &str) -> Option<SecretValue> {
        self.secret.remove(name)
    }

    /// A public value.
    pub(crate) fn public(&self, name: &str) -> Option<&Value> {
        self.public.get(name)
    }

    /// A value as text.
    ///
    /// # Errors
    /// `Invalid`: nothing has this name, or what has it is no text.
    pub(crate) fn text(&self, name: &str) -> Result<Zeroizing<String>> {
        if let Some(secret) = self.secret.get(name) {
            let text = secret.expose_secret_str();
            let text = text.ok_or_else(|| Error::invalid(format!("`{name}` is not text")))?;
            return Ok(Zeroizing::new(text.to_owned()));
        }
        let text = self
            .public
            .get(name)
            .and_then(plain)
            .or_else(|| self.moment(name));
        let text = text.ok_or_else(|| Error::invalid(format!("`{name}` is not known here")))?;
        Ok(Zeroizing::new(text))
    }

    /// `now`, and `days_ago_31`: the beginning of that day; RFC 3339. `in_days_90`: a date.
    fn moment(&self, name: &str) -> Option<String> {
        if name == "now" {
            return Some(self.now.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        if let Some(days) = name.strip_prefix("in_days_") {
            let days = Days::new(days.parse().ok()?);
            return Some(self.now.date_naive().checked_add_days(days)?.to_string());
        }
        let days = name.strip_prefix("days_ago_")?.parse().ok()?;
        let day = self.now.date_naive().checked_sub_days(Days::new(days))?;
        Some(format!("{day}T00:00:00Z"))
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub(crate) fn json(&self, name: &str) -> Result<Value> {
        match self.public.get(name) {
            Some(value) if !self.secret.contains_key(name) => Ok(value.clone()),
            _ => Ok(Value::String(self.text(name)?.to_string())),
        }
    }
}

/// Text, numbers and flags as text.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
