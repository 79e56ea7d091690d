//! Workloads of clusters and services of systemd that secrets name as consumers: each is looked at once, however many
//! secrets name it.

use crate::actions::Tools;
use crate::inventory::{ConsumerSpec, Definition};
use keywheel_contract::{Examination, Finding, Verdict};
use std::collections::BTreeMap;

/// What runs a consumer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunBy<'a> {
    pub(super) environment: &'a str,
    /// Key of the store that says how a cluster is reached; `systemd`.
    pub(super) store: &'a str,
    /// `kubernetes` or `systemd`.
    pub(super) kind: &'a str,
    /// What it is called there.
    pub(super) name: &'a str,
}

impl<'a> RunBy<'a> {
    fn of(environment: &'a str, spec: &'a ConsumerSpec) -> Option<Self> {
        let (store, kind, name) = match (spec.workload(), spec.unit()) {
            (Some(workload), _) => (
                workload.cluster.name.as_str(),
                workload.cluster.kind.as_str(),
                workload.name.as_str(),
            ),
            (None, Some(unit)) => ("systemd", "systemd", unit.name.as_str()),
            (None, None) => return None,
        };
        Some(Self {
            environment,
            store,
            kind,
            name,
        })
    }
}

/// What each of them shows.
pub(super) async fn examined<'a>(
    tools: &Tools,
    definitions: &'a [Definition],
) -> Vec<(RunBy<'a>, Examination)> {
    let mut all = Vec::new();
    for (run_by, (definition, consumer)) in each(definitions) {
        all.push((run_by, examine(tools, definition, consumer).await));
    }
    all
}

/// Each, with one of the consumers that it is.
fn each(definitions: &[Definition]) -> BTreeMap<RunBy<'_>, (&Definition, &str)> {
    let mut found = BTreeMap::new();
    for definition in definitions {
        for (consumer, spec) in &definition.consumers {
            if let Some(run_by) = RunBy::of(definition.id.environment(), spec) {
                found
                    .entry(run_by)
                    .or_insert((definition, consumer.as_str()));
            }
        }
    }
    found
}

async fn examine(tools: &Tools, definition: &Definition, consumer: &str) -> Examination {
    let wrong = |message: String| Examination {
        findings: vec![Finding::new("settings", Verdict::Missing, message)],
        policy: None,
    };
    match tools.outside(definition, None).await {
        Ok(outside) => match outside.consumers.get(consumer) {
            Some(found) => found.examine().await,
            None => wrong(format!("consumer {consumer} is not configured")),
        },
        Err(error) => wrong(error.to_string()),
    }
}
