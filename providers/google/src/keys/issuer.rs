//! The issuer: what each verb is at Google.

use super::VALUE;
use super::calls::Calls;
use super::key_file;
use super::options::ServiceKeyOptions;
use super::pair::{Pair, is_named};
use super::trial::{Door, Said, refused};
use async_trait::async_trait;
use chrono::Utc;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, Style, Tag,
};
use std::path::Path;
use std::time::Duration;

/// A change of a key may not be known everywhere for so long: Google says that it may take a minute and more
/// (<https://docs.cloud.google.com/iam/docs/keys-create-delete>).
const SETTLES: Duration = Duration::from_secs(300);
/// What a key of 2,048 bits is worth: <https://doi.org/10.6028/NIST.SP.800-57pt1r5>, table 2.
const ENTROPY_BITS: u32 = 112;

/// The keys of one service account. A credential is named as Google names its key.
pub struct ServiceKeyIssuer {
    calls: Calls,
    door: Door,
    settles: Duration,
}

impl ServiceKeyIssuer {
    /// An issuer as configured; relative paths count from `base`. Nothing is called yet, and no credential is read.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` cannot be used.
    pub fn new(options: &ServiceKeyOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            calls: Calls::new(options, base)?,
            door: Door::new(options, base)?,
            settles: SETTLES,
        })
    }

    /// The same for a service that knows a change after this long.
    #[must_use]
    pub fn settling_in(self, settles: Duration) -> Self {
        Self { settles, ..self }
    }

    fn account(&self) -> &str {
        &self.calls.options.account
    }

    /// Whoever ends a key with that very key is locked out at the end.
    async fn ensure_not_ourselves(&self) -> Result<()> {
        let ours = self.calls.transport.identity.account().await?;
        match ours.as_deref() == Some(self.account()) {
            false => Ok(()),
            true => Err(Error::invalid(
                "`credentials` are those of `account` itself: its keys are administered by another account",
            )),
        }
    }

    async fn switch(&self, id: &CredentialId, verb: &str, wanted: CredentialState) -> Result<()> {
        match self.calls.switch(id, verb).await? || self.state(id).await? == wanted {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "{verb} of a key: its state does not allow it"
            ))),
        }
    }
}

/// The work of a processor for a part of a second: not on a thread that others wait for.
async fn generated() -> Result<Pair> {
    let made = tokio::task::spawn_blocking(Pair::generate).await;
    made.map_err(|_| Error::unavailable("a key could not be made"))?
}

#[async_trait]
impl Issuer for ServiceKeyIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Issuer,
            find: Find::ByTag,
            lists_after: self.settles,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: false,
            expires: true,
            host_bound: false,
            entropy_bits: Some(ENTROPY_BITS),
        }
    }

    /// By the name in the file, where the account has such a key.
    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let Some(file) = key_file::read(fields, self.account()) else {
            return Ok(None);
        };
        let keys = self.calls.keys().await?;
        let known = keys.iter().find(|key| key.id() == file.private_key_id);
        Ok(known.map(|key| CredentialId::new(key.id())))
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let file = key_file::read(candidate, self.account());
        if file
            .and_then(|file| Pair::read(&file.private_key))
            .is_none()
        {
            return Err(Error::invalid(format!(
                "`{VALUE}` is not the key file of {}",
                self.account()
            )));
        }
        let same = |previous: &Fields| match (candidate.field(VALUE), previous.field(VALUE)) {
            (Some(new), Some(old)) => new.matches(old),
            _ => false,
        };
        match previous.is_some_and(same) {
            true => Err(Error::invalid("the key is the previous one")),
            false => Ok(()),
        }
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        self.ensure_not_ourselves().await?;
        let account = self.calls.account().await?;
        if account.disabled {
            return Err(Error::invalid(format!(
                "{} is disabled: no key of it can log in",
                self.account()
            )));
        }
        let options = &self.calls.options;
        let pair = generated().await?;
        let certificate = pair.certificate(tag, Utc::now(), options.valid_days())?;
        let key = self.calls.upload(&certificate).await?;
        let fields = key_file::written(options, &account, key.id(), &pair.pem()?)?;
        Ok(Credential {
            id: CredentialId::new(key.id()),
            fields,
        })
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let file = key_file::read(&credential.fields, self.account());
        let pair = file.as_ref().and_then(|file| Pair::read(&file.private_key));
        let (Some(file), Some(pair)) = (file, pair) else {
            return Ok(match key_file::looks_like_one(&credential.fields) {
                true => Liveness::Unknown,
                // Nobody could log in with it.
                false => Liveness::Dead,
            });
        };
        match self.door.login(&file, &pair).await? {
            Said::Accepted => Ok(Liveness::Alive),
            Said::Unclear => Ok(Liveness::Unknown),
            Said::Nobody => Err(Error::invalid(format!(
                "there is no account {}",
                self.account()
            ))),
            Said::Wrong => Ok(refused(self.state(&credential.id).await?)),
        }
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let seen = self.calls.key(id).await?;
        Ok(match seen.key {
            None => CredentialState::Absent,
            Some(key) if key.disabled => CredentialState::Disabled,
            Some(key) if key.valid_before_time.is_some_and(|end| end < seen.now) => {
                CredentialState::Disabled
            }
            Some(_) => CredentialState::Active,
        })
    }

    /// With its certificate.
    async fn expires_at(&self, id: &CredentialId) -> Result<Option<i64>> {
        let key = self.calls.key(id).await?.key;
        let key = key.ok_or_else(|| Error::unavailable(format!("key {id} is not shown")))?;
        Ok(key.valid_before_time.map(|end| end.timestamp_millis()))
    }

    /// By the subject of each certificate that somebody uploaded.
    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let certificates = self.calls.certificates().await?;
        let ours = certificates
            .into_iter()
            .filter(|(_, pem)| is_named(pem, tag));
        Ok(ours.map(|(id, _)| id).collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.switch(id, "disable", CredentialState::Disabled).await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.switch(&credential.id, "enable", CredentialState::Active)
            .await
    }

    /// This key and no other; never one of Google's own.
    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        match self.calls.key(id).await?.key {
            None => Ok(()),
            Some(key) if key.is_googles() => Err(Error::invalid(
                "this key is Google's own: nobody else can delete it",
            )),
            Some(_) => self.calls.delete(id).await,
        }
    }
}
