//! The truth outside: which credentials the issuer honours, what destinations serve, what instances hold.

use super::script::Where;
use super::setting::{Make, Manner, Setting};
use crate::rotation::words::Kind;
use keywheel_contract::{Error, Strength, VersionId};
use std::collections::{BTreeMap, BTreeSet};

/// The issuer's id of the credential that was in use before.
pub(super) const OLD: &str = "old";

/// Whether a credential or a copy of it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Active,
    Disabled,
    Dead,
}

#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) life: Life,
    /// The try that made it.
    pub(super) tag: Option<i64>,
    /// From when on the issuer's list shows it.
    pub(super) listed_ms: i64,
}

/// One version in a destination.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) version: String,
    pub(super) credential: String,
    pub(super) previous: Option<String>,
    pub(super) mark: Option<(Kind, i64)>,
    pub(super) life: Life,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) copies: Vec<Copy>,
    pub(super) current: Option<usize>,
    compare_and_set: bool,
}

impl Place {
    pub(super) fn serves(&self) -> Option<&Copy> {
        self.current.map(|index| &self.copies[index])
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.serves().map(|copy| copy.version.as_str())
    }

    pub(super) fn copy(&self, version: &str) -> Option<&Copy> {
        self.copies.iter().find(|copy| copy.version == version)
    }

    pub(super) fn marked(&self, kind: Kind, attempt: i64) -> Option<&Copy> {
        self.copies
            .iter()
            .find(|copy| copy.mark == Some((kind, attempt)))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) holds: Option<String>,
    pub(super) moved_ms: i64,
}

/// A workload with its running copies.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) reads: String,
    pub(super) strongest: Option<Strength>,
    pub(super) manner: Manner,
    pub(super) silent: bool,
    pub(super) unclear: bool,
    pub(super) gone: bool,
    pub(super) instances: Vec<Instance>,
}

/// A call as it travels: all it needs is in it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) target: String,
    pub(super) attempt: i64,
    /// The version that a write expects.
    pub(super) base: Option<String>,
    /// The versions to end.
    pub(super) versions: Vec<String>,
    /// What is written.
    pub(super) credential: String,
    pub(super) previous: Option<String>,
}

/// What comes later by itself.
#[derive(Debug, Clone)]
enum Later {
    Lands(Call),
    Reloads(String),
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now_ms: i64,
    make: Make,
    lists_after_ms: i64,
    pub(super) issuer: BTreeMap<String, Made>,
    /// The one value that an issuer honours which holds only one.
    pub(super) honoured: String,
    /// The value that an issuer presents itself.
    pub(super) presents: String,
    pub(super) places: BTreeMap<String, Place>,
    pub(super) consumers: BTreeMap<String, Workload>,
    /// What somebody else took away from a credential that nobody of ours ended.
    pub(super) taken_away: BTreeSet<String>,
    /// Who is logged in with the old credential and is no consumer of ours.
    pub(super) strangers: Vec<String>,
    /// Who is logged in with the candidate and is no consumer of ours.
    pub(super) newcomers: Vec<String>,
    /// When we tried the candidate last, and since and until when somebody else used it.
    pub(super) tried_ms: Option<i64>,
    pub(super) theirs_ms: Option<(i64, i64)>,
    later: Vec<(i64, Later)>,
    /// Changes that wait for a person there, and what that person decided.
    pub(super) approvals: Vec<(Call, Option<bool>)>,
    /// Consumers claim to hold what is asked for: for a mutant.
    pub(super) flatters: bool,
    /// Every call that took effect, with the moment.
    pub(super) ledger: Vec<(i64, Call)>,
    made: u32,
}

impl World {
    pub(super) fn new(setting: &Setting, now_ms: i64) -> Self {
        let old = setting.has_old.then(|| {
            (
                OLD.to_owned(),
                Made {
                    life: Life::Active,
                    tag: None,
                    listed_ms: now_ms,
                },
            )
        });
        let places = setting.stores.iter().enumerate().map(|(index, store)| {
            let copy = Copy {
                version: "v0".to_owned(),
                credential: OLD.to_owned(),
                previous: None,
                mark: None,
                life: Life::Active,
            };
            let copies: Vec<Copy> = setting.has_old.then_some(copy).into_iter().collect();
            let current = (!copies.is_empty()).then_some(0);
            (
                Setting::destination(index),
                Place {
                    copies,
                    current,
                    compare_and_set: store.compare_and_set,
                },
            )
        });
        let mut world = Self {
            now_ms,
            make: setting.make,
            lists_after_ms: i64::try_from(setting.lists_after.as_millis()).unwrap(),
            issuer: old.into_iter().collect(),
            honoured: OLD.to_owned(),
            presents: OLD.to_owned(),
            places: places.collect(),
            consumers: BTreeMap::new(),
            taken_away: BTreeSet::new(),
            strangers: Vec::new(),
            newcomers: Vec::new(),
            tried_ms: None,
            theirs_ms: None,
            later: Vec::new(),
            approvals: Vec::new(),
            flatters: false,
            ledger: Vec::new(),
            made: 0,
        };
        for (index, one) in setting.consumers.iter().enumerate() {
            world.add_consumer(&Setting::consumer(index), one);
        }
        world
    }

