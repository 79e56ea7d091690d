//! What a played service knows: the credentials that it made, and what it does wrong.

use super::Exchange;
use super::answer::Answer;
use crate::draw::alphanumeric;
use crate::pack::Pack;
use crate::scope::Scope;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use keywheel_contract::SecretValue;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const ACTIVE: &str = "active";
pub(super) const DISABLED: &str = "disabled";
pub(super) const ENDED: &str = "ended";

/// What a service does wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nasty {
    /// A new credential is refused so often before it is honoured.
    pub young: u32,
    /// What is made is neither listed nor found by its id until this is over.
    pub hides: bool,
    /// An ended one is accepted so often before it is refused.
    pub lingers: u32,
    /// The next so many answers to reads are pages for people, with status 200.
    pub pages_for_people: u32,
    /// The next so many answers to changes are 502, after the change was made.
    pub breaks_after: u32,
    /// Something on the way answers every read with a page for people of this status.
    pub stops_reads: Option<u16>,
    /// The same for changes, none of which is made.
    pub stops_changes: Option<u16>,
    /// There is no room for a further credential.
    pub full: bool,
    /// What is called so is left out of every answer.
    pub leaves_out: Option<String>,
    /// Its clock is so many seconds ahead of ours.
    pub clock: i64,
}

/// One credential.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) n: usize,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) state: &'static str,
    created: i64,
    pub(super) used: Option<i64>,
    young: u32,
    pub(super) hidden: bool,
    lingers: u32,
    /// It was made in place of one that is ended.
    pub(super) family: usize,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) keys: Vec<Made>,
    pub(super) nasty: Nasty,
    pub(super) tokens: Vec<String>,
    /// Our own credentials that are private keys, as PEM.
    pub(super) keys_of_ours: BTreeMap<String, SecretValue>,
    pub(super) exchanges: Vec<Exchange>,
}

impl World {
    /// A new credential; `given` are its tag and the fields that the caller chose.
    pub(super) fn create(&mut self, pack: &Pack, mut given: BTreeMap<String, String>) -> Made {
        let n = self.keys.len() + 1;
        let mut drawn = drawn(n);
        let key = &pack.contract.key;
        let fill = |text: &crate::text::Text, scope: &Scope| {
            text.fill(scope)
                .map(|text| text.to_string())
                .unwrap_or_default()
        };
        let mut fields = BTreeMap::new();
        for name in pack.fields.keys() {
            let own = key.fields.get(name).map(|text| fill(text, &drawn));
            if let Some(text) = given.remove(name).or(own) {
                drawn.set(name, text.clone().into());
                fields.insert(name.clone(), text);
            }
        }
        let made = Made {
            n,
            id: fill(&key.id, &drawn),
            tag: given
                .remove("tag")
                .unwrap_or_else(|| "made by hand".to_owned()),
            fields,
            state: ACTIVE,
            created: now(),
            used: None,
            young: self.nasty.young,
            hidden: self.nasty.hides,
            lingers: self.nasty.lingers,
            family: n,
        };
        self.keys.push(made.clone());
        made
    }

    /// What its clock says, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        now() + self.nasty.clock
    }

    /// Whether there is room for another one.
    pub(super) fn has_room(&self, pack: &Pack) -> bool {
        let there = self.keys.iter().filter(|key| key.state != ENDED).count();
        !self.nasty.full && pack.contract.room.is_none_or(|room| there < room)
    }

    /// The answer of something on the way, which hands nothing on.
    pub(super) fn stopped(&self, method: &str) -> Option<Answer> {
        let status = match method {
            "GET" => self.nasty.stops_reads,
            _ => self.nasty.stops_changes,
        };
        status.map(Answer::page)
    }

    /// Makes an answer wrong, where it is to be.
    pub(super) fn spoil(&mut self, answer: &mut Answer, method: &str) {
        if let Some(name) = &self.nasty.leaves_out {
            answer.leave_out(name);
        }
        let count = if method == "GET" {
            &mut self.nasty.pages_for_people
        } else {
            &mut self.nasty.breaks_after
        };
        if *count > 0 {
            *count -= 1;
            *answer = Answer::page(if method == "GET" { 200 } else { 502 });
        }
    }
}

impl Made {
    /// Whether it is honoured by the one use that asks.
    pub(super) fn is_honoured(&mut self) -> bool {
        let (patience, honoured) = match self.state {
            ACTIVE => (&mut self.young, true),
            ENDED => (&mut self.lingers, false),
            _ => return false,
        };
        if *patience == 0 {
            return honoured;
        }
        *patience -= 1;
        !honoured
    }

    pub(super) fn use_now(&mut self) {
        self.used = Some(now());
    }

    /// Whether it is shown already, and still.
    pub(super) fn is_shown(&self, pack: &Pack) -> bool {
        let kept = self.state != ENDED || pack.contract.key.states.contains_key(ENDED);
        kept && !self.hidden
    }

    /// What answers may name of it.
    pub(super) fn scope(&self, pack: &Pack) -> Scope {
        let mut scope = Scope::default();
        for (name, text) in &self.fields {
            scope.set(name, text.clone().into());
            scope.set(&format!("{name}_base64"), STANDARD.encode(text).into());
        }
        let value = self
            .fields
            .get("value")
            .or(self.fields.values().next())
            .cloned()
            .unwrap_or_default();
        let used = self.used.map_or(Value::Null, Value::from);
        let state = pack.contract.key.states.get(self.state).cloned();
        for (name, text) in [
            ("id", as_number(&self.id)),
            ("n", self.n.into()),
            ("tag", self.tag.clone().into()),
            ("state", state.unwrap_or_else(|| self.state.into())),
            ("created", self.created.into()),
            ("created_at", written(self.created)),
            ("used", used),
            ("used_at", self.used.map_or(Value::Null, written)),
            (
                "used_day",
                self.used.map_or(Value::Null, |at| day(at).into()),
            ),
            ("head", value.chars().take(12).collect::<String>().into()),
            ("tail", value[value.len().saturating_sub(4)..].into()),
        ] {
            scope.set(name, text);
        }
        scope
    }
}

/// Ids that are numbers are numbers in JSON.
fn as_number(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| id.into(), Value::from)
}

/// `n`, and `draw_N` for the lengths that packs use.
fn drawn(n: usize) -> Scope {
    let mut scope = Scope::default();
    scope.set("n", n.into());
    for length in 1..=100 {
        let value = alphanumeric(length).ok();
        let text = value.as_ref().and_then(SecretValue::expose_secret_str);
        scope.set(&format!("draw_{length}"), text.unwrap_or_default().into());
        let mut hex = [0; 50];
        let drawn = keywheel_contract::draw::fill(&mut hex).is_ok();
        let text = if drawn {
            hex::encode(hex)[..length].to_owned()
        } else {
            String::new()
        };
        scope.set(&format!("hex_{length}"), text.into());
    }
    scope
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

pub(super) fn written(at: i64) -> Value {
    let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true).into()
}

fn day(at: i64) -> String {
    DateTime::from_timestamp(at, 0)
        .unwrap_or_default()
        .date_naive()
        .to_string()
}
