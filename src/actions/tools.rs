//! What an action needs beside the journal: the seal, and the way to outside systems.

use crate::attested::Attested;
use crate::config::Config;
use crate::inventory::{Definition, IssuerSpec, StoreSpec};
use crate::journal::rotations::Lease;
use crate::journal::{Journal, meta};
use crate::providers::{Connect as _, Outside, Providers};
use crate::quotas::Quotas;
use crate::rotation::decide::Turn;
use crate::rotation::facts::{Capabilities, Pace};
use crate::rotation::report::Report;
use crate::seal::{self, KeyRing};
use crate::seam::Seams;
use keywheel_contract::{FingerprintKey, Issuer, RotationId, SecretStore};
use keywheel_provider_exec::Launcher;
use std::sync::Arc;

use super::ActionError;

/// The seal and the providers; nothing is called or started by making them.
pub struct Tools {
    pub(super) ring: KeyRing,
    pub(super) providers: Providers,
}

/// Why the tools do not come together.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// The seal key cannot be used, or is not the journal's.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    /// The operating system.
    #[error("finding this program: {0}")]
    System(#[from] std::io::Error),
}

impl Tools {
    /// Loads the seal key and makes sure that it is the journal's.
    ///
    /// # Errors
    /// The key cannot be used, or it belongs to another journal.
    pub async fn new(config: &Config, journal: &Journal) -> Result<Self, ToolsError> {
        let ring = KeyRing::load(&config.seal.key_file)?;
        let kept = journal
            .read(async |tx| meta::fact(tx, meta::SEAL_CHECK).await)
            .await?;
        ring.verify(&kept.unwrap_or_default())?;
        let launcher = Launcher::current_program()?;
        let quotas = Arc::new(Quotas::new(journal.clone()));
        let fingerprint = Arc::clone(ring.fingerprint());
        let postbox = Arc::new(Attested::new(journal.clone()));
        let providers = Providers::new(config.clone(), fingerprint, launcher, quotas, postbox);
        Ok(Self { ring, providers })
    }

    /// The key of all fingerprints.
    pub fn fingerprint(&self) -> &Arc<FingerprintKey> {
        self.ring.fingerprint()
    }

    /// A store as configured; nothing is called.
    ///
    /// # Errors
    /// Its kind is not part of this build, or its settings cannot work.
    pub async fn store(&self, spec: &StoreSpec) -> keywheel_contract::Result<Arc<dyn SecretStore>> {
        self.providers.store(spec).await
    }

    /// An issuer as configured; nothing is called, but a program is started.
    ///
    /// # Errors
    /// Its kind is not part of this build, or its settings cannot work.
    pub async fn issuer(&self, spec: &IssuerSpec) -> keywheel_contract::Result<Arc<dyn Issuer>> {
        self.providers.issuer(spec).await
    }

    /// The outside systems of a definition.
    ///
    /// # Errors
    /// Something is not configured here or does not start.
    pub async fn outside(
        &self,
        plan: &Definition,
        today: Option<&Definition>,
    ) -> Result<Outside, ActionError> {
        let found = self.providers.outside(plan, today).await;
        found.map_err(|error| ActionError::Outside {
            what: format!("reaching the systems of {}", plan.id),
            error,
        })
    }
}

/// A turn without a lease: enough to load facts and judge by them, never to write a step.
pub(super) fn judging(id: &RotationId, can: Capabilities) -> Turn {
    Turn {
        lease: Lease {
            id: id.clone(),
            holder: String::new(),
            fence: 0,
        },
        can: can.into(),
        pace: Pace::default(),
        report: Report::default(),
        seams: Seams::default(),
        known: None,
        is_stale: false,
    }
}
