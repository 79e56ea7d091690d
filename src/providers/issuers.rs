//! Issuers by their kinds.

use super::{Providers, settings};
use crate::inventory::IssuerSpec;
use keywheel_contract::{Error, Issuer, Result};
#[cfg(feature = "aws")]
use keywheel_provider_aws::{KeyIssuer, RotationIssuer};
#[cfg(feature = "azure")]
use keywheel_provider_azure::AppSecretIssuer;
use keywheel_provider_exec::ExecIssuer;
#[cfg(feature = "google")]
use keywheel_provider_google::ServiceKeyIssuer;
#[cfg(feature = "http")]
use keywheel_provider_http::HttpIssuer;
#[cfg(feature = "jwt")]
use keywheel_provider_jwt::JwtKeyIssuer;
use keywheel_provider_local::{ManualIssuer, RandomIssuer};
#[cfg(feature = "postgres")]
use keywheel_provider_postgres::PostgresIssuer;
#[cfg(feature = "redis")]
use keywheel_provider_redis::RedisIssuer;
#[cfg(feature = "ssh")]
use keywheel_provider_ssh::SshKeyIssuer;
use std::sync::Arc;

impl Providers {
    pub(super) async fn new_issuer(&self, spec: &IssuerSpec) -> Result<Arc<dyn Issuer>> {
        let (options, base) = (&spec.options, &self.config.base);
        Ok(match spec.kind.as_str() {
            "random" => Arc::new(RandomIssuer::new(settings(options)?)?),
            "manual" => Arc::new(ManualIssuer::new(settings(options)?)?),
            #[cfg(feature = "aws")]
            "aws-rotation" => Arc::new(RotationIssuer::new(&settings(options)?, base)?),
            #[cfg(feature = "jwt")]
            "jwt-key" => Arc::new(JwtKeyIssuer::new(&settings(options)?, base)?),
            #[cfg(feature = "mysql")]
            "mysql" => keywheel_provider_mysql::issuer(
                settings(options)?,
                base,
                Arc::clone(&self.fingerprint),
            )?,
            #[cfg(feature = "postgres")]
            "postgres" => Arc::new(PostgresIssuer::new(settings(options)?, base)?),
            #[cfg(feature = "azure")]
            "azure-app-secret" => Arc::new(AppSecretIssuer::new(&settings(options)?, base)?),
            #[cfg(feature = "aws")]
            "aws-iam-key" => Arc::new(KeyIssuer::new(&settings(options)?, base)?),
            #[cfg(feature = "google")]
            "google-service-account-key" => {
                Arc::new(ServiceKeyIssuer::new(&settings(options)?, base)?)
            }
            #[cfg(feature = "redis")]
            "redis" => Arc::new(RedisIssuer::new(
                settings(options)?,
                base,
                Arc::clone(&self.fingerprint),
            )?),
            #[cfg(feature = "ssh")]
            "ssh-key" => Arc::new(SshKeyIssuer::new(settings(options)?, base)?),
            #[cfg(feature = "http")]
            "http" => Arc::new(HttpIssuer::new(
                &settings(options)?,
                base,
                &self.config.packs,
                Arc::clone(&self.fingerprint),
            )?),
            "exec" => {
                let (program, config) = self.program_of(options)?;
                Arc::new(ExecIssuer::connect(program, config, self.launcher.clone()).await?)
            }
            other => {
                return Err(Error::invalid(format!(
                    "there is no issuer of kind `{other}` in this build"
                )));
            }
        })
    }
}
