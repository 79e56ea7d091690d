//! The calls: what is asked, and what the answers hold, in our types.

use crate::connect::Clients;
use crate::options::AwsOptions;
use crate::refusal::{Effect, refusal};
use crate::secret::{STAGED, Secret};
use crate::shape::ensure_in;
use crate::versions::Versions;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::primitives::Blob;
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use std::path::{Path, PathBuf};
use tokio::sync::OnceCell;

/// Versions on one page, at most what AWS gives.
const PAGE: i32 = 100;
/// Pages of versions that are read: AWS keeps about one.
const MOST_PAGES: usize = 20;

/// The services, as us.
pub(crate) struct Calls {
    options: AwsOptions,
    base: PathBuf,
    clients: OnceCell<Clients>,
}

/// One version's content.
pub(crate) struct Value {
    pub(crate) bytes: SecretValue,
    /// Whether it is kept as `SecretBinary`, which consumers read from another field than text.
    pub(crate) binary: bool,
}

impl Calls {
    pub(crate) fn new(options: AwsOptions, base: &Path) -> Self {
        Self {
            options,
            base: base.to_owned(),
            clients: OnceCell::new(),
        }
    }

    pub(crate) fn options(&self) -> &AwsOptions {
        &self.options
    }

    pub(crate) async fn clients(&self) -> Result<&Clients> {
        self.clients
            .get_or_try_init(|| Clients::new(&self.options, &self.base))
            .await
    }

    /// What is known of a secret; none where it does not exist.
    ///
    /// # Errors
    /// `Invalid`: it lies in another region than the store.
    pub(crate) async fn describe(&self, path: &str) -> Result<Option<Secret>> {
        let clients = self.clients().await?;
        ensure_in(&clients.region, path)?;
        let asked = clients.secrets.describe_secret().secret_id(path);
        match asked.send().await {
            Ok(seen) => Ok(Some(Secret::new(seen, &clients.region))),
            Err(error) => {
                let what = format!("describing `{path}`");
                absent(refusal(&error, &what, Effect::Reads)).map(|()| None)
            }
        }
    }

    /// All versions, also those without a label; none where the secret does not exist.
    pub(crate) async fn versions(&self, path: &str) -> Result<Versions> {
        let client = &self.clients().await?.secrets;
        let mut entries = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let asked = client
                .list_secret_version_ids()
                .secret_id(path)
                .include_deprecated(true)
                .max_results(PAGE)
                .set_next_token(next);
            let page = match asked.send().await {
                Ok(page) => page,
                Err(error) => {
                    let what = format!("listing the versions of `{path}`");
                    absent(refusal(&error, &what, Effect::Reads))?;
                    return Ok(Versions::default());
                }
            };
            entries.extend(page.versions.unwrap_or_default());
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(Versions::new(entries));
            }
        }
        Err(Error::unavailable(format!(
            "listing the versions of `{path}`: it does not end after {MOST_PAGES} pages"
        )))
    }

    /// The content of exactly this version.
    ///
    /// # Errors
    /// `NotFound`: there is none.
    pub(crate) async fn value(&self, path: &str, version: &str) -> Result<Value> {
        let client = &self.clients().await?.secrets;
        let what = format!("reading version {version} of `{path}`");
        let asked = client
            .get_secret_value()
            .secret_id(path)
            .version_id(version);
        let read = asked
            .send()
            .await
            .map_err(|error| refusal(&error, &what, Effect::Reads))?;
        match (read.secret_string, read.secret_binary) {
            (Some(text), _) => Ok(Value {
                bytes: SecretValue::from(text),
                binary: false,
            }),
            (None, Some(blob)) => Ok(Value {
                bytes: SecretValue::new(blob.into_inner()),
                binary: true,
            }),
            (None, None) => Err(Error::not_found(format!("{what}: it has no value"))),
        }
    }

    /// Takes the name, without a version. Taken already is as good.
    pub(crate) async fn create(&self, path: &str) -> Result<()> {
        let client = &self.clients().await?.secrets;
        let asked = client
            .create_secret()
            .name(path)
            .description("written by keywheel");
        let made = asked.send().await;
        let refused = made
            .err()
            .map(|error| refusal(&error, &format!("creating `{path}`"), Effect::Changes));
        match refused {
            Some(error) if matches!(error.kind, ErrorKind::Conflict { .. }) => Ok(()),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// A new version under our own label. The same again changes nothing.
    ///
    /// # Errors
    /// `Conflict`: there is a version of that name with another content.
    pub(crate) async fn put(&self, path: &str, token: &str, value: &Value) -> Result<()> {
        let client = &self.clients().await?.secrets;
        let asked = client
            .put_secret_value()
            .secret_id(path)
            .client_request_token(token)
            // Never left out: then it would be current at once.
            .version_stages(STAGED);
        let asked = match value.bytes.expose_secret_str() {
            Some(text) if !value.binary => asked.secret_string(text),
            _ => asked.secret_binary(Blob::new(value.bytes.expose_secret())),
        };
        let what = format!("writing a version of `{path}`");
        let written = asked.send().await;
        written
            .map(drop)
            .map_err(|error| refusal(&error, &what, Effect::Changes))
    }

    /// Moves a label between exactly these versions; the move fails unless `from` has it.
    pub(crate) async fn move_label(
        &self,
        path: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<()> {
        let client = &self.clients().await?.secrets;
        let asked = client
            .update_secret_version_stage()
            .secret_id(path)
            .version_stage(label)
            .set_remove_from_version_id(from.map(str::to_owned))
            .set_move_to_version_id(to.map(str::to_owned));
        let what = format!("moving {label} of `{path}`");
        let moved = asked.send().await;
        moved
            .map(drop)
            .map_err(|error| refusal(&error, &what, Effect::Changes))
    }

    /// Has AWS rotate the secret, as its rotation is set up; the version it makes is named by the token. It goes on
    /// after this has answered.
    pub(crate) async fn rotate(&self, path: &str, token: &str) -> Result<()> {
        let client = &self.clients().await?.secrets;
        // Nothing else is named: function, schedule and rules stay as they are.
        let asked = client
            .rotate_secret()
            .secret_id(path)
            .client_request_token(token);
        let what = format!("having AWS rotate `{path}`");
        let begun = asked.send().await;
        begun
            .map(drop)
            .map_err(|error| refusal(&error, &what, Effect::Changes))
    }

    /// One page of everything that the account holds in this region.
    pub(crate) async fn list(&self, after: Option<&str>) -> Result<ListSecretsOutput> {
        let client = &self.clients().await?.secrets;
        let asked = client
            .list_secrets()
            .max_results(PAGE)
            .set_next_token(after.map(str::to_owned));
        let listed = asked.send().await;
        listed.map_err(|error| refusal(&error, "listing the secrets", Effect::Reads))
    }

    /// Our ARN, and the account it is in.
    pub(crate) async fn identity(&self) -> Result<(String, String)> {
        let asked = self.clients().await?.sts.get_caller_identity();
        let us = asked
            .send()
            .await
            .map_err(|error| refusal(&error, "asking who we are", Effect::Reads))?;
        Ok((us.arn.unwrap_or_default(), us.account.unwrap_or_default()))
    }
}

/// Nothing there is an answer; everything else is an error.
fn absent(error: Error) -> Result<()> {
    match error.kind {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
