//! A process that sleeps for hours between an answer and its commit: what it saw says nothing of now.

use super::by_hand::ByHand;
use super::rig::{Bench, Lane, Plan};
use super::scenario;
use super::watch::Watcher;
use super::world::Doors;
use keywheel::providers::Connect;
use keywheel::rotation::decide::{Decision, Known};
use keywheel::rotation::plan::Order;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// Steps until a consumer is asked, commits its answer after a sleep of this length, and says what is ordered then.
async fn asked_after(slept_ms: i64) -> Vec<Order> {
    let mut lane = Lane::sqlite().await;
    let doors = |world| -> Arc<dyn Connect> { Arc::new(Doors(world)) };
    let plan = Plan::undisturbed(scenario::overlap());
    let mut bench = Bench::prepare(&mut lane, plan, doors).await;
    let engine = bench.engine(&Watcher::recording());
    let mut hand = ByHand::begin(&engine).await;
    loop {
        let (orders, known) = ordered(&mut hand).await;
        hand.carry_out(&orders, &known).await;
        let asks = orders
            .iter()
            .any(|one| matches!(one, Order::Observe { .. }));
        let mut known = Known::clone(&known);
        if asks {
            known.facts.now_ms -= slept_ms;
        }
        hand.turn.known = Some(Arc::new(known));
        if asks {
            return ordered(&mut hand).await.0;
        }
    }
}

async fn ordered(hand: &mut ByHand<'_>) -> (Vec<Order>, Arc<Known>) {
    match hand.decide("").await.unwrap() {
        Decision::Act { orders, known } => (orders, known),
        other => panic!("it does not go on: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_before_a_long_sleep_is_asked_again() {
    let observes = |one: &Order| matches!(one, Order::Observe { .. });
    assert!(!asked_after(0).await.iter().any(observes));
    assert!(asked_after(HOUR_MS).await.iter().any(observes));
}
