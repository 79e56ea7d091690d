//! Stores by their kinds.

use super::{Providers, settings};
use crate::inventory::StoreSpec;
use keywheel_contract::{Error, Result, SecretStore};
#[cfg(feature = "aws")]
use keywheel_provider_aws::{AwsOptions, AwsStore, DelegatedStore};
#[cfg(feature = "azure")]
use keywheel_provider_azure::AzureStore;
#[cfg(feature = "doppler")]
use keywheel_provider_doppler::DopplerStore;
use keywheel_provider_exec::ExecStore;
#[cfg(feature = "github")]
use keywheel_provider_github::GithubStore;
#[cfg(feature = "google")]
use keywheel_provider_google::GoogleStore;
#[cfg(feature = "kubernetes")]
use keywheel_provider_kubernetes::KubernetesStore;
use keywheel_provider_local::{DotenvStore, FilesStore};
#[cfg(feature = "vault")]
use keywheel_provider_vault::VaultStore;
use serde_json::Value;
use std::sync::Arc;

impl Providers {
    pub(super) async fn new_store(&self, spec: &StoreSpec) -> Result<Arc<dyn SecretStore>> {
        let (options, base) = (&spec.options, &self.config.base);
        let root = || {
            let root = options.get("root").and_then(Value::as_str).unwrap_or(".");
            self.config.absolute(root)
        };
        Ok(match spec.kind.as_str() {
            "files" => Arc::new(FilesStore::new(settings(options)?, root())?),
            "dotenv" => Arc::new(DotenvStore::new(root(), Arc::clone(&self.fingerprint))),
            #[cfg(feature = "aws")]
            "aws-secrets-manager" => {
                let options: AwsOptions = settings(options)?;
                match options.delegate {
                    true => Arc::new(DelegatedStore::new(&options, base)?),
                    false => Arc::new(AwsStore::new(&options, base)?),
                }
            }
            #[cfg(feature = "azure")]
            "azure-key-vault" => Arc::new(AzureStore::new(&settings(options)?, base)?),
            #[cfg(feature = "doppler")]
            "doppler" => Arc::new(DopplerStore::new(
                &settings(options)?,
                base,
                Arc::clone(&self.fingerprint),
            )?),
            #[cfg(feature = "github")]
            "github-actions" => Arc::new(GithubStore::new(&settings(options)?, base)?),
            #[cfg(feature = "google")]
            "google-secret-manager" => Arc::new(GoogleStore::new(&settings(options)?, base)?),
            #[cfg(feature = "kubernetes")]
            "kubernetes" => Arc::new(KubernetesStore::new(
                &settings(options)?,
                base,
                Arc::clone(&self.fingerprint),
            )?),
            #[cfg(feature = "vault")]
            "vault" => Arc::new(VaultStore::new(&settings(options)?, base)?),
            "exec" => {
                let (program, config) = self.program_of(options)?;
                Arc::new(ExecStore::connect(program, config, self.launcher.clone()).await?)
            }
            other => {
                return Err(Error::invalid(format!(
                    "there is no store of kind `{other}` in this build"
                )));
            }
        })
    }
}
