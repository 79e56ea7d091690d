//! Scripted consumers: told, they read their destination again; asked, they say what they hold.

use super::World;
use super::truth::Truth;
use async_trait::async_trait;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Held, Holding, Notice, Observation, Question, Result,
    SecretValue, Strength,
};
use std::sync::Arc;

/// The instances of one consumer of the world.
pub(crate) struct Workload {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
    pub(crate) notified: bool,
}

const NOTICES: [Kind; 4] = [
    Kind::Notify,
    Kind::NotifyAgain,
    Kind::NotifyBack,
    Kind::NotifyDropped,
];

#[async_trait]
impl Consumer for Workload {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: Some(Strength::Proven),
            notifies: self.notified,
            host_bound: false,
        }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        let named = notice.consumer.clone();
        let call = move |truth: &mut Truth| truth.told(&named);
        self.world.carry(&NOTICES, &self.name, None, call).await
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        let mut truth = self.world.truth();
        let shown = truth.shown.get(question.destination).cloned();
        let mut seen = Vec::new();
        for instance in truth
            .instances
            .iter_mut()
            .filter(|i| i.consumer == self.name)
        {
            if let (true, Some(now)) = (instance.polls, &shown) {
                instance.holds = now.clone();
            }
            seen.push(Observation {
                instance: instance.name.clone(),
                holding: holding(&instance.holds.value, question.held),
                strength: Strength::Proven,
                started_at_ms: None,
                seen_at_ms: None,
                detail: String::new(),
            });
        }
        Ok(seen)
    }
}

fn holding(value: &str, held: &[Held<'_>]) -> Holding {
    let value = SecretValue::from(value.to_owned());
    let same = held.iter().find(|held| held.value.matches(&value));
    same.map_or(Holding::Other, |held| {
        Holding::Credential(held.credential.clone())
    })
}
