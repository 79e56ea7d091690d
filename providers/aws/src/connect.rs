//! The clients of one store or issuer: who we are, how long we wait, and that nothing is sent twice by itself.

use crate::key::KeyReader;
use crate::options::{AssumeRole, AwsOptions};
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use keywheel_contract::{Error, Result};
use std::path::Path;
use std::time::Duration;

/// How long one call may take, from the credential to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long connecting may take; what failed to connect was certainly not sent.
const CONNECTING: Duration = Duration::from_secs(5);
/// How we are named in AWS's log where nothing else is asked for.
const SESSION: &str = "keywheel";

/// Who we are, and where, before any service is called.
pub(crate) struct Identity {
    pub(crate) region: Option<Region>,
    /// Our own, before any role is taken.
    pub(crate) own: SharedCredentialsProvider,
    pub(crate) us: SharedCredentialsProvider,
}

impl Identity {
    /// Reads AWS's own settings of this process; credentials are fetched by the first call, and again when they end.
    ///
    /// # Errors
    /// `Invalid`: nothing that could hold credentials.
    pub(crate) async fn new(options: &AwsOptions, base: &Path) -> Result<Self> {
        let shared = shared(options, base).await;
        let own = shared
            .credentials_provider()
            .ok_or_else(|| Error::invalid("there is no way to obtain AWS credentials here"))?;
        let us = match &options.assume_role {
            Some(role) => taken(role, own.clone(), &shared, options).await,
            None => own.clone(),
        };
        Ok(Self {
            region: shared.region().cloned(),
            own,
            us,
        })
    }
}

/// The two services that a store calls.
pub(crate) struct Clients {
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) region: String,
}

impl Clients {
    /// # Errors
    /// `Invalid`: no region, or nothing that could hold credentials.
    pub(crate) async fn new(options: &AwsOptions, base: &Path) -> Result<Self> {
        let Identity { region, us, .. } = Identity::new(options, base).await?;
        let region = region.ok_or_else(|| {
            Error::invalid("no region: write `region`, or set AWS_REGION for the daemon")
        })?;
        Ok(Self {
            secrets: secrets(options, region.clone(), us.clone()),
            sts: aws_sdk_sts::Client::from_conf(sts(options, region.clone(), us).build()),
            region: region.to_string(),
        })
    }
}

async fn shared(options: &AwsOptions, base: &Path) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(key) = &options.access_key {
        loader = loader.credentials_provider(KeyReader::new(key.clone(), base));
    }
    loader.load().await
}

/// The role, taken by our own identity.
async fn taken(
    role: &AssumeRole,
    own: SharedCredentialsProvider,
    shared: &SdkConfig,
    options: &AwsOptions,
) -> SharedCredentialsProvider {
    let mut shared = shared.clone().into_builder();
    shared.set_endpoint_url(options.sts_endpoint.clone());
    let mut asked = AssumeRoleProvider::builder(&role.role_arn)
        .session_name(role.session_name.as_deref().unwrap_or(SESSION))
        .configure(&shared.build());
    if let Some(id) = &role.external_id {
        asked = asked.external_id(id);
    }
    SharedCredentialsProvider::new(asked.build_from_provider(own).await)
}

/// Built from nothing but our settings: `AWS_ENDPOINT_URL` could lead elsewhere, and without encryption.
fn secrets(
    options: &AwsOptions,
    region: Region,
    us: SharedCredentialsProvider,
) -> aws_sdk_secretsmanager::Client {
    let mut config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(us)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    config.set_endpoint_url(options.endpoint.clone());
    if reads_each_time(options) {
        config.set_identity_cache(IdentityCache::no_cache());
    }
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

/// The same for the Security Token Service.
pub(crate) fn sts(
    options: &AwsOptions,
    region: Region,
    us: SharedCredentialsProvider,
) -> aws_sdk_sts::config::Builder {
    let mut config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(us)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    config.set_endpoint_url(options.sts_endpoint.clone());
    if reads_each_time(options) {
        config.set_identity_cache(IdentityCache::no_cache());
    }
    config
}

/// The same for Identity and Access Management, at this address.
pub(crate) fn iam(
    options: &AwsOptions,
    endpoint: Option<&String>,
    region: Region,
    us: SharedCredentialsProvider,
) -> aws_sdk_iam::config::Builder {
    let mut config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(us)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    config.set_endpoint_url(endpoint.cloned());
    if reads_each_time(options) {
        config.set_identity_cache(IdentityCache::no_cache());
    }
    config
}

/// A key that lies in a file costs nothing to read, and may have been replaced since.
fn reads_each_time(options: &AwsOptions) -> bool {
    options.access_key.is_some() && options.assume_role.is_none()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECTING)
        .operation_timeout(PATIENCE)
        .build()
}
