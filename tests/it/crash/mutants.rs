//! Wrong keywheels, each wrong in one way that the design forbids: the checker must accuse every one of them, or
//! it would not tell a right one from a wrong one.

use super::by_hand::ByHand;
use super::rig::{Bench, Lane, PACE, Plan, run, run_through};
use super::scenario::{self, PLAIN, Scenario};
use super::watch::Watcher;
use super::world::shelf::ScriptedStore;
use super::world::{Doors, Loss, Lost, World};
use async_trait::async_trait;
use keywheel::inventory::Definition;
use keywheel::providers::{Connect, Outside};
use keywheel::rotation::decide::Decision;
use keywheel::rotation::engine::Engine;
use keywheel::rotation::facts::Pace;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Document, Found, Inspection, Mark, Notice, Observation, Place,
    Question, Result, Retired, SecretStore, SecretValue, StoreCapabilities, Version, VersionId,
    Write,
};
use std::sync::{Arc, Mutex};

/// Insists that a violation of this invariant was found.
fn accused(violations: &[String], invariant: &str) {
    let found = violations.iter().any(|told| told.starts_with(invariant));
    assert!(found, "{invariant} is not among {violations:#?}");
}

/// No gate: consumers still run, and none is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_keywheel_without_a_gate_is_caught() {
    let mut lane = Lane::sqlite().await;
    let mut plan = Plan::undisturbed(scenario::overlap());
    plan.ungated = true;
    let outcome = run(&mut lane, plan).await;
    accused(&outcome.violations, "I1: c0 was ended while app-1 held it");
}

/// The gate is not taken again: evidence once good is good for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_not_taken_again_is_caught() {
    let mut lane = Lane::sqlite().await;
    let plan = Plan::undisturbed(scenario::unsteady());
    let doors = |world| -> Arc<dyn Connect> {
        Arc::new(Credulous {
            doors: Doors(world),
            believed: Arc::default(),
        })
    };
    let outcome = run_through(&mut lane, plan, doors).await;
    accused(&outcome.violations, "I1: c0 was ended while app-1 held it");
}

type Believed = Arc<Mutex<Option<Vec<Observation>>>>;

/// Asks a consumer until it holds the candidate, and then never again.
struct Credulous {
    doors: Doors,
    believed: Believed,
}

#[async_trait]
impl Connect for Credulous {
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside> {
        let mut outside = self.doors.outside(plan, today).await?;
        for consumer in outside.consumers.values_mut() {
            *consumer = Arc::new(Believer {
                consumer: Arc::clone(consumer),
                believed: Arc::clone(&self.believed),
            });
        }
        Ok(outside)
    }
}

struct Believer {
    consumer: Arc<dyn Consumer>,
    believed: Believed,
}

#[async_trait]
impl Consumer for Believer {
    fn capabilities(&self) -> ConsumerCapabilities {
        self.consumer.capabilities()
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        self.consumer.notify(notice).await
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        if let Some(believed) = self.believed.lock().unwrap().clone() {
            return Ok(believed);
        }
        let seen = self.consumer.observe(question).await?;
        // Two values are in question only once the candidate is published; it comes first.
        let candidate = question.held.first().filter(|_| question.held.len() == 2);
        let proven = |one: &Observation| {
            let holding = candidate
                .map(|held| keywheel_contract::Holding::Credential(held.credential.clone()));
            Some(&one.holding) == holding.as_ref()
        };
        if seen.iter().all(proven) {
            *self.believed.lock().unwrap() = Some(seen.clone());
        }
        Ok(seen)
    }
}

/// No intent: calls go out, and the journal knows nothing of them.
#[tokio::test(flavor = "multi_thread")]
async fn calls_without_an_intent_are_caught() {
    let mut lane = Lane::sqlite().await;
    let plan = Plan::undisturbed(scenario::overlap());
    let doors = |world| -> Arc<dyn Connect> { Arc::new(Doors(world)) };
    let mut bench = Bench::prepare(&mut lane, plan, doors).await;
    let engine = bench.engine(&Watcher::recording());
    forgetful(&engine).await;
    let violations = bench.world.truth().violations.clone();
    accused(&violations, "I4: mint  was sent without an open intent");
}

