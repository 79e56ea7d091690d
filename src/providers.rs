//! The one visible list of providers: from a configured kind to the crate that speaks to it. No other file
//! names them.

mod issuers;
mod paths;
mod stores;
mod units;
mod workloads;

use crate::config::Config;
use crate::consumers::{self, Means, Postbox, Reach, SystemNames};
use crate::inventory::{
    ConsumerSpec, Definition, Destination, IssuerSpec, NotifySpec, StoreSpec, VerifySpec,
};
use crate::quotas::{Metered, Quotas};
use crate::rotation::facts::Capabilities;
use keywheel_contract::{Consumer, Error, FingerprintKey, Issuer, Place, Result, SecretStore};
use keywheel_provider_exec::{ExecConsumer, Launcher, Program, ProgramOptions};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use workloads::Workloads;

/// The outside systems of one rotation, ready to be called.
pub struct Outside {
    /// Who honours the credential.
    pub issuer: Arc<dyn Issuer>,
    /// Each destination by name: its store, its place there, and how it is written.
    pub destinations: BTreeMap<String, Target>,
    /// Each consumer by name.
    pub consumers: BTreeMap<String, Arc<dyn Consumer>>,
}

/// One destination, ready to be called.
pub struct Target {
    /// Its store.
    pub store: Arc<dyn SecretStore>,
    /// The place in it.
    pub place: Place,
    /// As the plan says.
    pub spec: Destination,
}

impl Target {
    /// Whether the store takes content of so many bytes.
    ///
    /// # Errors
    /// `Invalid`: it has more than the store takes.
    pub fn ensure_takes(&self, bytes: usize) -> Result<()> {
        let limit = self.store.capabilities().max_bytes.unwrap_or(usize::MAX);
        match bytes <= limit {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "{bytes} bytes do not fit into {}, which takes {limit}",
                self.spec.name()
            ))),
        }
    }
}

impl Outside {
    /// What all of them can do.
    pub fn capabilities(&self) -> Capabilities {
        let stores = self
            .destinations
            .iter()
            .map(|(name, t)| (name.clone(), t.store.capabilities()));
        let consumers = self
            .consumers
            .iter()
            .map(|(name, c)| (name.clone(), c.capabilities()));
        Capabilities {
            issuer: self.issuer.capabilities(),
            stores: stores.collect(),
            consumers: consumers.collect(),
        }
    }
}

/// Finds the outside systems of a rotation. The engine has one; tests bring their own.
#[async_trait::async_trait]
pub trait Connect: Send + Sync {
    /// Everything a plan, and today's entry beside it, needs.
    ///
    /// # Errors
    /// Something is not configured here or cannot be started.
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside>;
}

/// The providers of this build, with what they need from `keywheel.toml`.
pub struct Providers {
    config: Config,
    fingerprint: Arc<FingerprintKey>,
    launcher: Launcher,
    quotas: Arc<Quotas>,
    postbox: Arc<dyn Postbox>,
    programs: Arc<Mutex<HashMap<String, Arc<dyn Consumer>>>>,
    issuers: Mutex<HashMap<String, Arc<dyn Issuer>>>,
    stores: Mutex<HashMap<String, Arc<dyn SecretStore>>>,
    workloads: Workloads,
    reaches: Mutex<HashMap<String, Arc<Reach>>>,
}

impl Providers {
    /// Providers as configured; nothing is called or started yet.
    pub fn new(
        config: Config,
        fingerprint: Arc<FingerprintKey>,
        launcher: Launcher,
        quotas: Arc<Quotas>,
        postbox: Arc<dyn Postbox>,
    ) -> Self {
        Self {
            config,
            fingerprint,
            launcher,
            quotas,
            postbox,
            programs: Arc::default(),
            issuers: Mutex::default(),
            stores: Mutex::default(),
            workloads: Workloads::default(),
            reaches: Mutex::default(),
        }
    }

    /// The issuer that an entry names.
    ///
    /// # Errors
    /// Its kind is not part of this build, or its settings cannot work.
    pub async fn issuer(&self, spec: &IssuerSpec) -> Result<Arc<dyn Issuer>> {
        let key = format!("{} {}", spec.kind, Value::Object(spec.options.clone()));
        if let Some(kept) = locked(&self.issuers).get(&key) {
            return Ok(Arc::clone(kept));
        }
        let issuer = self.new_issuer(spec).await?;
        locked(&self.issuers).insert(key, Arc::clone(&issuer));
        Ok(issuer)
    }

    /// The store that an entry names.
    ///
    /// # Errors
    /// Its kind is not part of this build, or its settings cannot work.
    pub async fn store(&self, spec: &StoreSpec) -> Result<Arc<dyn SecretStore>> {
        let key = format!("{} {}", spec.kind, Value::Object(spec.options.clone()));
        if let Some(kept) = locked(&self.stores).get(&key) {
            return Ok(Arc::clone(kept));
        }
        let store = self.new_store(spec).await?;
        let store: Arc<dyn SecretStore> = Arc::new(Metered::new(store, Arc::clone(&self.quotas)));
        locked(&self.stores).insert(key, Arc::clone(&store));
        Ok(store)
    }

    fn program_of(&self, options: &Map<String, Value>) -> Result<(Program, Map<String, Value>)> {
        let name = options
            .get("program")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut config = self.config_of(name);
        let own = options.get("config").and_then(Value::as_object);
        config.extend(own.cloned().unwrap_or_default());
        Ok((program(&self.config, name)?, config))
    }