    pub(super) fn add_consumer(&mut self, name: &str, setting: &super::setting::ConsumerSetting) {
        let reads = Setting::destination(setting.reads);
        let holds = self.places[&reads]
            .serves()
            .map(|copy| copy.credential.clone());
        let instance = Instance {
            holds,
            moved_ms: self.now_ms,
        };
        let workload = Workload {
            reads,
            strongest: setting.strongest,
            manner: setting.manner,
            silent: false,
            unclear: false,
            gone: false,
            instances: vec![instance; setting.instances as usize],
        };
        self.consumers.insert(name.to_owned(), workload);
    }

    /// Whether the issuer honours it. A generated value is honoured by its consumers, always.
    pub(super) fn is_alive(&self, credential: &str) -> bool {
        match self.make {
            _ if self.taken_away.contains(credential) => false,
            Make::Previous | Make::Generated => true,
            Make::InPlace | Make::InPlaceReuse => self.honoured == credential,
            _ => self
                .issuer
                .get(credential)
                .is_some_and(|made| made.life == Life::Active),
        }
    }

    /// A name for a new credential.
    pub(super) fn fresh_name(&mut self) -> String {
        self.made += 1;
        format!("new{}", self.made)
    }

    /// A person makes one by hand.
    pub(super) fn make_by_hand(&mut self) -> String {
        let name = self.fresh_name();
        self.issuer.insert(
            name.clone(),
            Made {
                life: Life::Active,
                tag: None,
                listed_ms: self.now_ms,
            },
        );
        name
    }

    /// Schedules a call that was sent to land later.
    pub(super) fn lands_at(&mut self, at_ms: i64, call: Call) {
        self.later.push((at_ms, Later::Lands(call)));
    }

    /// The next moment up to `until_ms` at which something happens by itself; does it.
    pub(super) fn pass_one(&mut self, until_ms: i64) -> Option<Option<Call>> {
        let next = self
            .later
            .iter()
            .enumerate()
            .filter(|(_, (at, _))| *at <= until_ms);
        let Some(index) = next.min_by_key(|(_, (at, _))| *at).map(|(index, _)| index) else {
            self.now_ms = self.now_ms.max(until_ms);
            return None;
        };
        let (at_ms, later) = self.later.remove(index);
        self.now_ms = self.now_ms.max(at_ms);
        Some(match later {
            Later::Lands(call) => self.land(&call).is_ok().then_some(call),
            Later::Reloads(consumer) => {
                self.reload(&consumer);
                None
            }
        })
    }

    /// Whether somebody else has the candidate now; remembers that somebody had.
    pub(super) fn is_taken_up(&mut self) -> bool {
        let mut instances = self.consumers.values().flat_map(|one| &one.instances);
        let held = instances.any(|one| one.holds.as_deref().is_some_and(|held| held != OLD));
        let taken = held || !self.newcomers.is_empty();
        if taken {
            let since_ms = self.theirs_ms.map_or(self.now_ms, |(since_ms, _)| since_ms);
            self.theirs_ms = Some((since_ms, self.now_ms));
        }
        taken
    }

    /// Every instance of a consumer reads what its destination serves.
    pub(super) fn reload(&mut self, consumer: &str) {
        let count = self
            .consumers
            .get(consumer)
            .map_or(0, |workload| workload.instances.len());
        for instance in 0..count {
            self.shift(consumer, instance, Where::Served);
        }
    }

    /// One instance comes to hold something.
    pub(super) fn shift(&mut self, consumer: &str, instance: usize, to: Where) {
        let newest = (self.made > 0).then(|| format!("new{}", self.made));
        let Some(workload) = self.consumers.get_mut(consumer) else {
            return;
        };
        let place = &self.places[&workload.reads];
        let seen = |name: &String| place.copies.iter().any(|copy| &copy.credential == name);
        let holds = match to {
            Where::Served => place.serves().map(|copy| copy.credential.clone()),
            Where::Old => Some(OLD.to_owned()).filter(seen),
            Where::New => newest.filter(seen),
        };
        let Some(one) = workload.instances.get_mut(instance) else {
            return;
        };
        if holds.is_some() && one.holds != holds {
            *one = Instance {
                holds,
                moved_ms: self.now_ms,
            };
        }
    }