/// The engine's loop, less the commit of intents.
async fn forgetful(engine: &Engine) {
    let mut hand = ByHand::begin(engine).await;
    for _ in 0..20 {
        let Ok(decided) = hand.decide("DELETE FROM effect").await else {
            return;
        };
        let Decision::Act { orders, known } = decided else {
            return;
        };
        hand.carry_out(&orders, &known).await;
    }
}

/// No new version on the way back: the old value is said to be shown again, and is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_writes_nothing_is_caught() {
    let mut lane = Lane::sqlite().await;
    let scenario = Scenario {
        consumers: Vec::new(),
        destinations: scenario::unsteady().destinations,
        ..scenario::rollback()
    };
    let doors = |world| -> Arc<dyn Connect> {
        Arc::new(Lazy {
            doors: Doors(Arc::clone(&world)),
            world,
            pretended: Arc::default(),
        })
    };
    let outcome = run_through(&mut lane, Plan::undisturbed(scenario), doors).await;
    accused(&outcome.violations, "I3: main:app shows a dead credential");
}

type Pretended = Arc<Mutex<Option<String>>>;

/// Pretends to write whatever stood there at first.
struct Lazy {
    doors: Doors,
    world: Arc<World>,
    pretended: Pretended,
}

#[async_trait]
impl Connect for Lazy {
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside> {
        let mut outside = self.doors.outside(plan, today).await?;
        for (name, target) in &mut outside.destinations {
            target.store = Arc::new(LazyStore {
                store: ScriptedStore {
                    world: Arc::clone(&self.world),
                    name: name.clone(),
                    abilities: PLAIN,
                },
                first: self.world.truth().values[0].clone(),
                pretended: Arc::clone(&self.pretended),
            });
        }
        Ok(outside)
    }
}

struct LazyStore {
    store: ScriptedStore,
    first: String,
    pretended: Pretended,
}

const PRETENDED: &str = "pretended";

#[async_trait]
impl SecretStore for LazyStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.store.capabilities()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let mut seen = self.store.inspect(place).await?;
        if self.pretended.lock().unwrap().is_some() {
            seen.current = Some(VersionId::new(PRETENDED));
        }
        Ok(seen)
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        self.store.compose(place, document, seen).await
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.store.stage(write).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        if write.payload.expose_secret() != self.first.as_bytes() {
            return self.store.promote(write).await;
        }
        *self.pretended.lock().unwrap() = Some(self.first.clone());
        Ok(VersionId::new(PRETENDED))
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let pretended = self.pretended.lock().unwrap().clone();
        match pretended.filter(|_| version.as_str() == PRETENDED) {
            Some(value) => Ok(Document::Whole(SecretValue::from(value))),
            None => self.store.read(place, version).await,
        }
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        self.store.list(place).await
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        self.store.find(place, mark, payload).await
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.store.disable(place, version).await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        self.store.enable(place, version).await
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.store.destroy(place, version).await
    }
}

/// No grace: what is not there yet is taken for lost, and lands later.
#[tokio::test(flavor = "multi_thread")]
async fn absence_concluded_too_early_is_caught() {
    let mut lane = Lane::sqlite().await;
    let loss = Loss {
        kind: Kind::Mint,
        target: String::new(),
        how: Lost::Late,
    };
    let mut plan = Plan::losing(scenario::unsteady(), loss);
    plan.pace = Pace {
        grace_ms: -PACE.call_ms,
        ..PACE
    };
    let outcome = run(&mut lane, plan).await;
    accused(&outcome.violations, "I2: 2 credentials live at rest");
}