    /// What `keywheel.toml` hands to a program.
    fn config_of(&self, name: &str) -> Map<String, Value> {
        self.config
            .programs
            .get(name)
            .map(|spec| spec.config.clone())
            .unwrap_or_default()
    }

    async fn consumer(
        &self,
        environment: &str,
        spec: &ConsumerSpec,
        issuer: &Arc<dyn Issuer>,
    ) -> Result<Arc<dyn Consumer>> {
        for name in programs_in(spec) {
            self.start_program(name).await?;
        }
        let reach = self.reach(environment)?;
        let workload = match (spec.workload(), spec.unit()) {
            (Some(named), _) => Some(self.workloads.one(named, &self.config)?),
            (None, Some(named)) => Some(units::one(named, environment, &self.config)?),
            (None, None) => None,
        };
        let means = Means {
            reach: &reach,
            issuer: Some(issuer),
            postbox: Some(&self.postbox),
            workload: workload.as_ref(),
        };
        consumers::build(&paths::absolute(&self.config, spec), means)
    }

    async fn start_program(&self, name: &str) -> Result<()> {
        if locked(&self.programs).contains_key(name) {
            return Ok(());
        }
        let started = ExecConsumer::connect(
            program(&self.config, name)?,
            self.config_of(name),
            self.launcher.clone(),
        )
        .await?;
        locked(&self.programs).insert(name.to_owned(), Arc::new(started));
        Ok(())
    }

    fn reach(&self, environment: &str) -> Result<Arc<Reach>> {
        if let Some(kept) = locked(&self.reaches).get(environment) {
            return Ok(Arc::clone(kept));
        }
        let allowed = self.config.hosts.get(environment).cloned();
        // The inventory allows this machine without naming it.
        let allowed = allowed.unwrap_or_default().and_this_machine();
        let programs = Arc::clone(&self.programs);
        let find = move |name: &str| {
            let found = locked(&programs).get(name).map(Arc::clone);
            found.ok_or_else(|| {
                Error::invalid(format!("program `{name}` is not declared in keywheel.toml"))
            })
        };
        let reach = Reach::new(environment, allowed, Arc::new(SystemNames), Arc::new(find))?;
        let reach = Arc::new(reach);
        locked(&self.reaches).insert(environment.to_owned(), Arc::clone(&reach));
        Ok(reach)
    }
}

#[async_trait::async_trait]
impl Connect for Providers {
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside> {
        let mut destinations = BTreeMap::new();
        for spec in &plan.destinations {
            let store = self.store(&spec.store).await?;
            destinations.insert(
                spec.name(),
                Target {
                    store,
                    place: place_of(spec),
                    spec: spec.clone(),
                },
            );
        }
        let issuer = self.issuer(&plan.issuer).await?;
        let mut consumers = BTreeMap::new();
        let listed = plan
            .consumers
            .iter()
            .chain(today.iter().flat_map(|d| d.consumers.iter()));
        for (name, spec) in listed {
            // Today's way of reaching a consumer replaces the planned one.
            consumers.insert(
                name.clone(),
                self.consumer(plan.id.environment(), spec, &issuer).await?,
            );
        }
        Ok(Outside {
            issuer,
            destinations,
            consumers,
        })
    }
}

/// A program declared in `keywheel.toml`.
///
/// # Errors
/// It is not declared, or its declaration cannot work.
pub fn program(config: &Config, name: &str) -> Result<Program> {
    let Some(spec) = config.programs.get(name) else {
        return Err(Error::invalid(format!(
            "program `{name}` is not declared in keywheel.toml"
        )));
    };
    let options = ProgramOptions {
        path: spec.path.clone(),
        sha256: spec.sha256.clone(),
        args: spec.args.clone(),
        env: spec.env.clone(),
        deadline: spec.deadline.map(|deadline| deadline.to_string()),
        max_output: spec.max_output.and_then(|most| usize::try_from(most).ok()),
    };
    Program::new(name, options, &config.base).map_err(|e| Error::invalid(e.message))
}

/// A destination as its store sees it.
pub fn place_of(spec: &Destination) -> Place {
    Place {
        path: spec.path.clone(),
        fields: spec.fields.keys().cloned().collect(),
        selector: spec.selector.clone(),
    }
}

fn programs_in(spec: &ConsumerSpec) -> impl Iterator<Item = &str> {
    let notify = match &spec.notify {
        NotifySpec::Exec { program } => Some(program.as_str()),
        NotifySpec::Http { .. }
        | NotifySpec::Workload(_)
        | NotifySpec::Unit(_)
        | NotifySpec::None { .. } => None,
    };
    let verify = match &spec.verify {
        VerifySpec::Exec { program } => Some(program.as_str()),
        VerifySpec::Http { .. }
        | VerifySpec::File { .. }
        | VerifySpec::Sessions { .. }
        | VerifySpec::Attest
        | VerifySpec::Workload(_)
        | VerifySpec::Unit(_)
        | VerifySpec::None { .. } => None,
    };
    notify.into_iter().chain(verify)
}

/// Provider settings never hold values, so that the parser's own words may be shown. `host` is the engine's.
fn settings<T: DeserializeOwned>(options: &Map<String, Value>) -> Result<T> {
    let mut options = options.clone();
    options.remove("host");
    serde_json::from_value(Value::Object(options)).map_err(|e| Error::invalid(e.to_string()))
}

/// A panic elsewhere leaves these maps whole: an entry is inserted in one step.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
