//! Single calls of the service, in our words. Payloads of the official client's types end here.

use crate::client::{Client, PATIENCE};
use crate::marks::Annotations;
use crate::names::last;
use crate::refusal::{Effect, failed, is_precondition, lost};
use crate::standing::Numbered;
use google_cloud_gax::Result as SdkResult;
use google_cloud_gax::error::Error as SdkError;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use google_cloud_secretmanager_v1::model::{
    ListSecretsResponse, Replication, Secret, SecretPayload, replication,
};
use google_cloud_wkt::FieldMask;
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use std::time::Duration;
use zeroize::Zeroize as _;

/// Versions asked for at once.
const PAGE: i32 = 100;
/// Versions that may be gone back to.
const RECENT: i32 = 10;
/// Secrets asked for at once.
const SECRETS: i32 = 100;

pub(crate) struct Api {
    pub(crate) client: Client,
    /// `projects/P` or `projects/P/locations/L`.
    pub(crate) parent: String,
}

impl Api {
    pub(crate) fn name(&self, path: &str) -> String {
        format!("{}/secrets/{path}", self.parent)
    }

    fn version_name(&self, path: &str, which: &str) -> String {
        format!("{}/secrets/{path}/versions/{which}", self.parent)
    }

    async fn service(&self) -> Result<SecretManagerService> {
        self.client.service().await
    }

    /// The secret's own record; `None` where there is no such secret.
    pub(crate) async fn secret(&self, path: &str) -> Result<Option<Secret>> {
        let call = self.service().await?.get_secret().set_name(self.name(path));
        let answer = reading(call.send(), &format!("looking at `{path}`")).await;
        unless_missing(answer)
    }

    /// Creates a secret without any version.
    pub(crate) async fn create(
        &self,
        path: &str,
        replication: Option<Replication>,
        annotations: Annotations,
    ) -> Result<Secret> {
        let secret = Secret::new()
            .set_or_clear_replication(replication)
            .set_annotations(annotations);
        let call = self.service().await?.create_secret();
        let call = call.set_parent(&self.parent).set_secret_id(path);
        let what = format!("creating `{path}`");
        changing(call.set_secret(secret).send(), &what).await
    }

    /// Writes the annotations, and the aliases where given, over exactly the record with this etag.
    ///
    /// # Errors
    /// `Conflict`: somebody changed the record since.
    pub(crate) async fn update(
        &self,
        path: &str,
        standing: &Secret,
        annotations: Annotations,
        aliases: Option<Vec<(String, i64)>>,
    ) -> Result<Secret> {
        let mut mask = vec!["annotations"];
        let mut secret = Secret::new()
            .set_name(self.name(path))
            .set_etag(&standing.etag)
            .set_annotations(annotations);
        if let Some(aliases) = aliases {
            mask.push("version_aliases");
            secret = secret.set_version_aliases(aliases);
        }
        let call = self.service().await?.update_secret().set_secret(secret);
        let call = call.set_update_mask(FieldMask::default().set_paths(mask));
        let what = format!("updating `{path}`");
        match in_time(call.send()).await {
            None => Err(lost(Effect::Changes, &what)),
            Some(Ok(secret)) => Ok(secret),
            Some(Err(error)) if is_precondition(&error) => {
                let now = self.secret(path).await?;
                let moved = now.is_none_or(|now| now.etag != standing.etag);
                Err(match moved {
                    true => {
                        Error::conflict(None, format!("somebody changed `{path}` just before us"))
                    }
                    false => failed(&error, Effect::Changes, &what),
                })
            }
            Some(Err(error)) => Err(failed(&error, Effect::Changes, &what)),
        }
    }

    /// Adds a version with the checksum of its payload; its number.
    pub(crate) async fn add(&self, path: &str, payload: &SecretValue) -> Result<u64> {
        let bytes = payload.expose_secret();
        let sum = i64::from(crc32c::crc32c(bytes));
        let payload = SecretPayload::new()
            .set_data(bytes.to_vec())
            .set_data_crc32c(sum);
        let call = self.service().await?.add_secret_version();
        let call = call.set_parent(self.name(path)).set_payload(payload);
        let what = format!("adding a version to `{path}`");
        let version = changing(call.send(), &what).await?;
        numbered(&version.name).ok_or_else(|| lost(Effect::Changes, &what))
    }

