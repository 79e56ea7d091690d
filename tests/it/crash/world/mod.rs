//! A scripted outside world: issuers of every style, stores, consumers, one real store; and the truth about them.
//!
//! Every call that changes something comes through [`World::carry`], which asks the journal for the intent it
//! rests on, loses answers where a scenario says so, and counts.

pub(crate) mod issuer;
pub(crate) mod native;
mod real;
pub(crate) mod shelf;
pub(crate) mod truth;
mod workload;

use super::clock::TickingClock;
use super::scenario::{Scenario, StoreKind};
use async_trait::async_trait;
use keywheel::clock::Clock as _;
use keywheel::inventory::Definition;
use keywheel::journal::{Journal, ledger, rotations};
use keywheel::providers::{Connect, Outside, Target, place_of};
use keywheel::rotation::words::{Kind, Status};
use keywheel_contract::{Consumer, Error, Issuer, Place, Result, SecretStore};
use keywheel_provider_local::{RandomIssuer, RandomOptions};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use truth::{Key, Truth};

/// Writes that make a version current.
const WRITES: [Kind; 3] = [Kind::Publish, Kind::Republish, Kind::DropPrevious];
/// A late call lands this long after it was sent, milliseconds: after its deadline, within the grace.
const LATE_MS: i64 = 3_000;

/// How the first call of a kind goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lost {
    /// It took effect; its answer is lost.
    Answer,
    /// It never arrived; neither did an answer.
    Call,
    /// It takes effect after its deadline.
    Late,
}

/// A store of a provider, for the real destinations of a scenario.
#[derive(Clone)]
pub(crate) struct Real {
    /// What the table calls it.
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn SecretStore>,
    /// Makes a place for a run of this name, and says its path.
    pub(crate) place: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

impl std::fmt::Debug for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A call to lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) kind: Kind,
    pub(crate) target: String,
    pub(crate) how: Lost,
}

/// The outside world of one run.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) secret: String,
    pub(crate) losses: Vec<Loss>,
    journal: Journal,
    clock: Arc<TickingClock>,
    truth: Mutex<Truth>,
    real: Arc<dyn SecretStore>,
    /// Where the secret of this run lies in the real store.
    path: String,
    /// An issuer of a provider, where the scenario has one.
    pub(crate) native: Option<native::Native>,
}

