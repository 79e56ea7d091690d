//! How long many rotations take at least, by the quotas of their stores (pure).

use keywheel_contract::{Quota, SecretStore, Verb};
use serde::Serialize;
use std::collections::BTreeMap;

/// How often a rotation without troubles asks each of a destination's store.
const OF_A_ROTATION: [(Verb, u64); 6] = [
    (Verb::Inspect, 6),
    (Verb::Compose, 3),
    (Verb::Stage, 1),
    (Verb::Promote, 1),
    (Verb::Read, 4),
    (Verb::End, 2),
];

/// Calls that rotations will make, by quota.
#[derive(Default)]
pub struct Demand(BTreeMap<String, (Quota, u64)>);

/// The quota that holds everything back longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Narrowest {
    /// Its name.
    pub quota: String,
    /// Calls that fall under it.
    pub calls: u64,
    /// How many a minute we allow ourselves now.
    pub per_minute: u64,
    /// How long they take at that pace.
    pub seconds: u64,
}

impl Demand {
    /// One more rotation that publishes to this store.
    pub fn add(&mut self, store: &dyn SecretStore) {
        let stages = store.capabilities().stages;
        let asked = OF_A_ROTATION
            .iter()
            .filter(|(verb, _)| stages || *verb != Verb::Stage);
        for (verb, times) in asked {
            for draw in store.draws(*verb) {
                let name = draw.quota.name.clone();
                let (_, calls) = self.0.entry(name).or_insert((draw.quota, 0));
                *calls += times * u64::from(draw.calls);
            }
        }
    }

    /// The quota that takes longest, at the paces of now (calls a minute; the limit where none is given).
    pub fn narrowest(&self, paces: &BTreeMap<String, u64>) -> Option<Narrowest> {
        let each = self.0.values().map(|(quota, calls)| {
            let limit = u64::from(quota.per_minute.max(1));
            let per_minute = paces
                .get(&quota.name)
                .map_or(limit, |pace| *pace.min(&limit))
                .max(1);
            let beyond = calls.saturating_sub(u64::from(quota.burst));
            Narrowest {
                quota: quota.name.clone(),
                calls: *calls,
                per_minute,
                seconds: (beyond * 60).div_ceil(per_minute),
            }
        });
        each.max_by_key(|one| one.seconds)
    }
}
