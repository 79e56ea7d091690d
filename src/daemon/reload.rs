//! SIGHUP: `keywheel.toml` and the inventory are read again. Hosts, programs, schedules, defaults, stores and
//! issuers come into force at once; what the daemon was built from does not, and that is said.

use crate::apply;
use crate::attested::Attested;
use crate::config::{Config, Problem};
use crate::inventory::{self, Definition};
use crate::journal::Journal;
use crate::providers::{Connect, Outside, Providers};
use crate::quotas::Quotas;
use keywheel_contract::{FingerprintKey, Result};
use keywheel_provider_exec::Launcher;
use std::sync::{Arc, PoisonError, RwLock};

/// The providers by the configuration in force. A step keeps those it began with.
pub struct Current {
    fingerprint: Arc<FingerprintKey>,
    launcher: Launcher,
    quotas: Arc<Quotas>,
    postbox: Arc<Attested>,
    providers: RwLock<Arc<Providers>>,
}

impl Current {
    /// Providers by this configuration, until another one is put in force.
    pub fn new(
        config: &Config,
        fingerprint: Arc<FingerprintKey>,
        launcher: Launcher,
        journal: &Journal,
    ) -> Self {
        let quotas = Arc::new(Quotas::new(journal.clone()));
        let postbox = Arc::new(Attested::new(journal.clone()));
        let first = Providers::new(
            config.clone(),
            Arc::clone(&fingerprint),
            launcher.clone(),
            Arc::clone(&quotas),
            Arc::clone(&postbox) as _,
        );
        Self {
            fingerprint,
            launcher,
            quotas,
            postbox,
            providers: RwLock::new(Arc::new(first)),
        }
    }

    fn in_force(&self) -> Arc<Providers> {
        let kept = self.providers.read();
        Arc::clone(&kept.unwrap_or_else(PoisonError::into_inner))
    }

    fn put_in_force(&self, config: &Config) {
        let fresh = Providers::new(
            config.clone(),
            Arc::clone(&self.fingerprint),
            self.launcher.clone(),
            Arc::clone(&self.quotas),
            Arc::clone(&self.postbox) as _,
        );
        *self
            .providers
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
    }

    /// Reads everything again; answers with the configuration in force from now on. Where a file has a problem or
    /// the change needs a restart, that is logged and the last good one stays.
    pub async fn reload(
        &self,
        config: Config,
        read: std::result::Result<Config, Vec<Problem>>,
        journal: &Journal,
    ) -> Config {
        match judge(&config, read) {
            Judged::Same => apply::reload(&config, journal).await,
            Judged::Refused(why) => {
                apply::reload(&config, journal).await;
                tracing::error!(
                    "keywheel.toml was NOT applied: {why}; the last good one stays in force"
                );
            }
            // What is wrong with it is said in the words of the inventory.
            Judged::Misfit(fresh) => {
                apply::reload(&fresh, journal).await;
                tracing::error!(
                    "keywheel.toml was NOT applied: the inventory does not fit it; the last good one stays in force"
                );
            }
            Judged::Fits(fresh) => {
                self.put_in_force(&fresh);
                tracing::info!("keywheel.toml applied");
                apply::reload(&fresh, journal).await;
                return *fresh;
            }
        }
        config
    }
}

#[async_trait::async_trait]
impl Connect for Current {
    async fn outside(&self, plan: &Definition, today: Option<&Definition>) -> Result<Outside> {
        self.in_force().outside(plan, today).await
    }
}

/// What may become of a file that was read again.
enum Judged {
    Same,
    Refused(String),
    Misfit(Box<Config>),
    Fits(Box<Config>),
}

fn judge(config: &Config, read: std::result::Result<Config, Vec<Problem>>) -> Judged {
    let fresh = match read {
        Err(problems) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            return Judged::Refused(format!("{} problems", problems.len()));
        }
        Ok(fresh) if fresh.is_same_file(config) => return Judged::Same,
        Ok(fresh) => Box::new(fresh),
    };
    let keys = needs_restart(config, &fresh).join(" and ");
    if !keys.is_empty() {
        return Judged::Refused(format!("{keys} can only change with a restart"));
    }
    match inventory::read(&fresh) {
        Ok(_) => Judged::Fits(fresh),
        Err(_) => Judged::Misfit(fresh),
    }
}

/// Keys of what is open already.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("`journal`", old.journal != new.journal),
        ("`listen`", old.listen != new.listen),
        ("`seal`", old.seal != new.seal),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(key, _)| key).collect()
}