impl World {
    pub(crate) fn new(
        scenario: Scenario,
        secret: String,
        losses: Vec<Loss>,
        journal: Journal,
        clock: Arc<TickingClock>,
        real: &Real,
        native: Option<native::Native>,
    ) -> Arc<Self> {
        Arc::new(Self {
            path: (real.place)(&format!("run-{}", uuid::Uuid::now_v7().simple())),
            real: Arc::clone(&real.store),
            scenario,
            secret,
            losses,
            journal,
            clock,
            truth: Mutex::default(),
            native,
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// What is so now: calls whose time has come have landed.
    pub(crate) fn truth(&self) -> MutexGuard<'_, Truth> {
        let now = self.now_ms();
        let mut truth = self.truth.lock().unwrap_or_else(PoisonError::into_inner);
        truth.land(now);
        truth
    }

    /// The one store that is not scripted, and the place of this run in it.
    pub(crate) fn real(&self, place: &Place) -> (&dyn SecretStore, Place) {
        let place = Place {
            path: self.path.clone(),
            ..place.clone()
        };
        (self.real.as_ref(), place)
    }

    /// Carries out one effect on the truth.
    async fn carry<T>(
        &self,
        kinds: &[Kind],
        target: &str,
        token: Option<String>,
        act: impl FnOnce(&mut Truth) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let fits = |key: &Key, held: &str| {
            key.target == target && token.as_deref().is_none_or(|t| t == held)
        };
        let key = self.admit(kinds, target, fits).await;
        self.land_or_lose(key, act)
    }

    /// The same for an effect that is known by its try.
    async fn carry_try<T>(
        &self,
        kind: Kind,
        attempt: &str,
        act: impl FnOnce(&mut Truth) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let fits = |key: &Key, _: &str| key.attempt.to_string() == attempt;
        let key = self.admit(&[kind], "", fits).await;
        self.land_or_lose(key, act)
    }

    fn land_or_lose<T>(
        &self,
        key: Key,
        act: impl FnOnce(&mut Truth) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lost = self.lost(&key);
        let mut truth = self.truth();
        match lost {
            None => return truth.run(&key, act),
            Some(Lost::Answer) => drop(truth.run(&key, act)),
            Some(Lost::Call) => {}
            Some(Lost::Late) => {
                let at = self.now_ms() + LATE_MS;
                truth
                    .late
                    .push((at, Box::new(move |truth| drop(truth.run(&key, act)))));
            }
        }
        Err(Error::unknown_outcome("the answer was lost"))
    }

    /// Carries out one effect of a real provider. A late call of it never arrives.
    async fn carry_real<T>(
        &self,
        kinds: &[Kind],
        target: &str,
        token: Option<String>,
        call: impl Future<Output = Result<T>>,
        note: impl FnOnce(&mut Truth, &T),
    ) -> Result<T> {
        let fits = |key: &Key, held: &str| {
            key.target == target && token.as_deref().is_none_or(|t| t == held)
        };
        let key = self.admit(kinds, target, fits).await;
        let lost = self.lost(&key);
        if matches!(lost, Some(Lost::Call | Lost::Late)) {
            return Err(Error::unknown_outcome("the call was lost"));
        }
        // Set until the answer is there: the engine drops a call that takes too long, which then may take effect unseen.
        let mut call_under_way = UnderWay {
            world: self,
            answered: false,
        };
        let result = call.await;
        call_under_way.answered = true;
        let result = self.truth().run(&key, move |truth| {
            let made = result?;
            note(truth, &made);
            Ok(made)
        });
        match lost {
            Some(_) => Err(Error::unknown_outcome("the answer was lost")),
            None => result,
        }
    }

    /// Only the first sending of the first try is lost.
    fn lost(&self, key: &Key) -> Option<Lost> {
        let named = self
            .losses
            .iter()
            .find(|loss| loss.kind == key.kind && loss.target == key.target && key.attempt == 1);
        let times = self.truth().sent.iter().filter(|sent| *sent == key).count();
        named.filter(|_| times == 1).map(|loss| loss.how)
    }

    /// I4 and I5: the open intent that a call rests on, committed before, and sent once.
    async fn admit(&self, kinds: &[Kind], target: &str, fits: impl Fn(&Key, &str) -> bool) -> Key {
        let open = self.open_intents().await;
        let mut truth = self.truth();
        let fitting = |(key, token): &&(Key, String)| kinds.contains(&key.kind) && fits(key, token);
        // Two rotations of a secret can end the same version: each has an intent of its own.
        let unsent = open
            .iter()
            .filter(fitting)
            .find(|(key, _)| !truth.sent.contains(key));
        let found = unsent.or_else(|| open.iter().find(fitting)).cloned();
        let Some((key, _)) = found else {
            let kind = kinds[0];
            truth.accuse(format!(
                "I4: {} {target} was sent without an open intent",
                kind.word()
            ));
            return Key {
                rotation: String::new(),
                kind,
                target: target.to_owned(),
                attempt: 0,
            };
        };
        // An issuer that makes one credential per tag is asked again, instead of being searched.
        let again = self
            .scenario
            .issuer
            .as_ref()
            .is_some_and(|can| can.idempotent_mint);
        if truth.sent.contains(&key) && !(again && key.kind == Kind::Mint) {
            truth.accuse(format!(
                "I5: {} {target} was sent twice for one intent",
                key.kind.word()
            ));
        }
        truth.sent.push(key.clone());
        key
    }

    async fn open_intents(&self) -> Vec<(Key, String)> {
        let secret = self.secret.clone();
        let read = self.journal.read(async move |tx| {
            let mut found = Vec::new();
            for run in rotations::unfinished(tx, &secret).await? {
                for effect in ledger::effects(tx, run.id.as_str()).await? {
                    if effect.status == Status::Intent {
                        let key = Key {
                            rotation: run.id.as_str().to_owned(),
                            kind: effect.kind,
                            target: effect.target,
                            attempt: effect.attempt,
                        };
                        found.push((key, effect.token));
                    }
                }
            }
            Ok(found)
        });
        read.await.unwrap()
    }

    fn store(self: &Arc<Self>, name: &str) -> Arc<dyn SecretStore> {
        let planned = self.scenario.destinations.iter().find(|d| d.name == name);
        match planned.map(|d| d.kind) {
            Some(StoreKind::Real) | None => Arc::new(real::WatchedStore {
                world: Arc::clone(self),
                name: name.to_owned(),
            }),
            Some(StoreKind::Scripted(abilities)) => Arc::new(shelf::ScriptedStore {
                world: Arc::clone(self),
                name: name.to_owned(),
                abilities,
            }),
        }
    }

    fn workload(self: &Arc<Self>, name: &str) -> Arc<dyn Consumer> {
        let planned = self.scenario.consumers.iter().find(|c| c.name == name);
        Arc::new(workload::Workload {
            world: Arc::clone(self),
            name: name.to_owned(),
            notified: planned.is_none_or(|planned| !planned.polls),
        })
    }
}

/// A real call under way; dropped with it, it says that the truth is not known any more.
struct UnderWay<'a> {
    world: &'a World,
    answered: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.world.truth().outlasted = true;
        }
    }
}

/// The world as the engine's providers.
pub(crate) struct Doors(pub(crate) Arc<World>);

#[async_trait]
impl Connect for Doors {
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside> {
        let issuer: Arc<dyn Issuer> = match &self.0.scenario.issuer {
            Some(_) if self.0.native.is_some() => {
                Arc::new(native::WatchedIssuer(Arc::clone(&self.0)))
            }
            Some(can) => Arc::new(issuer::ScriptedIssuer {
                world: Arc::clone(&self.0),
                can: can.clone(),
            }),
            None => Arc::new(RandomIssuer::new(RandomOptions::default())?),
        };
        let mut destinations = BTreeMap::new();
        for spec in &plan.destinations {
            let target = Target {
                store: self.0.store(&spec.name()),
                place: place_of(spec),
                spec: spec.clone(),
            };
            destinations.insert(spec.name(), target);
        }
        let names = plan.consumers.keys();
        let names = names.chain(today.iter().flat_map(|d| d.consumers.keys()));
        let consumers = names.map(|name| (name.clone(), self.0.workload(name)));
        Ok(Outside {
            issuer,
            destinations,
            consumers: consumers.collect(),
        })
    }
}
