//! What is really so outside: which credentials live, what every destination shows, what every instance holds,
//! and every call that took effect. Invariants are looked at here, after each change, by truth and not by record.

use super::shelf::Shelf;
use keywheel::rotation::words::Kind;
use keywheel_contract::{Error, Result};
use std::collections::BTreeMap;

/// One try of one effect, as its intent names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) rotation: String,
    pub(crate) kind: Kind,
    pub(crate) target: String,
    pub(crate) attempt: i64,
}

/// Whether the issuer honours a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Active,
    Disabled,
    Ended,
}

/// One credential, as its issuer knows it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) tag: String,
    pub(crate) life: Life,
}

/// What a destination shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) value: String,
    pub(crate) previous: Option<String>,
}

/// One running copy of a consumer that must not be cut off.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) consumer: String,
    pub(crate) name: String,
    pub(crate) destination: String,
    pub(crate) holds: Shown,
    /// Accepts what others present, instead of presenting it.
    pub(crate) accepts: bool,
    /// Reads its destination whenever it is asked, instead of when it is told.
    pub(crate) polls: bool,
    /// It takes no new value, told or not.
    pub(crate) deaf: bool,
}

/// What the named exceptions of the design suspend in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Suspended {
    /// I1: the outage was accepted.
    pub(crate) in_use: bool,
    /// I3: between the end of the old value and the publishing of the new one.
    pub(crate) pointer: bool,
}

type LateCall = Box<dyn FnOnce(&mut Truth) + Send>;

/// Everything that is so.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) made: Vec<Made>,
    pub(crate) shelves: BTreeMap<String, Shelf>,
    pub(crate) shown: BTreeMap<String, Shown>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) sent: Vec<Key>,
    pub(crate) took: Vec<Key>,
    pub(crate) values: Vec<String>,
    pub(crate) violations: Vec<String>,
    pub(crate) suspended: Suspended,
    /// Whether an issuer honours the values; else only consumers do.
    pub(crate) has_issuer: bool,
    pub(crate) done: Vec<&'static str>,
    pub(crate) late: Vec<(i64, LateCall)>,
    /// A call of a real provider took longer than the engine waits: what came of it was not seen.
    pub(crate) outlasted: bool,
}

impl Truth {
    /// A value nobody has seen before; every one is looked for in the journal afterwards.
    pub(crate) fn fresh_value(&mut self) -> String {
        let value = format!("example-canary-{}", uuid::Uuid::now_v7().simple());
        self.values.push(value.clone());
        value
    }

    /// A value that an issuer chose; it is looked for as well.
    pub(crate) fn known_value(&mut self, value: &str) -> String {
        self.values.push(value.to_owned());
        value.to_owned()
    }

    /// Says that something happened which must never happen.
    pub(crate) fn accuse(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Whether this is the first time.
    pub(crate) fn once(&mut self, what: &'static str) -> bool {
        let first = !self.done.contains(&what);
        if first {
            self.done.push(what);
        }
        first
    }

    /// Applies one effect, counts it, and looks around.
    pub(crate) fn run<T>(
        &mut self,
        key: &Key,
        act: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let made = self.made.len();
        let result = act(self);
        // A credential made before is no second one.
        let repeated = key.kind == Kind::Mint && made == self.made.len();
        if result.is_ok() && !repeated {
            self.took.push(key.clone());
        }
        self.look_around(key.kind);
        result
    }

    /// Lets calls land that were under way for long.
    pub(crate) fn land(&mut self, now_ms: i64) {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(at, _)| *at <= now_ms);
        self.late = later;
        for (_, call) in due {
            call(self);
        }
    }

    /// I3, and for generated values: whatever is presented is accepted.
    fn look_around(&mut self, after: Kind) {
        let mut found = Vec::new();
        if self.has_issuer && !self.suspended.pointer {
            for (name, shown) in &self.shown {
                if !self.is_live(&shown.value) {
                    found.push(format!(
                        "I3: {name} shows a dead credential after {}",
                        after.word()
                    ));
                }
            }
        }
        for one in self.instances.iter().filter(|i| !i.accepts) {
            let refuses = |other: &&Instance| {
                let known = [Some(&other.holds.value), other.holds.previous.as_ref()];
                other.accepts && !known.contains(&Some(&one.holds.value))
            };
            if let Some(other) = self.instances.iter().find(refuses) {
                found.push(format!(
                    "I1: {} refuses what {} presents after {}",
                    other.name,
                    one.name,
                    after.word()
                ));
            }
        }
        self.violations.append(&mut found);
    }

    /// Whether the issuer honours this value now.
    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.made
            .iter()
            .any(|made| made.value == value && made.life == Life::Active)
    }

    /// The credential of that id.
    pub(crate) fn by_id(&mut self, id: &str) -> Option<&mut Made> {
        self.made.iter_mut().find(|made| made.id == id)
    }

    /// A principal gets this value; one that is not known yet comes to be.
    pub(crate) fn honours(&mut self, id: &str, value: &str) {
        if self.by_id(id).is_none() {
            self.made.push(Made {
                id: id.to_owned(),
                value: String::new(),
                tag: String::new(),
                life: Life::Active,
            });
        }
        if let Some(made) = self.by_id(id) {
            value.clone_into(&mut made.value);
            made.life = Life::Active;
        }
    }

    /// I1: ends a credential, and accuses where a listed instance holds it.
    pub(crate) fn end(&mut self, id: &str, life: Life) -> Result<()> {
        let Some(made) = self.by_id(id) else {
            return Ok(());
        };
        let (value, was) = (made.value.clone(), made.life);
        if was != Life::Ended {
            made.life = life;
        }
        if was == Life::Active && !self.suspended.in_use {
            let holders: Vec<String> = self
                .instances
                .iter()
                .filter(|instance| instance.holds.value == value)
                .map(|instance| instance.name.clone())
                .collect();
            for holder in holders {
                self.accuse(format!("I1: {id} was ended while {holder} held it"));
            }
        }
        Ok(())
    }

    /// Brings a credential back.
    pub(crate) fn revive(&mut self, id: &str) -> Result<()> {
        match self.by_id(id) {
            Some(made) if made.life != Life::Ended => {
                made.life = Life::Active;
                Ok(())
            }
            Some(_) | None => Err(Error::not_found("it is gone")),
        }
    }

    /// A consumer is told: its instances read again.
    pub(crate) fn told(&mut self, consumer: &str) -> Result<()> {
        let Self {
            shown,
            values,
            instances,
            ..
        } = self;
        let told = instances
            .iter_mut()
            .filter(|i| i.consumer == consumer && !i.polls);
        for instance in told {
            if let Some(now) = shown.get(&instance.destination)
                && (!instance.deaf || now.value == values[0])
            {
                instance.holds = now.clone();
            }
        }
        Ok(())
    }

    /// One instance goes back to the first value, as after a deployment that was rolled back.
    pub(crate) fn goes_back(&mut self) {
        let first = self.values[0].clone();
        if let Some(instance) = self.instances.iter_mut().find(|i| !i.accepts && !i.polls) {
            instance.holds = Shown {
                value: first,
                previous: None,
            };
        }
    }
}