    /// All versions, newest first.
    pub(crate) async fn versions(&self, path: &str) -> Result<Vec<Numbered>> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let (page, next) = self.page_of_versions(path, PAGE, token).await?;
            found.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        found.sort_unstable_by_key(|version| std::cmp::Reverse(version.number));
        Ok(found)
    }

    /// The newest version, in whatever state. Lists may lag behind, single numbers do not.
    pub(crate) async fn newest(&self, path: &str) -> Result<Option<Numbered>> {
        let mut newest = self.recent(path).await?.into_iter().next();
        loop {
            let next = newest.as_ref().map_or(1, |newest| newest.number + 1);
            match self.version(path, next).await? {
                Some(newer) => newest = Some(newer),
                None => return Ok(newest),
            }
        }
    }

    /// The newest few, newest first.
    pub(crate) async fn recent(&self, path: &str) -> Result<Vec<Numbered>> {
        let (mut page, _) = self.page_of_versions(path, RECENT, String::new()).await?;
        page.sort_unstable_by_key(|version| std::cmp::Reverse(version.number));
        Ok(page)
    }

    async fn page_of_versions(
        &self,
        path: &str,
        size: i32,
        token: String,
    ) -> Result<(Vec<Numbered>, String)> {
        let call = self.service().await?.list_secret_versions();
        let call = call.set_parent(self.name(path)).set_page_size(size);
        let call = call.set_page_token(token);
        let what = format!("listing the versions of `{path}`");
        let page = reading(call.send(), &what).await?;
        let versions = page.versions.iter().filter_map(Numbered::read).collect();
        Ok((versions, page.next_page_token))
    }

    /// One version; `None` where there is none of that number.
    pub(crate) async fn version(&self, path: &str, number: u64) -> Result<Option<Numbered>> {
        let name = self.version_name(path, &number.to_string());
        let call = self.service().await?.get_secret_version().set_name(name);
        let what = format!("looking at version {number} of `{path}`");
        let found = unless_missing(reading(call.send(), &what).await)?;
        Ok(found.as_ref().and_then(Numbered::read))
    }

    /// What a reader gets who asks for this number, alias or `latest`: which version, and its payload, checked.
    pub(crate) async fn access(&self, path: &str, which: &str) -> Result<(u64, SecretValue)> {
        let name = self.version_name(path, which);
        let call = self.service().await?.access_secret_version().set_name(name);
        let what = format!("reading version {which} of `{path}`");
        let answer = reading(call.send(), &what).await?;
        let number = numbered(&answer.name).ok_or_else(|| lost(Effect::Reads, &what))?;
        let payload = answer.payload.unwrap_or_default();
        let sum = i64::from(crc32c::crc32c(&payload.data));
        let right = payload.data_crc32c == Some(sum);
        let value = SecretValue::new(payload.data.to_vec());
        if let Ok(mut bytes) = payload.data.try_into_mut() {
            bytes.zeroize();
        }
        match right {
            true => Ok((number, value)),
            false => Err(Error::unavailable(format!(
                "{what}: its checksum is missing or wrong"
            ))),
        }
    }

    /// Those of these permissions that we have on the secret, by the service's own test.
    pub(crate) async fn granted(&self, path: &str, asked: &[&str]) -> Result<Vec<String>> {
        let call = self.service().await?.test_iam_permissions();
        let call = call.set_resource(self.name(path));
        let call = call.set_permissions(asked.iter().copied());
        let what = format!("testing permissions on `{path}`");
        Ok(reading(call.send(), &what).await?.permissions)
    }

    /// A part of all secrets.
    pub(crate) async fn secrets(&self, after: Option<&str>) -> Result<ListSecretsResponse> {
        let call = self.service().await?.list_secrets();
        let call = call.set_parent(&self.parent).set_page_size(SECRETS);
        let call = call.set_page_token(after.unwrap_or_default());
        reading(call.send(), "listing secrets").await
    }

    /// The service's clock as the refusal of a look at a version that cannot be tells it: the client shows no
    /// headers of other answers. RFC 9110, 5.6.7.
    pub(crate) async fn date(&self, path: &str) -> Result<Option<String>> {
        let name = self.version_name(path, &u32::MAX.to_string());
        let call = self.service().await?.get_secret_version().set_name(name);
        let refusal = in_time(call.send()).await.and_then(SdkResult::err);
        let date = refusal.as_ref().and_then(|error| {
            let date = error.http_headers()?.get("date")?;
            Some(date.to_str().ok()?.to_owned())
        });
        Ok(date)
    }

    /// Where a secret is kept that we create.
    pub(crate) fn replication(locations: &[String]) -> Replication {
        if locations.is_empty() {
            return Replication::new().set_automatic(replication::Automatic::new());
        }
        let replica = |location: &String| {
            replication::user_managed::Replica::new().set_location(location.as_str())
        };
        let managed = replication::UserManaged::new().set_replicas(locations.iter().map(replica));
        Replication::new().set_user_managed(managed)
    }
}

/// The number at the end of a version's full name.
fn numbered(name: &str) -> Option<u64> {
    last(name).parse().ok()
}

fn unless_missing<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The client's own limit counts from when it has an access token: this one counts from the beginning.
async fn in_time<T>(call: impl Future<Output = SdkResult<T>>) -> Option<SdkResult<T>> {
    let limit = PATIENCE + Duration::from_secs(1);
    tokio::time::timeout(limit, call).await.ok()
}

async fn reading<T>(call: impl Future<Output = SdkResult<T>>, what: &str) -> Result<T> {
    judged(in_time(call).await, Effect::Reads, what)
}

pub(crate) async fn changing<T>(call: impl Future<Output = SdkResult<T>>, what: &str) -> Result<T> {
    judged(in_time(call).await, Effect::Changes, what)
}

fn judged<T>(answer: Option<SdkResult<T>>, effect: Effect, what: &str) -> Result<T> {
    match answer {
        None => Err(lost(effect, what)),
        Some(answer) => answer.map_err(|error: SdkError| failed(&error, effect, what)),
    }
}