    /// A call takes effect, or is refused.
    pub(super) fn land(&mut self, call: &Call) -> Result<Option<String>, Error> {
        let made = match call.kind {
            Kind::Mint => self.mint(call)?,
            Kind::Apply | Kind::ApplyBack => self.apply(call),
            Kind::Activate => {
                self.presents.clone_from(&call.target);
                None
            }
            Kind::Stage | Kind::Publish | Kind::Republish | Kind::DropPrevious => {
                self.write(call)?
            }
            Kind::Notify | Kind::NotifyAgain | Kind::NotifyBack | Kind::NotifyDropped => {
                self.notify(&call.target)?;
                None
            }
            Kind::DisableCredential => self.live(&call.target, Life::Disabled),
            Kind::EnableCredential => self.live(&call.target, Life::Active),
            Kind::Revoke | Kind::RevokeOrphan | Kind::DestroyCandidate => {
                self.live(&call.target, Life::Dead)
            }
            Kind::EndSessions => None,
            Kind::DisableVersion => self.end(call, Life::Disabled)?,
            Kind::EnableVersion => self.end(call, Life::Active)?,
            Kind::DestroyVersion | Kind::DestroyCandidateVersion => self.end(call, Life::Dead)?,
        };
        self.ledger.push((self.now_ms, call.clone()));
        Ok(made)
    }

    fn mint(&mut self, call: &Call) -> Result<Option<String>, Error> {
        let taken = self
            .issuer
            .values()
            .filter(|made| made.life != Life::Dead)
            .count();
        if self.make == Make::TwoSlots && taken >= 2 {
            return Err(Error::invalid("both slots are taken"));
        }
        let name = self.fresh_name();
        self.issuer.insert(
            name.clone(),
            Made {
                life: Life::Active,
                tag: Some(call.attempt),
                listed_ms: self.now_ms + self.lists_after_ms,
            },
        );
        Ok(Some(name))
    }

    fn apply(&mut self, call: &Call) -> Option<String> {
        self.honoured.clone_from(&call.target);
        self.issuer.insert(
            call.target.clone(),
            Made {
                life: Life::Active,
                tag: Some(call.attempt),
                listed_ms: self.now_ms,
            },
        );
        None
    }

    /// A credential that is dead stays so.
    fn live(&mut self, credential: &str, life: Life) -> Option<String> {
        if let Some(made) = self.issuer.get_mut(credential)
            && made.life != Life::Dead
        {
            made.life = life;
        }
        None
    }

    fn write(&mut self, call: &Call) -> Result<Option<String>, Error> {
        let Some(place) = self.places.get_mut(&call.target) else {
            return Err(Error::not_found("no such place"));
        };
        if place.compare_and_set && place.version() != call.base.as_deref() {
            return Err(Error::conflict(
                place.version().map(VersionId::new),
                "something else stands there",
            ));
        }
        if let Some(done) = place.marked(call.kind, call.attempt) {
            return Ok(Some(done.version.clone()));
        }
        let mark = Some((call.kind, call.attempt));
        let staged = |copy: &Copy| copy.mark.is_some_and(|(kind, _)| kind == Kind::Stage);
        if let Some(index) = place
            .copies
            .iter()
            .rposition(staged)
            .filter(|_| call.kind == Kind::Publish)
        {
            place.copies[index].mark = mark;
            place.current = Some(index);
            return Ok(Some(place.copies[index].version.clone()));
        }
        let version = format!("v{}", place.copies.len());
        place.copies.push(Copy {
            version: version.clone(),
            credential: call.credential.clone(),
            previous: call.previous.clone(),
            mark,
            life: Life::Active,
        });
        if call.kind != Kind::Stage {
            place.current = Some(place.copies.len() - 1);
        }
        Ok(Some(version))
    }

    fn end(&mut self, call: &Call, life: Life) -> Result<Option<String>, Error> {
        let Some(place) = self.places.get_mut(&call.target) else {
            return Err(Error::not_found("no such place"));
        };
        let in_use = place.version().map(str::to_owned);
        let named = |version: &String| call.versions.contains(version);
        if in_use.is_some_and(|version| named(&version)) && life != Life::Active {
            return Err(Error::conflict(None, "it is the version in use"));
        }
        let copies = place.copies.iter_mut();
        for copy in copies.filter(|copy| named(&copy.version)) {
            copy.life = life;
        }
        Ok(call.versions.last().cloned())
    }

    fn notify(&mut self, consumer: &str) -> Result<(), Error> {
        let workload = self.consumers.get(consumer);
        if workload.is_some_and(|workload| workload.gone) {
            return Err(Error::not_found("nobody there"));
        }
        match workload.map(|workload| workload.manner) {
            Some(Manner::AtOnce) => self.reload(consumer),
            Some(Manner::After(ms)) => self
                .later
                .push((self.now_ms + ms, Later::Reloads(consumer.to_owned()))),
            Some(Manner::Never) | None => {}
        }
        Ok(())
    }
}
