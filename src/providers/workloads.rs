//! Workloads of clusters that consumers are, each built once.

use super::{locked, settings};
use crate::config::Config;
use crate::inventory::WorkloadSpec;
use keywheel_contract::{Consumer, Result};
#[cfg(feature = "kubernetes")]
use keywheel_provider_kubernetes::{KubernetesOptions, Workload};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Those that were asked for so far, by cluster and name.
#[derive(Default)]
pub(super) struct Workloads(Mutex<HashMap<String, Arc<dyn Consumer>>>);

impl Workloads {
    /// The workload that an entry names.
    ///
    /// # Errors
    /// It is not part of this build, or its settings cannot work.
    pub(super) fn one(&self, spec: &WorkloadSpec, config: &Config) -> Result<Arc<dyn Consumer>> {
        let cluster = Value::Object(spec.cluster.options.clone());
        let key = format!("{} {cluster}", spec.name);
        if let Some(kept) = locked(&self.0).get(&key) {
            return Ok(Arc::clone(kept));
        }
        let made = made(spec, config)?;
        locked(&self.0).insert(key, Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(feature = "kubernetes")]
fn made(spec: &WorkloadSpec, config: &Config) -> Result<Arc<dyn Consumer>> {
    let options = settings::<KubernetesOptions>(&spec.cluster.options)?;
    Ok(Arc::new(Workload::new(&options, &config.base, &spec.name)?))
}

#[cfg(not(feature = "kubernetes"))]
fn made(spec: &WorkloadSpec, _: &Config) -> Result<Arc<dyn Consumer>> {
    Err(keywheel_contract::Error::invalid(format!(
        "there are no workloads such as {} in this build",
        spec.name
    )))
}
