//! A process that sleeps, perhaps for hours: between an intent and its call, then the call is not sent any more; between
//! an answer and its commit, then what it saw says nothing of now.

use super::by_hand::ByHand;
use super::check;
use super::clock::TickingClock;
use super::rig::{Bench, Lane, Outcome, PACE, Plan};
use super::scenario::{self, MAIN, Scenario};
use super::watch::Watcher;
use super::world::truth::Key;
use super::world::{Doors, Loss, Lost, World};
use keywheel::clock::Clock as _;
use keywheel::providers::Connect;
use keywheel::rotation::decide::{Decision, Known};
use keywheel::rotation::engine::Engine;
use keywheel::rotation::plan::Order;
use keywheel::rotation::words::Kind;
use keywheel::seam::{Seam, Seams, Watch, Window};
use std::sync::{Arc, Mutex};

const HOUR_MS: i64 = 3_600_000;

fn doors(world: Arc<World>) -> Arc<dyn Connect> {
    Arc::new(Doors(world))
}

/// Sleeps until the deadline of each first try is over, once its intent is dated and before it is sent.
struct Sleeper {
    clock: Arc<TickingClock>,
    slept: Mutex<Vec<(Kind, String)>>,
}

impl Watch for Sleeper {
    fn goes_on(&self, seam: &Seam) -> bool {
        let Seam::Effect {
            kind,
            target,
            window: Window::Planned,
        } = seam
        else {
            return true;
        };
        let one = (*kind, target.clone());
        let mut slept = self.slept.lock().unwrap();
        if !slept.contains(&one) {
            slept.push(one);
            self.clock.advance_to(self.clock.now_ms() + PACE.call_ms);
        }
        true
    }
}

/// Runs a scenario in which each first try is slept over: how many there were, and what went wrong.
async fn overslept(scenario: Scenario) -> (usize, Vec<String>) {
    let mut lane = Lane::sqlite().await;
    let mut bench = Bench::prepare(&mut lane, Plan::undisturbed(scenario), doors).await;
    let sleeper = Arc::new(Sleeper {
        clock: Arc::clone(&bench.lane.clock),
        slept: Mutex::default(),
    });
    let engine = Engine {
        seams: Seams::watched(Arc::<Sleeper>::clone(&sleeper)),
        ..bench.engine(&Watcher::recording())
    };
    let mut outcome = Outcome::default();
    bench.live_as(&engine, &mut outcome).await;
    let slept = sleeper.slept.lock().unwrap().clone();
    outcome.violations.extend(sent_of(&bench, &slept));
    check::everything(&bench, &mut outcome.violations).await;
    (slept.len(), outcome.violations)
}

/// First tries that were sent all the same.
fn sent_of(bench: &Bench<'_>, slept: &[(Kind, String)]) -> Vec<String> {
    let truth = bench.world.truth();
    let is_late = |key: &&Key| key.attempt == 1 && slept.contains(&(key.kind, key.target.clone()));
    let sent = truth.sent.iter().filter(is_late);
    sent.map(|key| format!("sent: {key:?}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_deadline_was_slept_over_is_not_sent_and_the_next_try_is() {
    for scenario in [scenario::overlap(), scenario::rollback()] {
        let name = scenario.name;
        let (tries, violations) = overslept(scenario).await;
        assert_eq!(violations, Vec::<String>::new(), "{name}");
        assert!(tries >= 9, "{name}: {tries}");
    }
}

/// Steps until something like this is ordered; what is ordered then, and what it rests on.
async fn until_ordered(
    hand: &mut ByHand<'_>,
    is_it: impl Fn(&Order) -> bool,
) -> (Vec<Order>, Arc<Known>) {
    loop {
        let (orders, known) = ordered(hand).await;
        if orders.iter().any(&is_it) {
            return (orders, known);
        }
        hand.carry_out(&orders, &known).await;
        hand.turn.known = Some(known);
    }
}

async fn ordered(hand: &mut ByHand<'_>) -> (Vec<Order>, Arc<Known>) {
    match hand.decide("").await.unwrap() {
        Decision::Act { orders, known } => (orders, known),
        other => panic!("it does not go on: {other:?}"),
    }
}

fn observes(order: &Order) -> bool {
    matches!(order, Order::Observe { .. })
}

/// A consumer is asked, and its answer committed after a sleep of this length: what is ordered then.
async fn asked_after(slept_ms: i64) -> Vec<Order> {
    let mut lane = Lane::sqlite().await;
    let plan = Plan::undisturbed(scenario::overlap());
    let mut bench = Bench::prepare(&mut lane, plan, doors).await;
    let engine = bench.engine(&Watcher::recording());
    let mut hand = ByHand::begin(&engine).await;
    let (orders, known) = until_ordered(&mut hand, observes).await;
    hand.carry_out(&orders, &known).await;
    hand.turn.known = Some(known);
    let clock = &bench.lane.clock;
    clock.advance_to(clock.now_ms() + slept_ms);
    ordered(&mut hand).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_before_a_long_sleep_is_asked_again() {
    assert!(!asked_after(0).await.iter().any(observes));
    assert!(asked_after(HOUR_MS).await.iter().any(observes));
}

/// A write that lands late is looked up before it landed; that it was not there is committed long after it has.
#[tokio::test(flavor = "multi_thread")]
async fn that_nothing_was_there_before_a_long_sleep_does_not_say_that_nothing_is() {
    let mut lane = Lane::sqlite().await;
    let late = Loss {
        kind: Kind::Publish,
        target: MAIN.to_owned(),
        how: Lost::Late,
    };
    let plan = Plan::losing(scenario::overlap(), late);
    let mut bench = Bench::prepare(&mut lane, plan, doors).await;
    let engine = bench.engine(&Watcher::recording());
    let mut hand = ByHand::begin(&engine).await;
    let looks_up = Order::Settle {
        kind: Kind::Publish,
        target: MAIN.to_owned(),
        attempt: 1,
    };
    let (orders, known) = until_ordered(&mut hand, |order| *order == looks_up).await;
    hand.carry_out(&orders, &known).await;
    hand.turn.known = Some(known);
    let clock = &bench.lane.clock;
    clock.advance_to(clock.now_ms() + HOUR_MS);
    let again = ordered(&mut hand).await.0;
    assert_eq!(again, [looks_up], "it is written twice");
}
