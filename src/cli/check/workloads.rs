//! Workloads that secrets name as consumers: each is looked at once, however many secrets name it.

use crate::actions::Tools;
use crate::inventory::{Definition, WorkloadSpec};
use keywheel_contract::{Examination, Finding, Verdict};
use std::collections::BTreeMap;

/// A workload, and one of the consumers that it is.
pub(super) struct Named<'a> {
    pub(super) environment: &'a str,
    pub(super) spec: &'a WorkloadSpec,
    definition: &'a Definition,
    consumer: &'a str,
}

/// What each of them shows.
pub(super) async fn examined<'a>(
    tools: &Tools,
    definitions: &'a [Definition],
) -> Vec<(Named<'a>, Examination)> {
    let mut all = Vec::new();
    for named in each(definitions).into_values() {
        let seen = examine(tools, &named).await;
        all.push((named, seen));
    }
    all
}

fn each(definitions: &[Definition]) -> BTreeMap<(&str, &str, &str), Named<'_>> {
    let mut found = BTreeMap::new();
    for definition in definitions {
        let environment = definition.id.environment();
        for (consumer, spec) in &definition.consumers {
            if let Some(spec) = spec.workload() {
                let key = (environment, spec.cluster.name.as_str(), spec.name.as_str());
                found.entry(key).or_insert(Named {
                    environment,
                    spec,
                    definition,
                    consumer,
                });
            }
        }
    }
    found
}

async fn examine(tools: &Tools, named: &Named<'_>) -> Examination {
    let wrong = |message: String| Examination {
        findings: vec![Finding::new("settings", Verdict::Missing, message)],
        policy: None,
    };
    match tools.outside(named.definition, None).await {
        Ok(outside) => match outside.consumers.get(named.consumer) {
            Some(consumer) => consumer.examine().await,
            None => wrong(format!("consumer {} is not configured", named.consumer)),
        },
        Err(error) => wrong(error.to_string()),
    }
}
